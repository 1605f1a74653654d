"""What the arms scored, as view data: everything is text (or safe markup) by the time it leaves here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from honekit.evals import plots
from honekit.evals.report_format import (
    MINUS,
    breakable,
    count,
    interval,
    milliseconds,
    number,
    probability,
    signed,
)

View = dict[str, Any]

PANELS = 12
"""At most this many slices get a plot of their own; the tables have all."""
SAME = 5e-4
"""Values that differ by less are shown as the same."""
CONFUSIONS = ("base_few_shot", "classical", "tuned", "tuned_rag")
OUTCOMES = {
    "better": "✓ better",
    "worse": "✕ worse",
    "undecided": "? undecided",
    "passed": "✓ passed",
    "failed": "✕ failed",
    "not evaluated": "? not evaluated",
    "not applicable": "– not applicable",
}


def arms_table(document: Mapping[str, Any]) -> View:
    """Metrics down, arms across: value, 95 % interval, whether it is the best of its row."""
    arms, primary = document["arms"], document["primary_metric"]
    rows = []
    for metric in document["metrics"]:
        values = {arm: values.get(metric) for arm, values in arms.items()}
        cells = [
            {
                "text": number(value),
                "interval": interval(arms[arm].get("intervals", {}).get(metric)) if value is not None else "",
                "best": best,
            }
            for (arm, value), best in zip(values.items(), _best([*values.values()]), strict=True)
        ]
        rows.append({"name": breakable(metric), "primary": metric == primary, "cells": cells})
    rows.sort(key=lambda row: not row["primary"])
    return {
        "arms": [{"name": breakable(arm), "chosen": arm == document["chosen_arm"]} for arm in arms],
        "rows": rows,
        "usage": _usage_rows(arms),
    }


def _best(values: Sequence[float | None]) -> list[bool]:
    """Whether each is the highest; none is where all are the same."""
    known = [value for value in values if value is not None]
    differ = bool(known) and max(known) - min(known) >= SAME
    return [differ and value is not None and max(known) - value < SAME for value in values]


def _usage_rows(arms: Mapping[str, Mapping[str, Any]]) -> list[View]:
    samples = sorted({arm["latency_sample"] for arm in arms.values() if arm.get("latency_sample")})
    sample = f", {samples[0]} requests" if len(samples) == 1 else ""
    return [
        {
            "name": f"latency, median (one at a time{sample})",
            "cells": [milliseconds(a.get("latency_ms_p50")) for a in arms.values()],
        },
        {"name": "tokens per request", "cells": [number(a.get("tokens_per_request"), 0) for a in arms.values()]},
        {"name": "answers cut at the token cap", "cells": [count(a.get("cut_at_the_cap")) for a in arms.values()]},
    ]


def primary_plot(document: Mapping[str, Any]) -> Any:
    """All arms on the primary metric."""
    metric, chosen = document["primary_metric"], document["chosen_arm"]
    rows = [
        plots.Row(
            arm,
            values.get(metric),
            values.get("intervals", {}).get(metric),
            plots.kind_of(arm),
            strong=arm == chosen,
            note="chosen on validation" if arm == chosen else "",
        )
        for arm, values in document["arms"].items()
    ]
    return plots.forest(rows)


def slice_panels(document: Mapping[str, Any], sizes: Counter[str]) -> list[View]:
    """One small plot of the primary metric for each slice."""
    metric, chosen = document["primary_metric"], document["chosen_arm"]
    panels = []
    for name in _slices(document)[:PANELS]:
        rows = [
            plots.Row(
                arm,
                values.get("slices", {}).get(name, {}).get(metric),
                values.get("slice_intervals", {}).get(name, {}).get(metric),
                plots.kind_of(arm),
                strong=arm == chosen,
            )
            for arm, values in document["arms"].items()
        ]
        panels.append({"name": name, "examples": count(sizes[name]), "plot": plots.forest(rows, plots.RATES_COARSE)})
    return panels


def slice_tables(document: Mapping[str, Any], sizes: Counter[str]) -> list[View]:
    """A table of slices by arms for each metric that has values there, the primary one first."""
    primary = document["primary_metric"]
    tables = []
    for metric in sorted(document["metrics"], key=lambda name: name != primary):
        rows: list[View] = []
        for name in _slices(document):
            cells: list[View] = []
            for values in document["arms"].values():
                value = values.get("slices", {}).get(name, {}).get(metric)
                bounds = values.get("slice_intervals", {}).get(name, {}).get(metric)
                cells.append({"text": number(value), "interval": interval(bounds) if value is not None else "", "value": value})
            for cell, best in zip(cells, _best([cell["value"] for cell in cells]), strict=True):
                cell["best"] = best
            rows.append({"name": breakable(name), "examples": count(sizes[name]), "cells": cells})
        if any(cell["value"] is not None for row in rows for cell in row["cells"]):
            tables.append({"metric": metric, "primary": metric == primary, "rows": rows})
    return tables


def _slices(document: Mapping[str, Any]) -> list[str]:
    names: dict[str, None] = {}
    for values in document["arms"].values():
        names |= dict.fromkeys(values.get("slices", {}))
    return list(names)


def paired_differences(document: Mapping[str, Any]) -> View:
    """Chosen arm minus others: the gate's comparisons, the classical baseline by field, and every further arm."""
    tests, primary = document["tests"], document["primary_metric"]
    checks = [check for check in tests.get("checks", []) if "difference" in check]
    gate = [_difference(f"against {c['arm']}", _of_check(c), c["outcome"]) for c in checks if c["check"] == "better_than"]
    classical = [_difference(c["metric"], _of_check(c), c["outcome"]) for c in checks if c["check"] == "against_classical"]
    gated = {check["arm"] for check in checks if check["check"] == "better_than"}
    others = [_difference(f"against {arm}", d, None) for arm, d in tests.get("differences", {}).items() if arm not in gated]
    groups: list[View] = [
        {"title": f"The gate: {primary}", "rows": gate},
        {"title": "The classical baseline, on every field that it predicts", "rows": classical},
        {"title": f"Other arms, no part of the gate: {primary}", "rows": others},
    ]
    groups = [group for group in groups if group["rows"]]
    axis = plots.difference_axis([bound for group in groups for row in group["rows"] for bound in row["bounds"]])
    for group in groups:
        for row in group["rows"]:
            row["plot"] = plots.interval_strip(row["value"], row["bounds"], axis, "tuned", strong=True)
    by_slice = [
        {
            "slice": "whole test set" if name == "all" else name,
            "rows": [_difference(pair.replace(" - ", f" {MINUS} "), d, None) for pair, d in pairs.items()],
        }
        for name, pairs in tests.get("by_slice", {}).items()
        if pairs
    ]
    mcnemar = [{"pair": pair, "p": probability(p)} for pair, p in tests.get("mcnemar", {}).items()]
    measured = [*tests.get("differences", {}).values(), *tests.get("classical", {}).values()]
    return {
        "methods": sorted({difference["method"] for difference in measured if difference.get("method")}),
        "groups": groups,
        "axis": plots.axis_labels(axis, differences=True),
        "by_slice": by_slice,
        "mcnemar": mcnemar,
        "chosen": tests.get("chosen", document["chosen_arm"]),
    }


