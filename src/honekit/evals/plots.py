"""The report's plots as inline SVG without scripts.

Every SVG is as wide as its place and has x positions in percent, so that lines stretch while texts and marks
keep their size: one drawing reads well on a wide screen, on a phone and on paper. Colours and fonts are the
page's CSS classes (light, dark, print). Kinds of arms differ in the shape of their mark, not in colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from honekit.evals.report_format import interval, number, signed

Kind = Literal["classical", "untuned", "tuned"]

ROW = 28
"""Height of a row in px."""
_MARGIN = 3.0
"""Percent of the width kept free on both sides, so that a mark at the end of the axis is whole."""
_MOST_POINTS = 1500


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high` with ticks; `zero` draws a strong line at 0."""

    low: float
    high: float
    ticks: tuple[float, ...]
    zero: bool = False

    def at(self, value: float) -> float:
        """Position in percent of the width; values outside stand at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_MARGIN + share * (100 - 2 * _MARGIN), 2)


@dataclass(frozen=True)
class Row:
    """One line of a forest plot; `interval` and `value` None leave the line empty but for its label."""

    label: str
    value: float | None
    interval: Sequence[float] | None
    kind: Kind
    strong: bool = False
    note: str = ""


RATES = Axis(0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
RATES_COARSE = Axis(0.0, 1.0, (0.0, 0.5, 1.0))


def kind_of(arm: str) -> Kind:
    """The family of an arm, which decides its mark."""
    if arm == "classical":
        return "classical"
    return "tuned" if arm.startswith("tuned") else "untuned"


def difference_axis(bounds: Sequence[float]) -> Axis:
    """An axis of round ticks around all bounds and zero."""
    low, high = min([0.0, *bounds]), max([0.0, *bounds])
    step = _round_step((high - low) / 4 or 0.05)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if first == last:
        first, last = first - 1, last + 1
    return Axis(first * step, last * step, tuple(round(i * step, 10) for i in range(first, last + 1)), zero=True)


def forest(rows: Sequence[Row], axis: Axis = RATES, *, differences: bool = False) -> Markup:
    """Estimates with intervals, one row each, above a common axis. Empty without rows."""
    if not rows:
        return Markup("")
    drawn = Markup("").join(_forest_row(row, axis, differences) for row in rows)
    return Markup('<div class="forest">{}<div class="row axis"><span></span>{}<span></span></div></div>').format(
        drawn, axis_labels(axis, differences)
    )


def interval_strip(value: float, bounds: Sequence[float] | None, axis: Axis, kind: Kind, strong: bool = False) -> Markup:
    """One row's drawing: grid lines, interval, mark."""
    grid = Markup("").join(
        Markup('<line class="{}" x1="{}%" x2="{}%" y1="0" y2="{}"/>').format(
            "zero" if axis.zero and tick == 0 else "grid", axis.at(tick), axis.at(tick), ROW
        )
        for tick in axis.ticks
    )
    middle = ROW / 2
    whisker = Markup("")
    if bounds is not None:
        lo, hi = axis.at(bounds[0]), axis.at(bounds[1])
        whisker = Markup(
            '<line class="whisker {kind}" x1="{lo}%" x2="{hi}%" y1="{y}" y2="{y}"/>'
            '<line class="whisker {kind}" x1="{lo}%" x2="{lo}%" y1="{top}" y2="{bottom}"/>'
            '<line class="whisker {kind}" x1="{hi}%" x2="{hi}%" y1="{top}" y2="{bottom}"/>'
        ).format(kind=kind, lo=lo, hi=hi, y=middle, top=middle - 4, bottom=middle + 4)
    mark = _mark(axis.at(value), middle, kind, strong)
    return Markup('<svg class="strip" aria-hidden="true" height="{}">{}{}{}</svg>').format(ROW, grid, whisker, mark)


def legend_mark(kind: Kind) -> Markup:
    """The mark of a kind of arm alone, for a legend."""
    return Markup('<svg class="key" aria-hidden="true" width="16" height="16">{}</svg>').format(
        _mark(50, 8, kind, strong=kind == "tuned")
    )


