"""What is said when examples are longer than the limit, or have nothing left to learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from honekit.data.lines import MAX_SHOWN, on_lines
from honekit.errors import TrainError
from honekit.jobs import JobContext

Origin = Callable[[Path, Sequence[int]], str]
"""Where these lines of a job's file stand for the user, who may have written another file that this one was made of."""


def report_cuts(path: Path, count: int, limit: int, cut: Sequence[int], empty: Sequence[int], context: JobContext) -> None:
    """Warn of the lines that were `cut` to `limit` tokens, and refuse those that are `empty`: without a predicted token.

    Raises: TrainError[train.all_truncated | train.no_trained_tokens], naming the lines; `count` is that of the file's examples.
    """
    refuse_empty(path, count, limit, cut, empty)
    if cut:
        context.event("warn", f"{len(cut)} examples are longer than {limit} tokens and were cut: lines {list(cut[:MAX_SHOWN])}")


def refuse_empty(path: Path, count: int, limit: int, cut: Sequence[int], empty: Sequence[int], origin: Origin = on_lines) -> None:
    """Raises: TrainError[train.all_truncated | train.no_trained_tokens] when there are lines in `empty`, named by `origin`."""
    if not empty:
        return
    if set(empty) <= set(cut):
        told = "all examples are" if len(empty) == count else f"{len(empty)} of {count} examples are"
        raise TrainError(
            "train.all_truncated",
            what=f"{told} longer than {limit} tokens; nothing is left of the answers",
            where=origin(path, empty),
            mend="raise train.max_length (up to the base's context), or shorten these examples",
        )
    raise TrainError(
        "train.no_trained_tokens",
        what=f"{len(empty)} of {count} examples have no token to learn from: every assistant message has weight 0 or is empty",
        where=origin(path, empty),
        mend="give one assistant message of each of these examples weight 1, or remove the examples",
    )
