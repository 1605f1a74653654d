"""`--device`, the same for every command that computes."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from honekit.errors import SettingsError

KINDS = ("auto", "cpu", "cuda", "mps")


def _chosen(device: str) -> str:
    """Hand it on to whatever the command starts, a server's training jobs among them."""
    if device not in KINDS:
        raise SettingsError(
            "settings.device", what=f"there is no device {device!r}", where="--device", mend=f"use one of {', '.join(KINDS)}"
        )
    if device != "auto":
        os.environ["HONE_DEVICE"] = device
    return device


Device = Annotated[
    str, typer.Option(help="auto, cpu, cuda or mps. Default: HONE_DEVICE, else a GPU where there is one.", callback=_chosen)
]
