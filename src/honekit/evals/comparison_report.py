"""Two runs beside each other as a page: HTML that needs no network and no other file, or Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import honekit
from honekit.data.report import visible
from honekit.evals import plots
from honekit.evals.compare_runs import FAULTS_AS_ZERO, correction_told, left_out, left_ungraded
from honekit.evals.report import environment
from honekit.evals.report_format import DASH, interval, number, probability, shorten, signed
from honekit.evals.side_by_side import Shown, Side, outcome, side_by_side

if TYPE_CHECKING:
    from honekit.evals.compare_runs import Compared, Pair
    from honekit.store.evals import Run

MAX_SHOWN = 300
"""Items whose outputs are shown; those that differ come first."""
MAX_MARKDOWN = 20
SIGNS = {"better": "✓", "worse": "✕", "no difference shown": "?", "too few items": DASH}

View = dict[str, Any]


def comparison_html(a: Run, b: Run, pairs: Sequence[Pair], compared: Sequence[Compared], verdict: View, slice_key: str) -> str:
    """verdict: the `headline`. The template escapes every text of data and models."""
    outcomes = Counter(outcome(pair) for pair in pairs)
    shown = side_by_side(pairs, slice_key, MAX_SHOWN)
    whole = [one for one in compared if one.slice is None]
    axis = plots.difference_axis([bound for one in compared for bound in one.interval or ()])
    return (
        environment()
        .get_template("comparison.html")
        .render(
            version=honekit.__version__,
            a=a,
            b=b,
            items=len(pairs),
            left_out=left_out(a, b, pairs),
            verdict=verdict,
            outcomes={name: outcomes[name] for name in ("won", "lost", "tied")},
            criteria=[_row(one, axis) for one in whole],
            correction=correction_told(compared),
            by_slice=[_row(one, axis) for one in compared if one.slice is not None],
            axis=plots.axis_labels(axis, differences=True),
            slices=sorted({name for one in shown for name in one.slices}),
            shown=shown,
            teaser={one.position: shorten(_teaser(one), 140) for one in shown},
        )
    )


def comparison_markdown(
    a: Run, b: Run, pairs: Sequence[Pair], compared: Sequence[Compared], verdict: View, slice_key: str
) -> str:
    """The same figures, and the first items that differ."""
    outcomes = Counter(outcome(pair) for pair in pairs)
    rest = left_out(a, b, pairs)
    lines = [
        f"# {verdict['title']}",
        "",
        _line(verdict["plain"]),
        "",
        f"- A: `{a.id}`, {_line(a.name)}",
        f"- B: `{b.id}`, {_line(b.name)}",
        f"- {len(pairs)} items in both: A won {outcomes['won']}, lost {outcomes['lost']}, tied {outcomes['tied']}",
        *([f"- {rest}"] if rest else []),
        "",
        "| criterion | slice | items | A | B | A − B | 95 % interval | p, Holm | A is |",
        "| --- | --- | --: | --: | --: | --: | --- | --: | --- |",
    ]
    for one in compared:
        row = _row(one, None)
        cells = (row["criterion"], row["slice"], row["items"], row["a"], row["b"], row["difference"], row["interval"], row["p"])
        lines.append("| " + " | ".join(_line(str(cell)).replace("|", "\\|") for cell in (*cells, row["word"])) + " |")
    if told := correction_told(compared):
        lines += ["", f"{told}."]
    shown = [one for one in side_by_side(pairs, slice_key, MAX_MARKDOWN) if one.outcome != "tied"]
    if shown:
        lines += ["", "## Items that differ", ""]
    for item in shown:
        lines += [f"### Item {item.position}, A {item.outcome}", ""]
        for title, text in (("Item", _teaser(item)), ("A", _joined(item.a)), ("B", _joined(item.b))):
            fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
            lines += [f"{title}:", "", fence, text, fence, ""]
    return str(visible("\n".join(lines).rstrip() + "\n"))


def headline(criteria: Sequence[Compared], changed: Sequence[str] = ()) -> View:
    """The comparison in a title and a sentence. Never "better" where an interval includes zero, nor without a word of the items
    that one run could not grade. changed: sentences of `graded_pairs.changed_criteria`."""
    by_word: dict[str, list[str]] = {}
    for one in criteria:
        by_word.setdefault(one.word, []).append(f"“{one.criterion}” ({one.metric})")
    better, worse = by_word.get("better", []), by_word.get("worse", [])
    sentences = [
        f"{title} {', '.join(names)}."
        for title, names in (
            ("A is better on", better),
            ("A is worse on", worse),
            ("No difference is shown on", by_word.get("no difference shown", [])),
            ("There are too few items for", by_word.get("too few items", [])),
        )
        if names
    ]
    sentences += [f"{told}." for told in changed]
    left = {one.criterion: left_ungraded(one) for one in criteria if one.metric != FAULTS_AS_ZERO and left_ungraded(one)}
    sentences += [f"“{name}”: {told}." for name, told in left.items()]
    confirmed = {one.criterion for one in criteria if one.metric == FAULTS_AS_ZERO and one.word in ("better", "worse")}
    partial = any(one.word in ("better", "worse") and one.criterion in {*left} - confirmed for one in criteria)
    if better and worse:
        mark, title, kind = "±", "Better and worse", "not-enough-evidence"
    elif better:
        mark, title, kind = "✓", "A is better", "ship"
    elif worse:
        mark, title, kind = "✕", "A is worse", "dont-ship"
    else:
        mark, title, kind = "?", "No difference shown", "not-enough-evidence"
    if partial:
        title += ", where both could be graded"
    return {"mark": mark, "title": title, "kind": kind, "plain": " ".join(sentences) or "No criterion was graded in both runs."}


def _row(one: Compared, axis: plots.Axis | None) -> View:
    has_plot = axis is not None and one.interval is not None
    return {
        "criterion": f"{one.criterion} {one.metric}",
        "slice": one.slice or "all",
        "items": one.items,
        "a": number(one.value_a),
        "b": number(one.value_b),
        "difference": signed(one.difference),
        "interval": interval(one.interval, sign=True),
        "plot": plots.interval_strip(one.difference, one.interval, axis, "tuned", strong=True) if axis and has_plot else "",
        "p": probability(one.p) if one.interval is not None else DASH,
        "word": one.word,
        "sign": SIGNS[one.word],
        "class": {"better": "better", "worse": "worse"}.get(one.word, "undecided"),
        "detectable": number(one.detectable) if one.detectable else DASH,
    }


def _teaser(one: Shown) -> str:
    """What the item is about: its first text, its id only where there is no other."""
    told = sorted(one.fields.items(), key=lambda field: field[0] == "id")
    return next((text for _, text in told if text.strip()), "(empty item)")


def _joined(side: Side) -> str:
    text = "".join(piece.text for piece in side.pieces)
    return (text or "(empty)") + (f"\n… {side.cut:,} more characters" if side.cut else "")


def _line(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    return re.sub(r"([\\`*_<>\[\]#])", r"\\\1", " ".join(text.split()))
