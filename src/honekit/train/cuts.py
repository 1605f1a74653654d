"""What is said when examples are longer than the limit, or have nothing left to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from honekit.data.lines import MAX_SHOWN, Origin, as_written, counted, places
from honekit.errors import TrainError
from honekit.jobs import JobContext

CUT = "examples_cut"
"""Key of their number in the data of the event that tells of cut examples."""


def report_cuts(
    path: Path, read: Sequence[int], limit: int, cut: Sequence[int], empty: Sequence[int], context: JobContext
) -> None:
    """Warn of the lines that were `cut` to `limit` tokens, and refuse those that are `empty`: without a predicted token.

    Raises: TrainError[train.all_truncated | train.no_trained_tokens], naming the lines; `read` are those of all examples.
    """
    refuse_empty(path, read, limit, cut, empty)
    if cut:
        # Without the file, which for the user is one of a job, and in the store has no name.
        context.event("warn", f"{_too_long(len(cut), limit)}: lines {list(cut[:MAX_SHOWN])}", {CUT: len(cut)})


def cuts_told(path: Path, limit: int, cut: Sequence[int], origin: Origin) -> str:
    """The same warning by the user's own examples."""
    written = origin(path, cut)
    return f"{_too_long(counted(written), limit)}: {places(written)}"


def _too_long(count: int, limit: int) -> str:
    return f"{count} {'example is' if count == 1 else 'examples are'} longer than {limit} tokens and cut there"


def refuse_empty(
    path: Path, read: Sequence[int], limit: int, cut: Sequence[int], empty: Sequence[int], origin: Origin = as_written
) -> None:
    """Raises: TrainError[train.all_truncated | train.no_trained_tokens] when there are lines in `empty`, named by `origin`."""
    if not empty:
        return
    written, count = origin(path, empty), counted(origin(path, read))
    if set(empty) <= set(cut):
        told = "all examples are" if counted(written) == count else f"{counted(written)} of {count} examples are"
        raise TrainError(
            "train.all_truncated",
            what=f"{told} longer than {limit} tokens; nothing is left of the answers",
            where=places(written),
            mend="raise train.max_length (up to the base's context), or shorten these examples",
        )
    raise TrainError(
        "train.no_trained_tokens",
        what=f"{counted(written)} of {count} examples have no token to learn from: every assistant message has weight 0 "
        "or is empty",
        where=places(written),
        mend="give one assistant message of each of these examples weight 1, or remove the examples",
    )
