"""A model as the contract has it, for the routes and for commands without a server."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from honekit.api.served import Served


class Model(BaseModel):
    """A name that requests can use: a base, a tuned model or an alias."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


def model_object(served: Served) -> Model:
    """The model as the contract has it."""
    return Model(id=served.name, created=served.created_at, owned_by=served.owned_by)
