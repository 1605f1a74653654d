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
    return environment().get_template("measurement.html").render(document=document, rows=rows, version=honekit.__version__)
