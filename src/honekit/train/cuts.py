"""What is said when examples are longer than the limit, or have nothing left to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from honekit.errors import TrainError
from honekit.jobs import JobContext


def report_cuts(path: Path, count: int, limit: int, cut: Sequence[int], empty: Sequence[int], context: JobContext) -> None:
    """Warn of the lines that were `cut` to `limit` tokens, and refuse those that are `empty`: without a predicted token.

    Raises: TrainError[train.all_truncated | train.no_trained_tokens], naming the lines; `count` is that of the file's examples.
    """
    lines = ", ".join(map(str, empty[:20])) + (" ..." if len(empty) > 20 else "")
    if empty and set(empty) <= set(cut):
        everything = len(empty) == count
        raise TrainError(
            "train.all_truncated",
            what=f"{'all' if everything else len(empty)} examples are longer than {limit} tokens; nothing is left of the answers",
            where=f"{path}: lines {lines}",
            mend="raise train.max_length (up to the base's context), or shorten these examples",
        )
    if empty:
        raise TrainError(
            "train.no_trained_tokens",
            what=f"{len(empty)} of {count} examples have no token to learn from: "
            "every assistant message has weight 0 or is empty",
            where=f"{path}: lines {lines}",
            mend="give one assistant message of each of these examples weight 1, or remove the examples",
        )
    if cut:
        context.event("warn", f"{len(cut)} examples are longer than {limit} tokens and were cut: lines {list(cut[:20])}")
