"""Counts of a run's items as they end: how many passed, by which criterion, and what the models read and wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from honekit.evals.sampling import Sampled
from honekit.graders.criteria import Result
from honekit.graders.judges import TokenUsage

_USAGE = ("invocation_count", "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")


def begin(names: Sequence[str]) -> dict[str, Any]:
    """Nothing counted yet, for criteria of these names in their order."""
    criteria = [{"testing_criteria": name, "passed": 0, "failed": 0} for name in names]
    return {"counts": {"total": 0, "errored": 0, "failed": 0, "passed": 0}, "criteria": criteria, "models": {}}


def add(tallies: dict[str, Any], status: str, results: Sequence[Result], sampled: Sampled | None) -> dict[str, Any]:
    """The counts with one more item; the given ones stay as they are. A criterion that faulted counts neither way."""
    counts = {**tallies["counts"]}
    counts["total"] += 1
    counts[{"pass": "passed", "fail": "failed"}.get(status, "errored")] += 1
    criteria = [dict(one) for one in tallies["criteria"]]
    for one, result in zip(criteria, results, strict=False):
        if result.fault is None:
            one["passed" if result.passed else "failed"] += 1
    models = {model: dict(usage) for model, usage in tallies["models"].items()}
    if sampled is not None:
        used = TokenUsage(sampled.prompt_tokens, sampled.completion_tokens)
        _use(models, sampled.model, used, cached=sampled.cached)
    for result in results:
        for model, used in result.usage.items():
            _use(models, model, used, cached=False)
    return {"counts": counts, "criteria": criteria, "models": models}


def _use(models: dict[str, dict[str, int]], model: str, used: TokenUsage, *, cached: bool) -> None:
    known = models.setdefault(model, dict.fromkeys(_USAGE, 0))
    known["invocation_count"] += not cached
    known["prompt_tokens"] += used.prompt_tokens
    known["completion_tokens"] += used.completion_tokens
    known["total_tokens"] += used.total_tokens
    known["cached_tokens"] += used.total_tokens if cached else 0
