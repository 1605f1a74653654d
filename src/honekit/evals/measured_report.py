"""The page of a measurement: one HTML file that needs no network and no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import honekit
from honekit.evals import plots
from honekit.evals.report import environment
from honekit.evals.report_format import DASH, count, interval, money, money_decimals, number, probability

View = dict[str, Any]


def render_measurement(document: Mapping[str, Any], figures_file: str = "result.json") -> str:
    """document: what `hone decide measure --json` prints, in a file of this name beside the page. The template escapes every text
    of data and models."""
    standings = {standing["arm"]: standing for standing in document["selection"]["standings"]}
    rows = sorted(
        ({"name": name, "standing": standings[name], **arm} for name, arm in document["arms"].items()),
        key=lambda row: row["cost"]["over_requests"],
    )
    tried = {
        name: [_candidate(one, document["primary_metric"]) for one in arm["tried"]] for name, arm in document["arms"].items()
    }
    kinds = {plots.kind_of(name) for name in document["arms"]}
    page = environment().get_template("measurement.html")
    return page.render(
        document=document,
        created=document["created_at"].replace("T", " ").replace("Z", " UTC"),
        verdict=_verdict(document),
        figures=_figures(document, standings),
        rows=_rows(document, rows),
        plot=plots.forest([_bar(document, row["name"]) for row in rows]),
        kinds=[kind for kind in ("classical", "untuned", "tuned") if kind in kinds],
        curve=_curve(document["learning_curve"]),
        payback=[one["sentence"] for against in document["payback"].values() for one in against],
        figures_file=figures_file,
        tried={name: candidates for name, candidates in tried.items() if len(candidates) > 1},
        version=honekit.__version__,
    )


def _verdict(document: Mapping[str, Any]) -> View:
    choice, reasons = document["choice"], document["reasons"]
    plain = reasons[0] if reasons else ""
    plain = plain.removeprefix("Not enough evidence: ")
    plain = plain[:1].upper() + plain[1:]
    if choice is None:
        return {"mark": "?", "title": "Not enough evidence", "kind": "not-enough-evidence", "plain": plain}
    if not document["settled"]:
        title = f"{choice}, unless a cheaper arm turns out good enough"
        return {"mark": "?", "title": title, "kind": "not-enough-evidence", "plain": plain}
    return {"mark": "✓", "title": choice, "kind": "ship", "plain": plain}


def _figures(document: Mapping[str, Any], standings: Mapping[str, Mapping[str, Any]]) -> list[View]:
    """The chosen arm's score and cost beside the best score, and how much was measured."""
    metric, arms = document["primary_metric"], document["arms"]

    def score(title: str, name: str) -> View:
        measured = arms[name]["validation"]
        note = f"95 % interval {interval(measured['intervals'].get(metric))}"
        return {"title": title, "value": number(measured["scores"].get(metric)), "note": note}

    choice, best = document["choice"], document["selection"]["best"]
    cheapest = min(arms, key=lambda name: arms[name]["cost"]["over_requests"])
    priced = choice or cheapest
    figures = [score(f"{choice}: {metric}", choice)] if choice else []
    if best != choice:
        figures.append(score(f"best score: {best}", best))
    per_1000 = money(arms[priced]["cost"]["per_1000_requests"], document["currency"])
    figures.append(
        {"title": f"1,000 requests by {priced}", "value": per_1000, "note": "chosen" if choice else "the cheapest arm"}
    )
    shown = sum(standing["status"] == "not worse" for standing in standings.values())
    note = f"by less than {document['margin']:g} on {metric}"
    figures.append({"title": "arms shown not to be worse", "value": f"{shown} of {len(standings)}", "note": note})
    return figures


def _rows(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[View]:
    metric = document["primary_metric"]
    decimals = {
        key: money_decimals([row["cost"][key] for row in rows])
        for key in ("per_1000_requests", "per_1000_correct", "training", "over_requests")
    }

    def cost(row: Mapping[str, Any], key: str) -> str:
        value = row["cost"][key]
        return DASH if value is None else number(value, min(decimals[key], 6))

    return [
        {
            "name": row["name"],
            "what": row["what"],
            "is_chosen": row["name"] == document["choice"],
            "standing": row["standing"],
            "p": probability(row["standing"]["p"]),
            "validation": row["validation"]["scores"].get(metric),
            "interval": row["validation"]["intervals"].get(metric),
            "test": row["test"]["scores"].get(metric),
            "test_interval": row["test"]["intervals"].get(metric),
            "latency": row["seconds_per_request"],
            "tokens": row["tokens_per_request"],
            "per_1000": cost(row, "per_1000_requests"),
            "per_1000_right": cost(row, "per_1000_correct"),
            "training": cost(row, "training") if row["cost"]["training"] else DASH,
            "all": cost(row, "over_requests"),
            "price_from": row["cost"].get("price_from"),
        }
        for row in rows
    ]


def _bar(document: Mapping[str, Any], name: str) -> plots.Row:
    metric, measured = document["primary_metric"], document["arms"][name]["validation"]
    is_chosen = name == document["choice"]
    return plots.Row(
        name,
        measured["scores"].get(metric),
        measured["intervals"].get(metric),
        plots.kind_of(name),
        strong=is_chosen,
        note="chosen" if is_chosen else "",
    )


def _curve(curve: Mapping[str, Any] | None) -> Any:
    points = curve["points"] if curve else []
    return plots.forest(
        [plots.Row(f"{count(one['examples'])} examples", one["score"], one["interval"], "tuned") for one in points]
    )


def _candidate(one: Mapping[str, Any], metric: str) -> View:
    """A line for a prompting, or for the setting that the classical baseline chose for a field."""
    if "prompt" not in one:
        setting = f"C {one['C']:g}, class weight {one['class_weight'] or 'none'}" if "C" in one else "one class only"
        return {"name": f"{one['field']}: {setting}", "score": one.get("validation")}
    further = [
        *([f"{len(one['demonstrations'])} demonstrations"] if one["demonstrations"] else []),
        *([f"the {one['nearest']} most alike"] if one.get("nearest") else []),
    ]
    return {"name": ", ".join([one["prompt"], *further]), "score": one[metric]}
