"""What training and answering cost on this machine, beside a hosted model with the few-shot prompt.

The machine is counted by the second that it works, so a machine that idles costs more than what stands here,
and one that answers requests in batches less. All amounts are in `cost.currency` of `hone.toml`, unrounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from honekit.data.prices import list_price_of, no_list_price_of, per_million_usd
from honekit.errors import EvalError
from honekit.evals.amounts import Amount, Range, requests_until
from honekit.project import Project

ASSUMPTION = "the machine is paid by the second that it works, one request at a time; idle hours come on top"


def measured_costs(project: Project, arms: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What `cost_report` takes of a run's arms that were timed and graded by the primary metric; an arm without a language model
    reads and writes no tokens."""
    return {
        name: {
            "tokens_per_request": arm.get("tokens_per_request", 0.0),
            "answer_tokens_per_request": arm.get("answer_tokens_per_request", 0.0),
            "tokens_interval": arm.get("tokens_interval"),
            "seconds_per_request": arm["latency_ms_p50"] / 1000,
            "seconds_interval": _in_seconds(arm.get("latency_ms_p50_interval")),
            "correct_rate": arm["correct_rate"],
        }
        for name, arm in arms.items()
        if arm.get("latency_ms_p50") is not None and project.task.primary_metric in arm
    }


def cost_report(
    project: Project,
    train_seconds: float,
    arms: Mapping[str, Mapping[str, Any]],
    prompted_arm: str = "base_few_shot",
) -> dict[str, Any]:
    """Cost of training, of 1,000 requests and of 1,000 right answers per arm, and the break-even volume.

    arms: name -> tokens_per_request (prompt and answer), answer_tokens_per_request of them, seconds_per_request and, where
    known, correct_rate in [0, 1] (`scores.correct_rate`) and the 95 % intervals seconds_interval and tokens_interval. The hosted
    alternative answers the prompt of `prompted_arm`; without that arm there is none to break even with.

    Raises: EvalError[cost.no_price] for a model without a list price.
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
            name: _break_even(training, arm, alternative, prompted_arm)
            for name, arm in priced.items()
            if name.startswith("tuned")
        },
    }


def price_of(arm: Mapping[str, Any]) -> Amount:
    """What 1,000 requests of an arm, or of the hosted alternative, cost."""
    return Amount(arm["per_1000_requests"], _range(arm.get("per_1000_interval")))


def _arm(arm: Mapping[str, Any], per_second: float) -> dict[str, Any]:
    price = Amount(arm["seconds_per_request"], _range(arm.get("seconds_interval"))).times(1000 * per_second)
    per_1000 = price.value
    rate = arm.get("correct_rate")
    return {
        "tokens_per_request": arm["tokens_per_request"],
        "answer_tokens_per_request": arm.get("answer_tokens_per_request"),
        "tokens_interval": arm.get("tokens_interval"),
        "seconds_per_request": arm["seconds_per_request"],
        "seconds_interval": arm.get("seconds_interval"),
        "correct_rate": rate,
        "per_1000_requests": per_1000,
        "per_1000_interval": list(price.interval) if price.interval else None,
        "per_1000_correct": per_1000 / rate if rate else None,
    }


def _alternative(project: Project, arms: Mapping[str, Mapping[str, Any]], prompted_arm: str) -> dict[str, Any] | None:
    if prompted_arm not in arms:
        return None
    tokens, answer = arms[prompted_arm]["tokens_per_request"], arms[prompted_arm].get("answer_tokens_per_request") or 0.0
    model = project.cost.alternative_model
    price = list_price(model, tokens, answer) if model else project.cost.alternative_per_million_tokens
    requests = Amount(tokens, _range(arms[prompted_arm].get("tokens_interval"))).times(1000 * price / 1e6)
    return {
        "prompt_of": prompted_arm,
        "model": model,
        "tokens_per_request": tokens,
        "per_million_tokens": price,
        "price_from": list_price_of(model) if model else "alternative_per_million_tokens of [cost]",
        "per_1000_requests": requests.value,
        "per_1000_interval": list(requests.interval) if requests.interval else None,
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


def _break_even(training: float, own: Mapping[str, Any], alternative: dict[str, Any] | None, prompted_arm: str) -> dict[str, Any]:
    """The number of requests from which training has paid for itself, at the earliest and at the latest, or None and why it never
    does."""
    reason = None
    if alternative is None:
        found: tuple[int | None, ...] = (None, None, None)
        reason = f"the arm {prompted_arm} was not measured, so there is nothing to compare with"
    else:
        saved = price_of(alternative) - price_of(own)
        lo, hi = saved.interval or (saved.value, saved.value)
        found = tuple(requests_until(training, gain) if gain > 0 else None for gain in (saved.value, hi, lo))
        if found[0] is None:
            reason = "a request on this machine costs no less than the hosted alternative"
    return {"requests": found[0], "earliest": found[1], "latest": found[2], "reason": reason}


def _in_seconds(interval: Sequence[float] | None) -> list[float] | None:
    return [end / 1000 for end in interval] if interval else None


def _range(interval: Sequence[float] | None) -> Range | None:
    return (interval[0], interval[1]) if interval else None
