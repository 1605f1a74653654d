"""The report's drawings as inline SVG without scripts; x in percent, so that they stretch and their texts do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from honekit.data.report.collect import bin_start

HEIGHT = 150
MAP_HEIGHT = 520
COLOURS = 10
"""Kinds of points that differ in colour; further ones are drawn grey. Every second one is a square, not a circle."""
_EDGE = 2.0
_MARK = Markup('<path class="square" d="M-4 -4h8v8h-8z"/><circle r="4"/>')


def histogram(bins: Counter[int], title: str) -> Markup:
    """Bars over bins of doubling length; the axis names where bins begin."""
    if not bins:
        return Markup("")
    first, last = min(bins), max(bins)
    width = 100 / (last - first + 1)
    highest = max(bins.values())
    bars, ticks = [], []
    every = max(1, round((last - first + 1) / 6))
    for place, number in enumerate(range(first, last + 1)):
        count = bins[number]
        height = max(round(HEIGHT * count / highest, 1), 1.5) if count else 0
        low, high = span(number)
        bars.append(
            Markup(
                '<rect class="bin" x="{}%" width="{}%" y="{}" height="{}"><title>{:,} to {:,} characters: {:,}</title></rect>'
            ).format(round(place * width + width * 0.06, 3), round(width * 0.88, 3), HEIGHT - height, height, low, high, count)
        )
        if place % every == 0:
            ticks.append(Markup('<text x="{}%" y="{}">{:,}</text>').format(round(place * width, 3), HEIGHT + 16, low))
    marks = sorted({highest, highest // 2} - {0})
    scale = Markup("").join(
        Markup('<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/><text x="0" y="{}">{:,}</text>').format(y - 3, mark, y=y)
        for mark in marks
        for y in [round(HEIGHT * (1 - mark / highest), 1)]
    )
    return Markup(
        '<svg class="histogram" role="img" aria-label="{}" height="{}">{scale}'
        '<line class="zero" x1="0" x2="100%" y1="{h}" y2="{h}"/>{}{}</svg>'
    ).format(title, HEIGHT + 20, Markup("").join(bars), Markup("").join(ticks), h=HEIGHT, scale=scale)


def span(number: int) -> tuple[int, int]:
    """The smallest and the largest length in a bin."""
    return bin_start(number), max(bin_start(number + 1) - 1, bin_start(number))


def scatter(
    points: Sequence[tuple[float, float]], clusters: Sequence[int], labels: Sequence[int], texts: Sequence[str]
) -> Markup:
    """One mark an example, with its text as a tip; the page colours them by cluster (`c`) or by label (`l`)."""
    marks = Markup("").join(
        Markup('<svg x="{}%" y="{}" data-c="{}" data-l="{}">{}<title>{}</title></svg>').format(
            round(_EDGE + x * (100 - 2 * _EDGE), 2),
            round(8 + (1 - y) * (MAP_HEIGHT - 16), 1),
            min(cluster, COLOURS),
            min(label, COLOURS),
            _MARK,
            text,
        )
        for (x, y), cluster, label, text in zip(points, clusters, labels, texts, strict=True)
    )
    return Markup('<svg class="map" data-by="c" role="img" aria-label="Map of the examples" height="{}">{}</svg>').format(
        MAP_HEIGHT, marks
    )


def key(number: int) -> Markup:
    """A mark alone, for the legend; by its number whatever the map is coloured by."""
    return Markup(
        '<svg class="map key" data-by="c" aria-hidden="true" width="12" height="12"><svg x="6" y="6" data-c="{}">{}</svg></svg>'
    ).format(min(number, COLOURS), _MARK)