def _of_check(check: Mapping[str, Any]) -> dict[str, Any]:
    lo, hi = check["interval"]
    return {**check, "mean": check["difference"], "lo": lo, "hi": hi}


def _difference(name: str, figures: Mapping[str, Any], outcome: str | None) -> View:
    """`outcome` is the gate's; without one the interval and the corrected p decide by the same rule."""
    if outcome is None:
        sure = figures["p_holm"] < 0.05
        outcome = "better" if sure and figures["lo"] > 0 else "worse" if sure and figures["hi"] < 0 else "undecided"
    return {
        "name": breakable(name),
        "value": figures["mean"],
        "bounds": [figures["lo"], figures["hi"]],
        "difference": signed(figures["mean"]),
        "interval": interval([figures["lo"], figures["hi"]], sign=True),
        "p": probability(figures["p"]),
        "p_holm": probability(figures["p_holm"]),
        "examples": count(figures["items"]),
        "outcome": OUTCOMES[outcome],
        "outcome_class": outcome,
        "needed": _needed(outcome, figures.get("examples_needed")),
    }


def _needed(outcome: str, needed: Any) -> str:
    if outcome != "undecided":
        return ""
    return f"about {count(needed)}" if needed is not None else "none would do: no difference"


def confusions(document: Mapping[str, Any]) -> list[View]:
    """For each enum field the matrices of a few arms side by side, with precision, recall and F1 by class."""
    arms = {arm: values.get("confusion") or {} for arm, values in document["arms"].items()}
    fields = list(dict.fromkeys(field for matrices in arms.values() for field in matrices))
    found = []
    for field in fields:
        shown = [arm for arm in CONFUSIONS if field in arms.get(arm, {})]
        if not any(plots.kind_of(arm) == "untuned" for arm in shown):
            shown = [arm for arm in arms if plots.kind_of(arm) == "untuned" and field in arms[arm]][:1] + shown
        found.append(
            {
                "field": field,
                "matrices": [_matrix(arm, arms[arm][field]) for arm in shown],
                "by_class": _by_class({arm: arms[arm][field] for arm in arms if field in arms[arm]}),
            }
        )
    return found


def _matrix(arm: str, confusion: Mapping[str, Any]) -> View:
    rows = []
    for i, (name, counts) in enumerate(zip(confusion["classes"], confusion["matrix"], strict=True)):
        total = sum(counts)
        cells = [
            {
                "count": n,
                "share": round(n / total, 2) if total else 0,
                "dark": bool(total) and n / total > 0.8,
                "right": i == j,
                "title": f"{n} of {total} {name} answered {confusion['columns'][j]}",
            }
            for j, n in enumerate(counts)
        ]
        rows.append({"name": breakable(name), "total": total, "cells": cells})
    return {"arm": arm, "columns": [breakable(name) for name in confusion["columns"]], "rows": rows}


def _by_class(matrices: Mapping[str, Mapping[str, Any]]) -> View:
    first = next(iter(matrices.values()))
    return {
        "arms": [breakable(arm) for arm in matrices],
        "rows": [
            {
                "name": breakable(name),
                "examples": count(first["items"][name]),
                "cells": [
                    " / ".join(number(matrix[score].get(name), 2) for score in ("precision", "recall", "f1"))
                    for matrix in matrices.values()
                ],
            }
            for name in first["classes"]
        ],
    }
