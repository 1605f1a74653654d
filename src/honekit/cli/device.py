"""`--device`, the same for every command that computes."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from honekit.settings import DEVICES, require_device


def chosen(device: str) -> str:
    """Hand it on to all that the command computes and starts, a server's training jobs among them."""
    require_device(device, "--device")
    if device != "auto":
        os.environ["HONE_DEVICE"] = device
    return device


Device = Annotated[
    str,
    typer.Option(help=f"One of {', '.join(DEVICES)}. Default: HONE_DEVICE, else a GPU where there is one.", callback=chosen),
]
"""Only a command with a project reads its value, because it goes before the device of hone.toml."""
