"""What all sections of `hone.toml` have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen, and without keys that nothing reads."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
