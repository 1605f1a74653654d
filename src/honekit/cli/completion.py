"""What a shell is offered where a command takes a name: of bases, tuned models, aliases, jobs, files and runs of this machine.

Nothing here asks a server, loads a model library or says what went wrong: a shell that waits for a key has no place for it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, MutableMapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING

from honekit.cli.known_names import base_names, own_names

if TYPE_CHECKING:
    from honekit.store.names import Kind

VARIABLE = "_HONE_COMPLETE"
"""What a shell's script sets to ask: `complete_bash` and the like. Other values ask for that script."""
_BREAKS = ":=@"
"""Where bash, by its default, ends a word within a word; names of models and aliases have some of these."""

Offer = list[tuple[str, str]]
"""Names, each with a word about it that some shells show."""


def is_asked() -> bool:
    """Whether a shell asks for what may follow."""
    return os.environ.get(VARIABLE, "").startswith("complete_")


def answer(run: Callable[[], object]) -> int:
    """Print what `run` prints when it is asked; nothing, when it fails. Exit code 0."""
    said = io.StringIO()
    with suppress(Exception, SystemExit):
        known = _join_words(os.environ) if os.environ[VARIABLE] == "complete_bash" else 0
        with redirect_stdout(said), redirect_stderr(io.StringIO()):
            run()
    for line in filter(None, said.getvalue().splitlines()):
        print(line[known:])
    return 0


def _join_words(asked: MutableMapping[str, str]) -> int:
    """Put together again what bash took apart within a word. Gives how much of the word is not to be repeated, since bash only
    replaces what is behind the last break."""
    between = "\n" if "\n" in asked["COMP_WORDS"] else " "
    words: list[str] = []
    goes_on = False
    for word in asked["COMP_WORDS"].split(between)[: int(asked["COMP_CWORD"]) + 1]:
        is_break = bool(word) and not word.strip(_BREAKS)
        if len(words) > 1 and word and (goes_on or is_break):
            words[-1] += word
        else:
            words.append(word)
        goes_on = is_break
    asked["COMP_WORDS"], asked["COMP_CWORD"] = between.join(words), str(len(words) - 1)
    value = words[-1].partition("=")[2] if words[-1].startswith("-") else words[-1]
    return max(value.rfind(mark) for mark in _BREAKS) + 1


def base() -> Offer:
    """Bases by name; directories are the shell's own to offer."""
    return [(name, "base") for name in base_names()]


def own_tuned() -> Offer:
    """Aliases, tuned models and their checkpoints, where a command asks no server."""
    return own_names("aliases", "versions", "checkpoints")


def own_model() -> Offer:
    """All that answers, where a command asks no server."""
    return [*own_tuned(), *base()]


def tuned() -> Offer:
    return _own("aliases", "versions")


def model() -> Offer:
    return [] if _is_elsewhere() else own_model()


def alias() -> Offer:
    return _own("aliases")


def version() -> Offer:
    return _own("versions")


def job() -> Offer:
    return _own("jobs")


def file() -> Offer:
    return _own("files")


def file_or_path(incomplete: str) -> Offer:
    """Files by id once it is begun; before, paths are the shell's own to offer, which it does where nothing else is."""
    return _own("files") if incomplete.startswith("file-") else []


def run() -> Offer:
    """Evaluations' runs are this machine's own, whatever server is named."""
    return [("last", "the newest run"), *own_names("runs")]


def run_to_resume() -> Offer:
    return own_names("runs")


def _own(*kinds: Kind) -> Offer:
    return [] if _is_elsewhere() else own_names(*kinds)


def _is_elsewhere() -> bool:
    """Whether commands work on a server's data, of which nothing is known here."""
    return bool(os.environ.get("HONE_BASE_URL", "").strip())
