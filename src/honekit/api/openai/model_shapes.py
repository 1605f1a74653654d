"""A model as the contract has it, for the routes and for commands without a server."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from honekit import fine_tuning, registry
from honekit.api.served import Served
from honekit.errors import RegistryError


class Model(BaseModel):
    """A name that requests can use: a base, a tuned model or an alias."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


def model_object(served: Served) -> Model:
    """The model as the contract has it."""
    return Model(id=served.name, created=served.created_at, owned_by=served.owned_by)


class Lineage(BaseModel):
    """Where a tuned model comes from. Files of the server are not named."""

    job: str
    base: str
    base_fingerprint: str
    adapter_fingerprint: str
    measured: dict[str, Any]
    """The hash of what it learnt from, and what was measured at the end of its job."""


class ModelWithLineage(Model):
    """The contract's model with what is Hone's own."""

    lineage: Lineage | None = None


def with_lineage(served: Served) -> ModelWithLineage:
    """The model as the contract has it, and of a tuned one its lineage; a base and a checkpoint have none. Raises: StoreError."""
    return ModelWithLineage(**vars(model_object(served)), lineage=_lineage(served))


def _lineage(served: Served) -> Lineage | None:
    if served.owned_by == "base" or fine_tuning.split_checkpoint(served.model):
        return None
    try:
        version = registry.get_version(served.model)
    except RegistryError:  # deleted since it was looked for
        return None
    return Lineage(
        job=version.job_id,
        base=version.name.split(":")[1],
        base_fingerprint=version.base_fingerprint,
        adapter_fingerprint=version.adapter_fingerprint,
        measured=version.metadata,
    )
