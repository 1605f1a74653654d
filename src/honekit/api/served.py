"""Which names the server answers by: bases, tuned models, aliases. A name never is a path of the caller's choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from honekit.errors import RegistryError, ServeError


@dataclass(frozen=True)
class Served:
    """A name and what to load for it."""

    name: str
    """As listed; of an alias the alias itself."""
    model: str
    """What answers: the base's id, or the version's name behind an alias."""
    base_ref: str
    adapter: Path | None
    fingerprint: str
    """Changes when the weights do; empty for a base, which is its id."""
    created_at: int
    owned_by: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Two names with the same key are answered by the same engine."""
        return self.base_ref, str(self.adapter or ""), self.fingerprint


def resolve(name: str, extra_bases: Mapping[str, str] | None = None, owner: str | None = None) -> Served:
    """What stands behind a name now, among what `owner` may use (None: everything).

    Raises: ServeError[serve.unknown_model], StoreError.
    """
    from honekit import deploy

    base = _base(name, extra_bases or {})
    if base is not None:
        return base
    # Control characters are in no name, and PostgreSQL takes offence at a NUL.
    known = name if name.isprintable() else ""
    checkpoint = _checkpoint(known, owner)
    if checkpoint is not None:
        return checkpoint
    try:
        version = deploy.resolve(known, owner)
    except RegistryError as fault:
        raise ServeError(
            "serve.unknown_model",
            what=f"there is no model {name[:200]!r}",
            mend="`hone models list` and `hone bases list` show the names",
        ) from fault
    return Served(
        name, version.name, version.base_ref, version.adapter_path, version.adapter_fingerprint,
        int(version.created_at), "local",
    )  # fmt: skip


def list_served(extra_bases: Mapping[str, str] | None = None, owner: str | None = None) -> list[Served]:
    """What `owner` (None: anybody) is answered by: aliases, tuned models (newest first), bases on this machine.

    Checkpoints answer too and are listed with their job.
    """
    from honekit import deploy, registry

    versions = {
        version.name: Served(
            version.name, version.name, version.base_ref, version.adapter_path, version.adapter_fingerprint,
            int(version.created_at), "local",
        )
        for version in registry.list_versions(owner=owner)
    }  # fmt: skip
    aliases = {
        alias.alias: Served(
            alias.alias, target.model, target.base_ref, target.adapter, target.fingerprint,
            int(alias.updated_at), "local",
        )
        for alias in reversed(deploy.list_aliases(owner=owner))  # of several of one name the first one is meant
        if (target := versions.get(alias.version)) is not None
    }  # fmt: skip
    return [*reversed(aliases.values()), *versions.values(), *list_bases(extra_bases)]


def list_bases(extra_bases: Mapping[str, str] | None = None) -> list[Served]:
    """The bases on this machine; another server on the same database may have others."""
    from honekit.models import catalogue

    names = dict.fromkeys([*(extra_bases or {}), *(entry.id for entry in catalogue.CATALOGUE)])
    return [base for name in names if (base := _base(name, extra_bases or {})) is not None]


def first_base(extra_bases: Mapping[str, str] | None = None) -> str | None:
    """The base that embeds where a request names none: the first one that is listed."""
    return next((base.name for base in list_bases(extra_bases)), None)


def _checkpoint(name: str, owner: str | None) -> Served | None:
    """The adapter of one epoch, of the owner's own job or of one that was shared with the owner's project."""
    from honekit import fine_tuning, jobs
    from honekit.fine_tuning import permissions, records

    parts = fine_tuning.split_checkpoint(name)
    if parts is None:
        return None
    is_shared = owner is not None and permissions.is_shared(name, owner)
    found = records.by_model_name(parts[0], None if is_shared else owner)
    if found is None:
        return None
    job, _ = found
    saved = next((one for one in jobs.checkpoints(job.id) if one.step == parts[1]), None)
    if saved is None or saved.model is None:
        return None
    base = str(job.spec["base"])
    return Served(name, name, base, saved.model.path, saved.model.fingerprint, int(saved.created_at), "local")


def _base(name: str, extra: Mapping[str, str]) -> Served | None:
    """A base that is on this machine: nobody can make the server download one by asking for it."""
    from honekit.models import bases, catalogue, wheel

    ref = extra.get(name)
    entry = catalogue.find(name)
    if ref is None and entry is not None:
        convertible = entry.wheel is not None and wheel.find_gguf(entry.wheel) is not None
        ref = name if bases.is_local(name) or convertible else None
    if ref is None:
        return None
    directory = bases.base_directory(name) if ref == name else Path(ref).expanduser()
    try:
        created_at = int(directory.stat().st_mtime)
    except OSError:  # in the Hub's cache, or not converted yet
        created_at = 0
    return Served(name, name, ref, None, "", created_at, "base")
