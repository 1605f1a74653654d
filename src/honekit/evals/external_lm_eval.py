"""lm-evaluation-harness, through its own Python interface. Tasks whose answers are generated; likelihoods are no part of chat."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from honekit.evals.external import ExternalResult, Figure, Scored, Subject, failed, right_or_wrong

AT_ONCE = 8


def run_task(task: str, subject: Subject, *, limit: int | None, tasks_dir: Path | None) -> list[ExternalResult]:
    """Raises: EvalError[evals.external_failed]."""
    lm_eval, tasks = import_module("lm_eval"), import_module("lm_eval.tasks")
    arguments = {
        "model": subject.model,
        "base_url": f"{subject.url}/chat/completions",
        "header": {"Authorization": f"Bearer {subject.key}"},
        "num_concurrent": AT_ONCE,
        "max_retries": 4,
    }
    try:
        found = lm_eval.simple_evaluate(
            model="local-chat-completions",
            model_args=arguments,
            tasks=[task],
            task_manager=tasks.TaskManager(include_path=str(tasks_dir) if tasks_dir else None),
            limit=limit,
            apply_chat_template=True,
            log_samples=True,
        )
    except Exception as fault:  # whatever a task of theirs raises
        raise failed("lm-eval", f"{type(fault).__name__}: {fault}") from fault
    if not found:
        raise failed("lm-eval", "it gave no result")
    library = f"lm-eval {version('lm-eval')}"
    samples = found.get("samples") or {}
    return [
        ExternalResult(name, library, _figures(values), [_sample(one) for one in samples.get(name, [])])
        for name, values in found["results"].items()
    ]


def _figures(values: dict[str, Any]) -> list[Figure]:
    """Their keys are `metric,filter` and `metric_stderr,filter`."""
    found = []
    for key, value in values.items():
        metric, comma, part = key.partition(",")
        if not comma or metric.endswith("_stderr") or not isinstance(value, int | float):
            continue
        error = values.get(f"{metric}_stderr,{part}")
        name = metric if part == "none" else f"{metric} ({part})"
        found.append(Figure(name, float(value), float(error) if isinstance(error, int | float) else None))
    return found


def _sample(one: dict[str, Any]) -> Scored:
    answers = one.get("filtered_resps") or [""]
    question = one.get("arguments")
    while isinstance(question, dict | list | tuple) and question:
        question = next(iter(question.values())) if isinstance(question, dict) else question[0]
    scores = right_or_wrong({name: one.get(name) for name in one.get("metrics", [])})
    return Scored(str(one.get("doc_id")), str(question), str(answers[0]), scores)
