"""Which names a user may have meant: of models, tuned or not, that this machine knows."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from honekit.base_name import is_path
from honekit.errors import HoneError, ModelError, ServeError

if TYPE_CHECKING:
    from honekit.api.served import Served
    from honekit.store.names import Kind

_NEAR = 3
_NO_SUCH_BASE = frozenset(
    f"model.{code}"
    for code in (
        "base_missing",
        "hub_no_access",
        "hub_not_found",
        "hub_unreachable",
        "no_config",
        "no_such_directory",
        "unknown_base",
    )
)


def base_names() -> list[str]:
    """Bases of the catalogue, and those of the Hub that are on this machine."""
    from honekit.models import catalogue, hub

    return list(dict.fromkeys([*(entry.id for entry in catalogue.CATALOGUE), *hub.cached_ids()]))


def own_names(*kinds: Kind) -> list[tuple[str, str]]:
    """Names of these kinds in this machine's own data, each with a word about it; none where they cannot be read."""
    from honekit.store.names import known_names

    try:
        return [named for kind in kinds for named in known_names(kind)]
    except (HoneError, sqlite3.Error):
        return []


def tuned_names() -> list[str]:
    """Aliases and tuned models."""
    return [name for name, _ in own_names("aliases", "versions")]


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A question with the names that are near, to stand before another sentence; empty where none is."""
    part = name.lower()
    holding = [one for one in known if part and part in one.lower()]
    near = dict.fromkeys([*holding, *difflib.get_close_matches(name, known, n=_NEAR, cutoff=0.6)])
    return f"did you mean {' or '.join(list(near)[:_NEAR])}? " if near else ""


def find_model(name: str, owner: str | None = None) -> Served:
    """Any name that the server knows (of `owner`, None: of everybody), and, since this is the user's own machine, any base by
    directory or Hub id.

    Raises: ServeError[serve.unknown_model], with the names that are near.
    """
    from honekit.api.served import Served, resolve
    from honekit.base_name import absolute
    from honekit.models import bases

    try:
        return resolve(name, owner=owner)
    except ServeError as fault:
        ref = absolute(name, Path.cwd())
        # A folder that only has the same name, such as a project's, is not meant.
        is_other = ref != name and not is_path(name) and not (Path(ref) / "config.json").exists()
        if bases.is_local(ref) and not is_other:
            return Served(name, ref, ref, None, "", 0, "base")
        if fault.code == "serve.unknown_model":
            fault.mend = did_you_mean(name, [*base_names(), *tuned_names()]) + str(fault.mend)
        raise


@contextmanager
def base_from(place: str, ref: str) -> Iterator[None]:
    """Has a fault of a base that there is not say which option or key (`place`) names it, and which names are near."""
    try:
        yield
    except ModelError as fault:
        if fault.code in _NO_SUCH_BASE:
            fault.where = f"{place}: {ref}"
            if ref in tuned_names():
                fault.mend = f"this is a tuned model: `hone jobs create TRAINING --model {ref}` goes on from it; here name a base"
            elif not is_path(ref) and ref.partition("@")[0] not in (known := base_names()):
                fault.mend = did_you_mean(ref, known) + str(fault.mend)
        raise
