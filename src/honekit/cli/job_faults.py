"""What is added at a terminal when the API refuses a job, since the API cannot know it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from honekit.cli.api_fault import ApiFault
from honekit.cli.connection import server_url
from honekit.cli.known_names import base_names, did_you_mean, tuned_names


def explain(fault: ApiFault, files: Mapping[str, str | None], model: str, method: str) -> None:
    """The user's own file in place of its option (`files`: option -> what was given), what makes chat JSONL of a table, and which
    models of this machine have a name near `model`."""
    file = files.get(str(fault.where))
    if file and Path(file).is_file():
        fault.where = file
        is_other = method == "supervised" and Path(file).suffix not in (".jsonl", ".ndjson")
        if is_other and fault.code == "api.invalid_training_file":
            out = shlex.quote(f"{Path(file).stem}.jsonl")
            fault.mend = f"jobs take chat JSONL: `hone data convert {shlex.quote(file)} --to chat --out {out}` writes it"
    elif fault.code == "api.model_not_found" and server_url() is None:
        fault.where = f"--model: {model}"
        fault.mend = did_you_mean(model, [*base_names(), *tuned_names()]) + str(fault.mend)
