"""What training and answering cost on this machine, beside a hosted model with the few-shot prompt.

The machine is counted by the second that it works, so a machine that idles costs more than what stands here,
and one that answers requests in batches less. All amounts are in `cost.currency` of `hone.toml`, unrounded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from honekit.data.prices import list_price_of, no_list_price_of, per_million_usd
from honekit.errors import EvalError
from honekit.project import Project

ASSUMPTION = "the machine is paid by the second that it works, one request at a time; idle hours come on top"


def measured_costs(project: Project, arms: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """What `cost_report` takes of a run's arms that were timed and graded by the primary metric; an arm without a language model
    reads and writes no tokens."""
    return {
        name: {
            "tokens_per_request": arm.get("tokens_per_request", 0.0),
            "answer_tokens_per_request": arm.get("answer_tokens_per_request", 0.0),
            "seconds_per_request": arm["latency_ms_p50"] / 1000,
            "correct_rate": arm["correct_rate"],
        }
        for name, arm in arms.items()
        if arm.get("latency_ms_p50") is not None and project.task.primary_metric in arm
    }


def cost_report(
    project: Project,
    train_seconds: float,
    arms: Mapping[str, Mapping[str, float]],
    prompted_arm: str = "base_few_shot",
) -> dict[str, Any]:
    """Cost of training, of 1,000 requests and of 1,000 right answers per arm, and the break-even volume.

    arms: name -> tokens_per_request (prompt and answer), answer_tokens_per_request of them, seconds_per_request and, where
    known, correct_rate in [0, 1] (`scores.correct_rate`). The hosted alternative answers the prompt of `prompted_arm`; without
    that arm there is no alternative to break even with. Raises: EvalError[cost.no_price] for a model without a list price.
    """
    per_second = project.cost.machine_per_hour / 3600
    training = train_seconds * per_second
    priced = {name: _arm(arm, per_second) for name, arm in arms.items()}
    alternative = _alternative(project, arms, prompted_arm)
    return {
        "currency": project.cost.currency,
        "machine_per_hour": project.cost.machine_per_hour,
        "assumption": ASSUMPTION,
        "training": {"seconds": train_seconds, "cost": training},
        "arms": priced,
        "alternative": alternative,
        "break_even": {
            name: _break_even(training, arm["per_1000_requests"], alternative, prompted_arm)
            for name, arm in priced.items()
            if name.startswith("tuned")
        },
    }


def _arm(arm: Mapping[str, float], per_second: float) -> dict[str, float | None]:
    per_1000 = 1000 * arm["seconds_per_request"] * per_second
    rate = arm.get("correct_rate")
    return {
        "tokens_per_request": arm["tokens_per_request"],
        "answer_tokens_per_request": arm.get("answer_tokens_per_request"),
        "seconds_per_request": arm["seconds_per_request"],
        "correct_rate": rate,
        "per_1000_requests": per_1000,
        "per_1000_correct": per_1000 / rate if rate else None,
    }


def _alternative(project: Project, arms: Mapping[str, Mapping[str, float]], prompted_arm: str) -> dict[str, Any] | None:
    if prompted_arm not in arms:
        return None
    tokens, answer = arms[prompted_arm]["tokens_per_request"], arms[prompted_arm].get("answer_tokens_per_request") or 0.0
    model = project.cost.alternative_model
    price = list_price(model, tokens, answer) if model else project.cost.alternative_per_million_tokens
    return {
        "prompt_of": prompted_arm,
        "model": model,
        "tokens_per_request": tokens,
        "per_million_tokens": price,
        "price_from": list_price_of(model) if model else "alternative_per_million_tokens of [cost]",
        "per_1000_requests": 1000 * tokens * price / 1e6,
    }


def list_price(model: str, tokens: float, answer_tokens: float) -> float:
    """Dollars for a million tokens of a hosted model, in and out together, where `answer_tokens` of `tokens` are the answer's.

    Raises: EvalError[cost.no_price].
    """
    price = per_million_usd(model, tokens, answer_tokens)
    if price is None:
        raise EvalError(
            "cost.no_price",
            what=no_list_price_of(model),
            where="[cost] alternative_model",
            mend="write the name as its provider does, or give alternative_per_million_tokens instead",
        )
    return price


def _break_even(
    training: float, own_per_1000: float | None, alternative: dict[str, Any] | None, prompted_arm: str
) -> dict[str, Any]:
    """The number of requests from which training has paid for itself, or None and why it never does."""
    if alternative is None or own_per_1000 is None:
        return {
            "requests": None,
            "reason": f"the arm {prompted_arm} was not measured, so there is nothing to compare with",
        }
    saved = (alternative["per_1000_requests"] - own_per_1000) / 1000
    if saved <= 0:
        return {
            "requests": None,
            "reason": "a request on this machine costs no less than the hosted alternative",
        }
    return {"requests": math.ceil(training / saved), "reason": None}
