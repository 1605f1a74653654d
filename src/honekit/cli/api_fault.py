"""What the API says of a request, said to somebody at a terminal: options in place of parameters, and where it was looked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from honekit.errors import ServeError

_MEND_MARK = ". To mend it: "
_MEND = {
    "invalid_api_key": "set HONE_API_KEY to a key of that server; `hone keys create` makes one there",
    "insufficient_scope": "set HONE_API_KEY to a key of that scope",
    "invalid_state": "`hone jobs list` shows how the jobs stand",
    "model_is_base": "`hone bases list` shows the bases; they lie in the data directory and in the Hub's cache",
}
_MISSING = {
    "fine_tune_not_found": ("fine-tuning job", "see which there are: `hone jobs list`"),
    "file_not_found": ("file", "see which there are: `hone files list`"),
    "model_not_found": ("model", "see which there are: `hone models list`, `hone bases list`"),
    "alias_not_found": ("alias", "see which there are: `hone models list`"),
    "project_not_found": ("project that this key reaches", "leave --project out, or use a key of that project"),
}
"""Codes of what a command names and is not there, with the words for it and where to look."""
_WRONG = frozenset((
    "event_not_found", "file_not_found", "invalid_type", "invalid_value", "missing_required_parameter", "model_not_available",
    "model_not_found", "unknown_parameter", "unsupported_value",
))  # fmt: skip
"""Codes that say of an option that its value is wrong, or that it is not for this."""
_NAME = re.compile(r"(?:fine tune: |File object: '|The model `|alias: '|project: ')([^'`]*)")
_HYPERPARAMETERS = {
    "n_epochs": "--epochs",
    **{
        name: f"--{name.replace('_', '-')}"
        for name in (
            "batch_size", "learning_rate_multiplier", "beta",
            "compute_multiplier", "eval_interval", "eval_samples", "reasoning_effort",
        )
    },
}  # fmt: skip
_OPTIONS = {
    "training_file": "TRAINING",
    "validation_file": "--validation",
    "integrations": "--wandb",
    "method.type": "--method",
    "method.reinforcement": "--grader",
    "method.reinforcement.grader": "--grader",
    "expires_after": "--expires-after",
    **{name: f"--{name}" for name in ("after", "metadata", "model", "purpose", "scope", "seed", "suffix")},
    **{
        f"method.{kind}.hyperparameters.{name}": option
        for kind in ("supervised", "dpo", "reinforcement")
        for name, option in _HYPERPARAMETERS.items()
    },
}


class ApiFault(ServeError):
    """The API refused a request. `where` is the option that it is about, or where something was looked for."""

    is_usage = False
    """Whether what the command names is not there, or an option has a wrong value."""


def api_fault(status: int, body: Mapping[str, Any], place: str) -> ApiFault:
    """From the error of an answer; `place` is whose data the command works on, in words."""
    code = str(body.get("code") or status)
    own_code = code if "." in code else f"api.{code}"
    what, mark, mend = str(body["message"]).partition(_MEND_MARK)
    name = _NAME.search(what)
    if code in _MISSING and name:
        kind, look = _MISSING[code]
        return _usage(ApiFault(own_code, what=f"there is no {kind} {name[1]!r}", where=place, mend=look))
    if not mark and status >= 500:
        mend = "look into that server's log"
    param = body.get("param")
    option = _option(param) if isinstance(param, str) else None
    if option:
        what = what.replace(f"'{param}'", option)
    fault = ApiFault(own_code, what=what.rstrip("."), where=option or place, mend=mend.rstrip(".") or _MEND.get(code))
    return _usage(fault) if option in _OPTIONS.values() and code in _WRONG else fault


def _usage(fault: ApiFault) -> ApiFault:
    fault.is_usage = True
    return fault


def _option(param: str) -> str:
    """The option that sets a parameter of the API, else the parameter itself."""
    return _OPTIONS.get(param) or _OPTIONS.get(re.split(r"[.\[]", param)[0]) or param
