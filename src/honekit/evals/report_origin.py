"""What stands behind a run, as view data: its data, the choices of validation, cost and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from honekit.evals.report_format import (
    DASH,
    as_text,
    breakable,
    count,
    duration,
    money,
    money_decimals,
    number,
    percent,
)

View = dict[str, Any]


def data_summary(document: Mapping[str, Any]) -> View:
    """Sizes, balance and leak checks of the three splits."""
    data = document["data"]
    splits = list(data["counts"])
    balance = []
    for field in dict.fromkeys(name for fields in data["class_balance"].values() for name in fields):
        by_split = {split: data["class_balance"].get(split, {}).get(field, {}) for split in splits}
        values = dict.fromkeys(value for counts in by_split.values() for value in counts)
        rows = []
        for value in values:
            cells = []
            for split in splits:
                n, total = by_split[split].get(value, 0), sum(by_split[split].values())
                cells.append(
                    {"count": count(n), "share": percent(n / total, 0) if total else DASH, "of": n / total if total else 0}
                )
            rows.append({"value": breakable(value), "cells": cells})
        balance.append({"field": field, "rows": rows})
    return {
        "version": data["version"],
        "splits": [
            {
                "name": split,
                "count": count(data["counts"][split]),
                "passages": count(data["with_passages"][split]) if split in data["with_passages"] else DASH,
                "sha256": data["sha256"].get(split, DASH),
            }
            for split in splits
        ],
        "has_passages": any(data["with_passages"].values()),
        "forms": data.get("forms", 1),
        "near_duplicates": data["near_duplicates"],
        "overlaps": [
            {"slice": "whole test set" if name == "all" else name, "share": percent(share)}
            for name, share in data["overlaps"].items()
        ],
        "balance": balance,
        "warnings": data["warnings"],
    }


def choices(document: Mapping[str, Any]) -> View:
    """What validation data decided, with everything that was tried for it."""
    chosen = dict(document["choices"])
    tuned, classical = chosen.pop("tuned", None), chosen.pop("classical", None)
    primary = document["primary_metric"]
    arms = []
    for arm, choice in chosen.items():
        metrics = list(dict.fromkeys(name for tried in choice["tried"] for name in tried["scores"]))
        rows = [
            {
                "prompt": tried["prompt"],
                "demonstrations": ", ".join(tried["demonstrations"]) or "none",
                "k": len(tried["demonstrations"]),
                "cells": [number(tried["scores"].get(name)) for name in metrics],
                "chosen": {key: value for key, value in tried.items() if key != "scores"} == choice["chosen"],
            }
            for tried in choice["tried"]
        ]
        arms.append({"arm": arm, "metrics": [breakable(name) for name in metrics], "rows": rows})
    validation = (tuned or {}).get("validation", {})
    return {
        "arms": arms,
        "tuned": {
            "chosen": tuned["chosen"],
            "rows": [{"arm": arm, "value": number(summary.get(primary))} for arm, summary in validation.items()],
        }
        if tuned
        else None,
        "classical": [
            {"field": field, "setting": ", ".join(f"{key} {_setting(key, value)}" for key, value in setting.items())}
            for field, setting in (classical or {}).items()
        ],
    }


def _setting(key: str, value: Any) -> str:
    return number(value) if key == "validation" else "none" if value is None else as_text(value)


def cost_view(document: Mapping[str, Any]) -> View:
    """Training, requests and right answers in money, and where training has paid for itself."""
    cost = document["cost"]
    currency, alternative = cost["currency"], cost["alternative"]
    requests = money_decimals(
        [arm["per_1000_requests"] for arm in [*cost["arms"].values(), *([alternative] if alternative else [])]]
    )
    correct = money_decimals([arm["per_1000_correct"] for arm in cost["arms"].values()])
    return {
        "training": money(cost["training"]["cost"], currency),
        "seconds": duration(cost["training"]["seconds"]),
        "per_hour": money(cost["machine_per_hour"], currency),
        "assumption": cost["assumption"],
        "arms": [
            {
                "arm": breakable(name),
                "chosen": name == document["chosen_arm"],
                "tokens": number(arm["tokens_per_request"], 0),
                "seconds": duration(arm["seconds_per_request"]),
                "rate": percent(arm["correct_rate"]),
                "requests": money(arm["per_1000_requests"], currency, requests),
                "correct": money(arm["per_1000_correct"], currency, correct),
            }
            for name, arm in cost["arms"].items()
        ],
        "alternative": {
            "prompt_of": alternative["prompt_of"],
            "tokens": number(alternative["tokens_per_request"], 0),
            "per_million": money(alternative["per_million_tokens"], currency),
            "price_from": alternative.get("price_from"),
            "requests": money(alternative["per_1000_requests"], currency, requests),
        }
        if alternative
        else None,
        "break_even": [
            {
                "arm": arm,
                "requests": count(even["requests"]) if even["requests"] is not None else None,
                "reason": even["reason"],
                "range": _volumes(even),
            }
            for arm, even in cost["break_even"].items()
        ],
    }


def _volumes(even: Mapping[str, Any]) -> str:
    """The ends of a break-even volume's interval; empty where there is none."""
    if even.get("earliest") is None or even["earliest"] == even["latest"]:
        return ""
    return f"{count(even['earliest'])} to {'never' if even['latest'] is None else count(even['latest'])}"


def stages_view(document: Mapping[str, Any]) -> View:
    """Wall time of each stage beside its floor; stages that took no time and have no floor are left out."""
    stages = [stage for stage in document["stages"] if stage["seconds"] >= 0.05 or stage["floor_seconds"]]
    longest = max((stage["seconds"] for stage in stages), default=0) or 1
    total, floor = document["timings_s"].get("total"), document["floor"]
    return {
        "rows": [
            {
                "name": stage["name"],
                "seconds": duration(stage["seconds"]),
                "of_longest": round(100 * stage["seconds"] / longest, 1),
                "floor": duration(stage["floor_seconds"]) if stage["floor_seconds"] else DASH,
                "ratio": number(stage["seconds"] / stage["floor_seconds"], 2) if stage["floor_seconds"] else DASH,
                "peak": _before_after(stage["readings"], "gflops"),
                "bandwidth": _before_after(stage["readings"], "memory_gb_s"),
                "note": stage["note"],
            }
            for stage in stages
        ],
        "readings": duration(floor["reading_seconds"]),
        "total": duration(total),
        "floor": duration(floor["seconds"]) if floor["seconds"] else DASH,
        "ratio": number(floor["ratio"], 2),
    }


def _before_after(readings: Sequence[Mapping[str, float]], what: str) -> str:
    return " → ".join(number(reading[what], 0) for reading in readings) or DASH
