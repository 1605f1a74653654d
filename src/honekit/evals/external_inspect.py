"""Inspect, through its own Python interface, with its provider for servers of OpenAI's API."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from honekit.evals.external import ExternalResult, Figure, Scored, Subject, failed, right_or_wrong

RETRIES = 4
"""Without a number of its own Inspect asks a server that is away for ever."""
LETTERS = {"C": 1, "I": 0}
"""How Inspect writes right and wrong."""


def run_inspect(task: str, subject: Subject, logs: Path, *, limit: int | None) -> list[ExternalResult]:
    """Raises: EvalError[evals.external_failed]."""
    inspect_ai, models = import_module("inspect_ai"), import_module("inspect_ai.model")
    try:
        model = models.get_model(f"openai-api/hone/{subject.model}", base_url=subject.url, api_key=subject.key)
        found = inspect_ai.eval(task, model=model, limit=limit, log_dir=str(logs), display="none", max_retries=RETRIES)
    except Exception as fault:  # whatever a task of theirs raises
        raise failed("inspect", f"{type(fault).__name__}: {fault}") from fault
    if not found:
        raise failed("inspect", f"there is no task {task!r}")
    results = []
    for log in found:
        if log.status != "success" or log.results is None:
            raise failed("inspect", str(log.error.message if log.error else log.status))
        samples = [_sample(one) for one in log.samples or []]
        library = f"inspect-ai {version('inspect-ai')}"
        results.append(ExternalResult(log.eval.task, library, _figures(log.results.scores), samples, str(log.location)))
    return results


def _figures(scores: Any) -> list[Figure]:
    found = []
    for score in scores:
        values = {name: float(metric.value) for name, metric in score.metrics.items()}
        error = values.pop("stderr", None)
        found += [Figure(f"{score.name} {name}", value, error) for name, value in values.items()]
    return found


def _sample(one: Any) -> Scored:
    asked = one.input if isinstance(one.input, str) else "\n".join(str(message.text) for message in one.input)
    scores = {name: LETTERS.get(score.value, score.value) for name, score in (one.scores or {}).items()}
    place = f"{one.id}" if one.epoch == 1 else f"{one.id}, epoch {one.epoch}"
    return Scored(place, asked, one.output.completion if one.output else "", right_or_wrong(scores))
