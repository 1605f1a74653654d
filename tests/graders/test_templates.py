from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.graders import templates
from honekit.graders.faults import GradingFault
from honekit.graders.templates import Sample, parse_template, render

ITEM = {"answer": "42", "n": 3, "parts": [{"name": "fan"}, {"name": "belt"}], "null": None, "with-dash": "d", "größe": "x"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def flag_of(template: str, sample: str = "text", item: dict[str, Any] | None = None) -> tuple[str, str]:
    with pytest.raises(GradingFault) as caught:
        render(template, ITEM if item is None else item, Sample(sample))
    return caught.value.flag, caught.value.details


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{item.answer}}", "42"),
        ("a{{ item.answer }}b{{item.n}}c", "a42b3c"),
        ("{{item.parts[1].name}}", "belt"),
        ("{{item.parts}}", '[{"name": "fan"}, {"name": "belt"}]'),
        ("{{item.null}} {{item.with-dash}} {{item.größe}}", "null d x"),
        ("{{sample.output_text}}", '{"a": {"b": [1, "zwei"]}}'),
        ("{{sample.output_json.a.b[1]}} {{sample.output_json.a.b[0]}}", "zwei 1"),
        ("{{sample.output_json}}", '{"a": {"b": [1, "zwei"]}}'),
        ('{"open": {"close": 1}}', '{"open": {"close": 1}}'),
        ("{ {item.answer} }", "{ {item.answer} }"),
    ],
)
def test_paths_are_filled_in(template: str, text: str) -> None:
    assert render(template, ITEM, Sample('{"a": {"b": [1, "zwei"]}}')) == text


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{item.nothing}}", "there is no item.nothing"),
        ("{{item.parts[2].name}}", "2 is missing in a list of 2"),
        ("{{item.parts.name}}", '"name" is missing in a list'),
        ("{{item[0]}}", "0 is missing in an object with"),
        ("{{item.answer.x}}", "missing in a text"),
        ("{{item.n[0]}}", "missing in a number"),
        ("{{sample.output}}", "there is no sample.output"),
    ],
)
def test_a_missing_key_is_told(template: str, told: str) -> None:
    flag, details = flag_of(template)
    assert flag == "invalid_variable_error"
    assert told in details


@pytest.mark.parametrize(
    "template", ["{{", "{{item.a", "{{}}", "{{ other.a }}", "{{item.a + 1}}", "{{item['a']}}", "{{item.a|x}}"]
)
def test_a_malformed_template_is_told_without_an_item(template: str) -> None:
    with pytest.raises(ValueError, match=r"never closed|is no path"):
        parse_template(template)


@pytest.mark.parametrize("sample", ["no json", "", "NaN", "[" * 100_000, "1" * 10_000, '{"a": 1} x'])
def test_a_sample_that_is_no_json_has_no_output_json(sample: str) -> None:
    assert flag_of("{{sample.output_json.a}}", sample)[0] == "sample_parse_error"
    assert "output_json" not in Sample(sample).namespace()
    assert render("{{sample.output_text}}", {}, Sample(sample)) == sample


def test_more_of_the_sample_can_be_given() -> None:
    sample = Sample("text", {"output_tools": [{"function": {"name": "look_up"}}]})
    assert render("{{sample.output_tools[0].function.name}}", {}, sample) == "look_up"


def test_what_is_filled_in_is_not_read_again() -> None:
    assert render("{{item.answer}}", {"answer": "{{item.secret}}", "secret": "s"}, Sample("")) == "{{item.secret}}"


def test_lengths_are_bounded() -> None:
    with pytest.raises(ValueError, match="100000 characters"):
        parse_template("x" * (templates.MAX_TEMPLATE_CHARS + 1))
    flag, _ = flag_of("{{item.long}}" * 11, item={"long": "x" * 100_000})
    assert flag == "truncated_observation_error"
    with pytest.raises(ValueError, match="is no path"):
        parse_template("{{item" + ".a" * templates.MAX_PATH_CHARS + "}}")


@given(st.text(max_size=200))
def test_any_text_is_a_template_or_says_why_not(text: str) -> None:
    try:
        parts = parse_template(text)
    except ValueError:
        parts = [text.partition("{{")[0]]
        assert parts != [text]
        return
    assert all(part in text for part in parts if isinstance(part, str))
    assert ("{{" in text) == any(not isinstance(part, str) for part in parts)


@given(JSON, st.text(max_size=20), st.text(max_size=20))
def test_every_value_comes_back_as_it_was(value: Any, before: str, after: str) -> None:
    before, after = before.replace("{", ""), after.replace("{", "")
    shown = render(f"{before}{{{{item.value}}}}{after}", {"value": value}, Sample(""))
    inside = shown[len(before) : len(shown) - len(after)]
    assert shown == before + inside + after
    assert inside == value if isinstance(value, str) else json.loads(inside) == value


@given(JSON)
def test_a_json_sample_is_read_as_it_was_written(value: Any) -> None:
    assert Sample(json.dumps(value)).output_json == value
