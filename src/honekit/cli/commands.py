"""The commands of `hone`: where each lives, and how one is imported only when it is called.

The table is all that `hone --help` needs, so help stays fast and one broken module does not take the others with it.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from honekit.cli.help_text import tidy
from honekit.errors import SettingsError

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
_JOB, _PARTS = "The whole job", "Its parts"


@dataclass(frozen=True)
class Command:
    """Where a command lives (`module:attribute`, a function or a `typer.Typer`) and its line in `hone --help`."""

    target: str
    help: str
    panel: str


COMMANDS = {
    "demo": Command("honekit.cli.run:demo", "Tune, prove and deploy a model on the bundled IoT project.", _JOB),
    "decide": Command("honekit.cli.decide:app", "Whether to prompt, retrieve, fine-tune, or do something else.", _JOB),
    "init": Command("honekit.cli.init:init", "Start a project from a CSV, JSONL or log file of your own.", _JOB),
    "run": Command("honekit.cli.run:run", "Run the whole job on the project in this folder.", _JOB),
    "serve": Command("honekit.cli.serve:serve", "Serve base models, tuned models and aliases as OpenAI's API.", _JOB),
    "chat": Command("honekit.cli.chat:chat", "Talk to one model, or to two side by side.", _JOB),
    "doctor": Command("honekit.cli.doctor:doctor", "What this machine can do, what is wrong, how to mend it.", _JOB),
    "data": Command("honekit.cli.data:app", "Training data: check, fix, label, split, convert, report.", _PARTS),
    "eval": Command("honekit.cli.eval:app", "Evaluate any model: run, compare, gate, what was forgotten.", _PARTS),
    "bases": Command("honekit.cli.bases:app", "Base models: which there are, what they need, fetching them.", _PARTS),
    "files": Command("honekit.cli.files:app", "Files for the fine-tuning API: upload, list, read, delete.", _PARTS),
    "jobs": Command("honekit.cli.jobs:app", "Jobs: create, watch, pause, resume, cancel; what happened.", _PARTS),
    "models": Command("honekit.cli.models:app", "Tuned models: versions, reports, aliases, promotion.", _PARTS),
    "keys": Command("honekit.cli.keys:app", "Keys for the served API.", _PARTS),
    "iot": Command("honekit.cli.iot:app", "The IoT diagnostic assistant.", _PARTS),
}


class LazyGroup(TyperGroup):
    """Lists commands from the table and imports one only to run it or to show its own help."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        known = COMMANDS.get(cmd_name)
        return known and TyperCommand(name=cmd_name, help=known.help, rich_help_panel=known.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in COMMANDS:
            ctx.fail(f"there is no command {args[0]!r}{_nearest(args[0])}")
        command, rest = load_command(args[0]), args[1:]
        if not rest and getattr(command, "no_args_is_help", False):
            rest = ["--help"]
        return args[0], command, rest


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"; did you mean `hone {close[0]}`?" if close else ""


def load_command(name: str) -> Any:
    """Import a command of the table. Raises: SettingsError[cli.command_unavailable] when a package that it needs is missing."""
    module_name, attribute = COMMANDS[name].target.split(":")
    try:
        target = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as fault:
        raise SettingsError(
            "cli.command_unavailable",
            what=f"`hone {name}` needs the Python module {fault.name}, which is not installed",
            where=sys.prefix,
            mend="run `make setup` in a checkout, or `python -m pip install --upgrade honekit`",
        ) from fault
    if isinstance(target, typer.Typer):
        group = get_group(target)
        group.name = name
        return tidy(group)
    single = typer.Typer(add_completion=False, context_settings=HELP_OPTIONS)
    single.command(name)(target)
    return tidy(get_command(single))
