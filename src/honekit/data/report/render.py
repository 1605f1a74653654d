"""From a file to its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import honekit
from honekit.data.chat import ChatExample
from honekit.data.checks import CheckOptions
from honekit.data.checks.run import check_file
from honekit.data.clusters import cluster_map
from honekit.data.label.form import Form, form_of_answers
from honekit.data.lines import Finding
from honekit.data.records import TOTALS, CheckResult
from honekit.data.report import page_environment, plots
from honekit.data.report.collect import SAMPLE, Overview, answer_text, collect, input_text, label_of

MAX_EXAMPLES = 300
"""Examples with findings that are shown in full; every code keeps its first ones."""
MAX_TEXT = 4000
MAX_TIP = 160
MAX_ROWS = 40
"""Values of a field that get a row."""
FEW_ROWS = 12
"""Rows that are shown at once."""

View = dict[str, Any]
_SEVERITIES = ("error", "warning", "advice")


def data_report(path: Path, validation: Path | None = None, test: Path | None = None) -> tuple[str, View]:
    """The report as HTML, and its main figures.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    result = check_file(path, CheckOptions(validation=validation, test=test))
    findings = [*result.errors, *result.warnings, *result.advice]
    lines = _chosen_lines(findings)
    train = collect(path, lines)
    form = form_of_answers([answer_text(example) for example in train.sample])
    others = {name: file for name, file in (("validation", validation), ("test", test)) if file}
    splits = {"train": train, **{name: collect(file, form=form) for name, file in others.items()}}
    results = {"train": result, **{name: check_file(file) for name, file in others.items()}}
    figures = {
        "path": str(path),
        "records": result.records,
        **{name: result.stats[name] for name in TOTALS.values()},
        "score": result.score,
        "sampled": train.is_sampled,
    }
    environment = page_environment("honekit.data.report")
    environment.filters["count"] = lambda number: f"{number:,}"
    html = environment.get_template("data_report.html").render(
        version=honekit.__version__,
        name=path.name,
        figures=figures,
        is_good=result.is_good,
        sample=SAMPLE,
        codes=_codes(findings),
        kept=len(findings),
        total=sum(result.stats[name] for name in TOTALS.values()),
        file_findings=[finding for finding in findings if not finding.line],
        examples=[_example(line, train.wanted.get(line), findings) for line in sorted(lines)],
        with_findings=len({finding.line for finding in findings if finding.line}),
        few=FEW_ROWS,
        lengths=[
            (title, plots.histogram(bins, title), [(*plots.span(number), bins[number]) for number in sorted(bins)])
            for title, bins in (("Inputs without instructions", train.input_lengths), ("Answers", train.answer_lengths))
        ],
        turns=sorted(train.turns.items()),
        splits=_splits(splits, results),
        labels=[_label_table(name, splits) for name in train.labels],
        map=_map(train, form),
    )
    return html, figures


def _chosen_lines(findings: Sequence[Finding]) -> set[int]:
    """The lines to show: the first of every code in turn, so that a frequent one does not push a rare one out."""
    by_code: dict[str, list[int]] = {}
    for finding in findings:
        if finding.line:
            by_code.setdefault(finding.code, []).append(finding.line)
    lines: dict[int, None] = {}
    for place in range(max(map(len, by_code.values()), default=0)):
        for found in by_code.values():
            if place < len(found) and len(lines) < MAX_EXAMPLES:
                lines[found[place]] = None
    return set(lines)


def _codes(findings: Sequence[Finding]) -> list[View]:
    counts = Counter((finding.severity, finding.code) for finding in findings)
    first = {finding.code: finding for finding in reversed(findings)}
    return [
        {"severity": severity, "code": code, "count": count, "message": first[code].message, "fix": first[code].fix}
        for (severity, code), count in sorted(counts.items(), key=lambda item: (_SEVERITIES.index(item[0][0]), -item[1]))
    ]


def _example(line: int, example: ChatExample | None, findings: Sequence[Finding]) -> View:
    own = [finding for finding in findings if finding.line == line]
    messages = []
    for index, message in enumerate(example.messages if example else ()):
        at = f"messages[{index}]"
        marked = [finding for finding in own if finding.field == at or finding.field.startswith((f"{at}.", f"{at}["))]
        calls = ", ".join(f"{call.function.name}({call.function.arguments})" for call in message.tool_calls or ())
        text = message.text[:MAX_TEXT]
        messages.append(
            {"role": message.role, "text": text, "cut": len(message.text) - len(text), "calls": calls, "marked": marked}
        )
    teaser = input_text(example) if example else "This line cannot be read as a conversation."
    worst = min((_SEVERITIES.index(finding.severity) for finding in own), default=2)
    return {
        "line": line,
        "teaser": teaser[:MAX_TIP],
        "findings": own,
        "messages": messages,
        "codes": sorted({finding.code for finding in own}),
        "severity": _SEVERITIES[worst],
    }


def _splits(splits: dict[str, Overview], results: dict[str, CheckResult]) -> list[View]:
    return [
        {
            "name": name,
            "file": split.path.name,
            "examples": split.examples,
            "turns": max(split.turns, default=0),
            "errors": results[name].stats["errors"] - (results[name].counts.get("data.too_few", 0) if name != "train" else 0),
            "warnings": results[name].stats["warnings"],
        }
        for name, split in splits.items()
    ]


def _label_table(name: str, splits: dict[str, Overview]) -> View:
    """Shares by value for each split; the bar is the train split's."""
    train = splits["train"].labels[name]
    values = list(dict.fromkeys([*(value for value, _ in train.most_common()), *_others(name, splits)]))
    highest = max(train.values())
    rows = []
    for value in values[:MAX_ROWS]:
        cells = [split.labels.get(name, Counter())[value] for split in splits.values()]
        shares = [
            count / max(split.labels.get(name, Counter()).total(), 1) for count, split in zip(cells, splits.values(), strict=True)
        ]
        rows.append(
            {
                "value": value or "(empty)",
                "bar": round(100 * train[value] / highest, 1),
                "cells": [{"count": count, "share": f"{100 * share:.1f} %"} for count, share in zip(cells, shares, strict=True)],
            }
        )
    return {"name": name, "splits": list(splits), "rows": rows, "more": max(0, len(values) - MAX_ROWS)}


def _others(name: str, splits: dict[str, Overview]) -> list[str]:
    return [value for split in splits.values() for value in split.labels.get(name, ())]


def _map(train: Overview, form: Form) -> View | None:
    texts = [input_text(example) for example in train.sample]
    found = cluster_map(texts)
    if found is None:
        return None
    label = next((name for name, counts in train.labels.items() if len(counts) <= plots.COLOURS), next(iter(train.labels), None))
    values = [value for value, _ in train.labels[label].most_common()] if label else []
    of = [label_of(form, example, label) if label else None for example in train.sample]
    places = [values.index(value) if value in values else plots.COLOURS for value in of]
    tips = [
        f"line {example.line}{f', {value}' if value else ''}: {text[:MAX_TIP]}"
        for example, value, text in zip(train.sample, of, texts, strict=True)
    ]
    sizes = Counter(found.clusters)
    return {
        "drawing": plots.scatter(found.points, found.clusters, places, tips),
        "examples": len(texts),
        "clusters": [
            {"key": plots.key(n), "name": name, "count": sizes[n], "example": tips[found.clusters.index(n)]}
            for n, name in enumerate(found.names)
        ],
        "label": label,
        "values": [{"key": plots.key(n), "name": value} for n, value in enumerate(values[: plots.COLOURS])],
        "more_values": max(0, len(values) - plots.COLOURS),
    }
