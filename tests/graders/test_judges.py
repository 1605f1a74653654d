from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.graders.judges import read_label, read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.8", 0.8),
        (" 7.\n", 7),
        ("-3", -3),
        (".5", 0.5),
        ("1e-1", 0.1),
        ("I give it 0.8/1.", 0.8),
        ("There are 3 mistakes. Score: 0.25", 0.25),
        ("3 mistakes, so the score is -0.5", -0.5),
        ("**Rating** - 4", 4),
        ('{"result": 0.5, "steps": [1, 2]}', 0.5),
        ('{"score": 1}', 1),
        ('{"score": "0.75"}', 0.75),
        ("error E41 scores 2", 2),
        ("no number", None),
        ("", None),
        ("x1 1x", None),
        ('{"score": null}', None),
        ("9" * 5000, None),
        ('{"score": 1e999}', None),
        ('{"score": 1' + "0" * 400 + "}", None),
    ],
)
def test_the_number_of_an_answer(text: str, number: float | None) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("good", "good"),
        (" Good.\n", "good"),
        ('"very good"', "very good"),
        ("It is very good, I think.", "very good"),
        ('{"label": "bad"}', "bad"),
        ('{"result": "bad"}', "bad"),
        ("The label is bad", "bad"),
        ("good or bad", None),
        ("goodness", None),
        ("", None),
        ("A", "A"),
        ("a", "a"),
        ("ok!", "ok!"),
        ('"ok!"', "ok!"),
        ("ok", "ok"),
        ('"say \\"so\\""', 'say "so"'),
    ],
)
def test_the_label_of_an_answer(text: str, label: str | None) -> None:
    assert read_label(text, ["good", "bad", "very good", "A", "a", "ok", "ok!", 'say "so"']) == label


ANSWERS = st.text(alphabet='score is 0123456789.-+eE/:{}"\n', max_size=60) | st.text(max_size=60)


@given(ANSWERS)
def test_any_answer_has_a_finite_number_or_none(text: str) -> None:
    number = read_number(text)
    if number is None:
        return
    assert abs(number) < float("inf")
    assert any(sign.isdigit() for sign in text)


@given(ANSWERS, st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5, unique=True))
def test_any_answer_is_a_label_or_none(text: str, labels: list[str]) -> None:
    assert read_label(text, labels) in (None, *labels)


@given(st.floats(min_value=-1e6, max_value=1e6), st.sampled_from(["{}", "Score: {}", "I say {} here", '{{"score": {}}}']))
def test_a_written_number_is_read_back(number: float, form: str) -> None:
    assert read_number(form.format(repr(number))) == number
