from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from honekit.evals.plots import RATES, Row, difference_axis, forest, interval_strip, kind_of, loss_curve


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<root>{markup}</root>")


def test_positions_on_an_axis_are_linear_and_stay_inside() -> None:
    left, middle, right = RATES.at(0), RATES.at(0.5), RATES.at(1)
    assert 0 < left < right < 100
    assert middle == pytest.approx((left + right) / 2)
    assert RATES.at(-3) == left
    assert RATES.at(7) == right


@pytest.mark.parametrize(
    ("bounds", "ticks"),
    [
        ([0.12, 0.61], (0.0, 0.2, 0.4, 0.6, 0.8)),
        ([-0.07, 0.02], (-0.1, -0.05, 0.0, 0.05)),
        ([-0.4, -0.1], (-0.4, -0.3, -0.2, -0.1, 0.0)),
        ([0.0, 0.0], (-0.05, 0.0, 0.05)),
        ([], (-0.05, 0.0, 0.05)),
    ],
)
def test_axes_of_differences_have_round_ticks_around_zero_and_all_bounds(bounds: list[float], ticks: tuple[float, ...]) -> None:
    axis = difference_axis(bounds)
    assert axis.ticks == pytest.approx(ticks)
    assert axis.low <= min([0, *bounds]) <= max([0, *bounds]) <= axis.high


def test_a_whisker_runs_from_the_lower_to_the_upper_bound_with_the_mark_between() -> None:
    drawing = parsed(interval_strip(0.5, [0.25, 0.75], RATES, "tuned"))
    whisker = next(line for line in drawing.iter("line") if line.get("class") == "whisker tuned")
    assert whisker.get("x1") == f"{RATES.at(0.25)}%"
    assert whisker.get("x2") == f"{RATES.at(0.75)}%"
    mark = next(svg for svg in drawing.iter("svg") if svg.get("overflow"))
    assert mark.get("x") == f"{RATES.at(0.5)}%"


def test_kinds_of_arms_differ_in_shape_and_not_in_colour_alone() -> None:
    shapes = {}
    for arm in ("classical", "base_few_shot", "tuned_rag"):
        drawing = parsed(interval_strip(0.5, None, RATES, kind_of(arm)))
        shapes[arm] = next(e.tag for e in drawing.iter() if "mark" in (e.get("class") or "").split())
    assert len(set(shapes.values())) == 3


def test_a_forest_plot_says_its_values_in_words_and_escapes_labels() -> None:
    rows = [Row("<arm>", 0.25, (0.1, 0.4), "untuned"), Row("missing", None, None, "tuned"), Row("bare", 0.5, None, "tuned")]
    markup = forest(rows)
    text = "".join(parsed(markup).itertext())
    assert "<arm>" in text
    assert "0.250 0.100 to 0.400" in text
    assert "not measured" in text
    assert forest([]) == ""


def history(losses: list[float], validation: dict[int, float]) -> list[dict[str, float]]:
    return [
        {"step": i, "train_loss": loss} | ({"valid_loss": validation[i]} if i in validation else {})
        for i, loss in enumerate(losses, start=1)
    ]


def test_the_loss_curve_marks_every_validation_the_best_one_and_the_base() -> None:
    markup = loss_curve(history([2.0, 1.0, 0.5, 0.25], {2: 1.2, 4: 0.9}), 4, 2.5)
    drawing = parsed(markup)
    assert len([e for e in drawing.iter("circle") if e.get("class") == "valid-mark"]) == 2
    best = next(e for e in drawing.iter("circle") if e.get("class") == "best-mark")
    last = [e for e in drawing.iter("circle") if e.get("class") == "valid-mark"][-1]
    assert (best.get("cx"), best.get("cy")) == (last.get("cx"), last.get("cy"))
    text = " ".join(drawing.itertext())
    assert "best checkpoint: step 4, 0.900" in text
    assert "base before training, validation 2.500" in text


def test_higher_losses_stand_higher() -> None:
    markup = loss_curve(history([2.0, 1.0], {}), None, None)
    points = re.search(r'points="([^"]+)"', markup)
    assert points is not None
    heights = [float(pair.split(",")[1]) for pair in points[1].split()]
    assert heights[0] < heights[1]


def test_a_long_run_is_thinned_and_no_history_draws_nothing() -> None:
    markup = loss_curve(history([1.0] * 40_000, {}), None, None)
    assert len(markup) < 60_000
    assert loss_curve([], 3, 1.0) == ""
    assert "polyline" not in loss_curve(history([1.0], {1: 0.9}), 1, None)


def test_a_loss_that_is_zero_throughout_can_be_drawn() -> None:
    assert "polyline" in loss_curve(history([0.0, 0.0], {2: 0.0}), 2, 0.0)