def loss_curve(history: Sequence[Mapping[str, Any]], best_step: int | None, base_loss: float | None) -> Markup:
    """Training loss by optimizer step, validation loss by epoch, the best checkpoint and the base's own loss.

    history: entries with `step`, `train_loss` and, after an epoch, `valid_loss`; losses are per trained token.
    """
    training = [(float(h["step"]), float(h["train_loss"])) for h in history if _is_number(h.get("train_loss"))]
    validation = [(float(h["step"]), float(h["valid_loss"])) for h in history if _is_number(h.get("valid_loss"))]
    if not training:
        return Markup("")
    last = max(step for step, _ in training)
    highest = max(loss for _, loss in [*training, *validation, (0.0, base_loss or 0.0)])
    step_y = _round_step(highest / 4 or 0.25)
    top = step_y * math.ceil(highest / step_y + 1e-9)
    height = 280

    def x(step: float) -> float:
        return round(_MARGIN + step / max(last, 1.0) * (100 - 2 * _MARGIN), 3)

    def y(loss: float) -> float:
        return round(height * (1 - loss / top), 2)

    parts = [_loss_grid(top, step_y, y)]
    if base_loss is not None:
        parts.append(
            Markup(
                '<line class="base-loss" x1="{}%" x2="{}%" y1="{y}" y2="{y}"/>'
                '<text class="halo" x="{}%" y="{}" text-anchor="end">base before training, validation {}</text>'
            ).format(x(0), x(last), x(last), y(base_loss) - 6, number(base_loss), y=y(base_loss))
        )
    parts.append(_line("train-line", _thinned(training), x, y, height))
    parts.append(_line("valid-line", validation, x, y, height))
    parts += [_valid_mark(x(step), y(loss)) for step, loss in validation]
    best = next(((step, loss) for step, loss in validation if step == best_step), None)
    if best is not None:
        text = f"best checkpoint: step {best[0]:.0f}, {number(best[1])}"
        parts.append(_best_mark(x(best[0]), y(best[1]), _free_height(best, [*training, *validation], last, base_loss, y), text))
    step_x = max(1.0, _round_step(last / 5))
    ticks = Markup("").join(
        Markup('<text x="{}%" y="16" text-anchor="middle">{:.0f}</text>').format(x(i * step_x), i * step_x)
        for i in range(math.floor(last / step_x + 1e-9) + 1)
    )
    title = f"Training loss over {last:.0f} optimizer steps, with the validation loss after each of {len(validation)} epochs"
    return Markup(
        '<div class="curve"><p class="axis-name">loss, nats per trained token</p>'
        '<svg role="img" aria-label="{}" height="{}">{}</svg>'
        '<svg class="ticks" aria-hidden="true" height="20">{}</svg><p class="axis-title">optimizer step</p></div>'
    ).format(title, height, Markup("").join(parts), ticks)


def _forest_row(row: Row, axis: Axis, differences: bool) -> Markup:
    form = signed if differences else number
    if row.value is None:
        return Markup('<div class="row"><span class="label">{}</span><span class="strip-none">not measured</span></div>').format(
            row.label
        )
    return Markup('<div class="row{}"><span class="label">{}{}</span>{}<span class="value"><b>{}</b> {}</span></div>').format(
        " strong" if row.strong else "",
        row.label,
        Markup(' <small class="tag">{}</small>').format(row.note) if row.note else "",
        interval_strip(row.value, row.interval, axis, row.kind, row.strong),
        form(row.value),
        interval(row.interval, sign=differences) if row.interval is not None else "",
    )


def axis_labels(axis: Axis, differences: bool) -> Markup:
    decimals = max(1, max(_decimals(tick) for tick in axis.ticks))
    labels = Markup("").join(
        Markup('<text x="{}%" y="13" text-anchor="middle">{}</text>').format(
            axis.at(tick), signed(tick, decimals) if differences and tick else number(tick, decimals if tick % 1 else 0)
        )
        for tick in axis.ticks
    )
    return Markup('<svg class="strip ticks" aria-hidden="true" height="18">{}</svg>').format(labels)


