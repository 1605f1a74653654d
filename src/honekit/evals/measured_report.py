"""The page of a measurement: one HTML file that needs no network, no script and no other file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import honekit
from honekit.evals.report import environment


def render_measurement(document: Mapping[str, Any]) -> str:
    """document: what `hone decide measure --json` prints. The template escapes every text of data and models."""
    standings = {standing["arm"]: standing for standing in document["selection"]["standings"]}
    rows = [
        {
            "name": name,
            "what": arm["what"],
            "is_chosen": name == document["choice"],
            "standing": standings[name],
            "validation": arm["validation"]["scores"].get(document["primary_metric"]),
            "interval": arm["validation"]["intervals"].get(document["primary_metric"]),
            "test": arm["test"]["scores"].get(document["primary_metric"]),
            "test_interval": arm["test"]["intervals"].get(document["primary_metric"]),
            "latency": arm["seconds_per_request"],
            "tokens": arm["tokens_per_request"],
            "cost": arm["cost"],
        }
        for name, arm in document["arms"].items()
    ]
    rows.sort(key=lambda row: row["cost"]["over_requests"])
    tried = {
        name: [_candidate(one, document["primary_metric"]) for one in arm["tried"]] for name, arm in document["arms"].items()
    }
    page = environment().get_template("measurement.html")
    return page.render(document=document, rows=rows, tried=tried, version=honekit.__version__)


def _candidate(one: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """A line for a prompting, or for the setting that the classical baseline chose for a field."""
    if "prompt" not in one:
        setting = f"C {one['C']:g}, class weight {one['class_weight'] or 'none'}" if "C" in one else "one class only"
        return {"name": f"{one['field']}: {setting}", "score": one.get("validation")}
    further = [
        *([f"{len(one['demonstrations'])} demonstrations"] if one["demonstrations"] else []),
        *([f"the {one['nearest']} most alike"] if one.get("nearest") else []),
    ]
    return {"name": ", ".join([one["prompt"], *further]), "score": one[metric]}
