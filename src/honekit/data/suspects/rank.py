"""Possible label errors of a file: answers that the other records, or a training job, speak against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from honekit.data.labels import ANSWER, label_fields, labels_of, named_field
from honekit.data.lines import shown
from honekit.data.rows import Row, read_rows
from honekit.data.suspects.confident import judge_labels
from honekit.data.suspects.losses import surplus_losses
from honekit.errors import DataError

MAX_SHOWN_ANSWER = 120


@dataclass(frozen=True)
class Suspect:
    """One answer that may be wrong."""

    line: int
    field: str
    """`answer` when it is the whole one."""
    given: str
    suggested: str | None
    """None when only the loss speaks against it."""
    score: float
    """0 to 1, 1 the most suspect: one minus the confidence; the share of records with a smaller loss; or the mean of the two."""
    fits_another: bool
    """Whether confident learning counts it under another label; false where only the loss was looked at."""
    confidence: float | None = None
    """Probability of the given label by a classifier that saw only other records."""
    loss: float | None = None
    """Loss in training above that of the examples learnt beside it, in nats per token."""


@dataclass(frozen=True)
class LabelSummary:
    field: str
    labels: int
    judged: int
    """Records whose label could be held against others."""
    fit_another: int
    """How many of them fit another label better: the off-diagonal of the confident joint, an estimate of the wrong ones that is
    too high where the classifier is weak."""


@dataclass(frozen=True)
class SuspectReport:
    path: Path
    records: int
    job: str | None
    fields: list[LabelSummary]
    """Empty when no answer looks like a label."""
    suspects: list[Suspect]
    """The most suspect first; at most `top` of the records for each field."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path)}


def find_suspects(
    path: Path,
    *,
    job: str | None = None,
    fields: Sequence[str] = (),
    folds: int = 5,
    top: float = 0.15,
    seed: int = 0,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> SuspectReport:
    """Rank the answers of a file by how much speaks against them; the first `top` of the records are given for each field.

    Fields are those of `honekit.data.labels.label_fields` unless named. With `job`, a training job on this very file, its
    losses count as much as the folds do, and free texts are ranked by them alone.

    Raises: DataError (faults of the file, data.field_unknown, data.suspects.nothing_to_judge, those of `surplus_losses`);
    JobError[job.unknown].
    """
    rows = read_rows(path)
    losses = surplus_losses(job, path) if job else {}
    named = [named_field(path, rows, field) for field in fields] or label_fields(rows)
    found: list[Suspect] = []
    summaries: list[LabelSummary] = []
    kept = max(1, round(top * len(rows)))
    for position, field in enumerate(named):
        before = position * folds
        judged = _judge(rows, field, folds, seed, lambda done, before=before: report(before + done, folds * len(named)))  # type: ignore[misc]
        labels = {suspect.given for suspect in judged}
        summaries.append(LabelSummary(field, len(labels), len(judged), sum(suspect.fits_another for suspect in judged)))
        found += _first(_with_losses(judged, losses), kept)
    if not any(summary.judged for summary in summaries):
        if not losses:
            raise _nothing_to_judge(path, named)
        texts = [
            Suspect(row.line, ANSWER, _shown_answer(row), None, 0.0, fits_another=False) for row in rows if row.line in losses
        ]
        found = _first(_with_losses(texts, losses), kept)
    return SuspectReport(path, len(rows), job, summaries, _first(found, len(found)))


def _judge(rows: Sequence[Row], field: str, folds: int, seed: int, report: Callable[[int], None]) -> list[Suspect]:
    labelled = [(row, label) for row, label in zip(rows, labels_of(rows, field), strict=True) if label is not None]
    texts, labels = [row.question for row, _ in labelled], [label for _, label in labelled]
    judged = []
    for one in judge_labels(texts, labels, folds=folds, seed=seed, report=report):
        row, label = labelled[one.position]
        score = 1 - one.confidence
        judged.append(Suspect(row.line, field, label, one.suggested, score, one.fits_another, confidence=one.confidence))
    return judged


def _with_losses(suspects: Sequence[Suspect], losses: dict[int, float]) -> list[Suspect]:
    if not losses:
        return list(suspects)
    ordered = sorted(suspects, key=lambda suspect: losses.get(suspect.line, 0.0))
    with_losses = []
    for rank, suspect in enumerate(ordered):
        share = rank / max(1, len(ordered) - 1)
        score = share if suspect.confidence is None else (suspect.score + share) / 2
        with_losses.append(replace(suspect, score=score, loss=losses.get(suspect.line)))
    return with_losses


def _first(suspects: Sequence[Suspect], count: int) -> list[Suspect]:
    return sorted(suspects, key=lambda suspect: (-suspect.score, suspect.line, suspect.field))[:count]


def _shown_answer(row: Row) -> str:
    text = " ".join((row.answer or "").split())
    return text if len(text) <= MAX_SHOWN_ANSWER else f"{text[: MAX_SHOWN_ANSWER - 1]}…"


def _nothing_to_judge(path: Path, fields: Sequence[str]) -> DataError:
    what = "no answer, and no field of the answers, has values that repeat like labels"
    if fields:
        what = f"{' and '.join(map(shown, fields))} cannot be judged: two labels with several different inputs each are needed"
    return DataError(
        "data.suspects.nothing_to_judge",
        what=what,
        where=str(path),
        mend="name the field of the label with `--field`, or a training job on this file with `--job`, whose losses tell",
    )