def _mark(x: float, y: float, kind: Kind, strong: bool) -> Markup:
    """Circle: untuned; triangle: classical; square: tuned, filled when it is the chosen arm. Nested, for percent x."""
    shape = {
        "untuned": Markup('<circle class="mark untuned" r="4.5"/>'),
        "classical": Markup('<path class="mark classical" d="M0 -5.5L5.5 4.5L-5.5 4.5Z"/>'),
        "tuned": Markup('<rect class="mark tuned{}" x="-5" y="-5" width="10" height="10"/>').format(" chosen" if strong else ""),
    }[kind]
    return Markup('<svg x="{}%" y="{}" width="1" height="1" overflow="visible">{}</svg>').format(x, y, shape)


def _loss_grid(top: float, step: float, y: Any) -> Markup:
    lines = [i * step for i in range(round(top / step) + 1)]
    decimals = max(_decimals(line) for line in lines)
    return Markup("").join(
        Markup('<line class="{}" x1="0" x2="100%" y1="{y}" y2="{y}"/><text x="0" y="{}">{}</text>').format(
            "grid" if line else "zero", y(line) - 3, number(line, decimals), y=y(line)
        )
        for line in lines
    )


def _line(name: str, points: Sequence[tuple[float, float]], x: Any, y: Any, height: int) -> Markup:
    """A stretched polyline whose stroke keeps its width."""
    if len(points) < 2:
        return Markup("")
    path = " ".join(f"{x(step)},{y(loss)}" for step, loss in points)
    return Markup(
        '<svg x="0" y="0" width="100%" height="{h}" viewBox="0 0 100 {h}" preserveAspectRatio="none">'
        '<polyline class="{}" points="{}" vector-effect="non-scaling-stroke"/></svg>'
    ).format(name, path, h=height)


def _valid_mark(x: float, y: float) -> Markup:
    return Markup('<circle class="valid-mark" cx="{}%" cy="{}" r="4"/>').format(x, y)


def _free_height(
    best: tuple[float, float], points: Sequence[tuple[float, float]], last: float, base: float | None, y: Any
) -> float:
    """Where the label of the best checkpoint stands: above both curves on its side, and clear of the base's line."""
    first, end = (best[0] - 0.35 * last, best[0]) if best[0] > last / 2 else (best[0], best[0] + 0.35 * last)
    height = float(y(max(loss for step, loss in points if first <= step <= end))) - 16
    if base is not None and abs(height - y(base) + 6) < 18:
        height = y(base) + 20 if y(base) + 20 < y(best[1]) - 10 else y(base) - 26
    return height


def _best_mark(x: float, y: float, label: float, text: str) -> Markup:
    anchor, shift = ("end", 4) if x > 50 else ("start", -4)
    return Markup(
        '<line class="leader" x1="{x}%" x2="{x}%" y1="{label}" y2="{above}"/><circle class="best-mark" cx="{x}%" cy="{y}" r="8"/>'
        '<svg x="{x}%" y="{text_y}" width="1" height="1" overflow="visible">'
        '<text class="halo best-text" x="{shift}" y="0" text-anchor="{anchor}">{text}</text></svg>'
    ).format(x=x, y=y, above=y - 8, label=label + 3, text_y=label, shift=shift, anchor=anchor, text=text)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `_MOST_POINTS`, as means of neighbours, so that long runs do not make a heavy file."""
    width = math.ceil(len(points) / _MOST_POINTS)
    groups = [points[i : i + width] for i in range(0, len(points), width)]
    return [(sum(s for s, _ in group) / len(group), sum(loss for _, loss in group) / len(group)) for group in groups]


def _round_step(step: float) -> float:
    """The next number up of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _decimals(value: float) -> int:
    return len(f"{value:.6f}".rstrip("0").partition(".")[2])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
