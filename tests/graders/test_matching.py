"""Hone's own graders against cases worked out by hand, and what must hold for any input."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from honekit.errors import GraderError
from honekit.graders import functions
from honekit.graders.criteria import Result, grade_by, own_types, parse_criteria
from honekit.graders.json_schema import schema_fault
from honekit.graders.run import Means
from honekit.graders.templates import Sample

VALUES = st.recursive(st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=8), lambda v: st.lists(v, max_size=3))


def graded(
    kind: str, text: str, item: dict[str, Any] | None = None, more: dict[str, Any] | None = None, **options: Any
) -> Result:
    criterion = parse_criteria([{"type": kind, "name": "c", **options}])[0]
    return grade_by(criterion, item or {}, Sample(text, more or {}), Means())


def test_there_are_twelve_types_of_their_own() -> None:
    assert len(own_types()) == 12


@pytest.mark.parametrize(
    ("text", "score"),
    [('{"a": 1}', 1.0), ('{"a": "x"}', 0.0), ("{}", 0.0), ("no JSON", 0.0), ('{"a": NaN}', 0.0)],
)
def test_json_has_to_fit_its_schema(text: str, score: float) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert graded("json_schema", text, schema=schema).score == score


def test_a_schema_reaches_for_nothing_outside_itself() -> None:
    with pytest.raises(ValueError, match="leads nowhere"):
        schema_fault({"$ref": "https://example.com/schema.json"}, 1)


def test_a_pattern_of_a_schema_takes_linear_time() -> None:
    result = graded("json_schema", json.dumps("a" * 5000 + "!"), schema={"type": "string", "pattern": "^(a+)+$"})
    assert result.score == 0.0


def test_fields_are_matched_one_by_one() -> None:
    reference = {"part": "Fan", "count": 2, "ok": True, "more": [1]}
    text = json.dumps({"part": "fan", "count": 2.4, "ok": 1, "more": [1], "other": 0})
    options = {"item": {"r": reference}, "reference": "{{item.r}}"}
    assert graded("field_match", text, **options).score == 0.25  # only `more`: case, 0.4, and a truth value that is a number
    assert graded("field_match", text, **options, ignore_case=True, absolute=0.5).score == 0.75
    assert graded("field_match", text, **options, fields=["part", "more"]).score == 0.5
    assert graded("field_match", "none", **options).score == 0.0
    assert graded("field_match", text, item={"r": "x"}, reference="{{item.r}}").fault == "the reference is no JSON object"


@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [("a, b", "b,A", 1.0), ("a", "a,b,c", 0.5), ("", "", 1.0), ("a", "", 0.0), ('["a", 1]', "a,1", 1.0), ("a,a", "a", 1.0)],
)
def test_the_f1_of_two_sets(text: str, reference: str, score: float) -> None:
    assert graded("set_f1", text, {"r": reference}, reference="{{item.r}}").score == pytest.approx(score)


@pytest.mark.parametrize(
    ("text", "find", "score"),
    [
        ("1,050", "whole", 1.0), ("1050.0", "whole", 1.0), ("about 1050", "whole", 0.0), ("about 1050", "first", 1.0),
        ("3 of 1050", "first", 0.0), ("3 of 1050", "last", 1.0), ("1060", "whole", 1.0), ("1061", "whole", 0.0),
        ("", "last", 0.0),
    ],
)  # fmt: skip
def test_numbers_within_the_tolerance(text: str, find: str, score: float) -> None:
    assert graded("numeric", text, reference="1050", absolute=10, find=find).score == score


def test_decimal_fractions_are_no_trap() -> None:
    assert graded("numeric", str(0.1 + 0.2), reference="0.3").score == 1.0
    assert graded("numeric", "104.9", reference="100", relative=0.05).score == 1.0
    assert graded("numeric", "105.1", reference="100", relative=0.05).score == 0.0


@pytest.mark.parametrize(
    ("text", "find", "reference", "score"),
    [
        ("\u22125", "whole", "-5", 1.0), ("about \u22125 °C", "first", "-5", 1.0), ("-$5", "first", "-5", 1.0),
        ("a 15kg load", "first", "15", 1.0), ("B12 and pump-17 draw 7V", "first", "7", 0.0), ("B12 draws 7V", "first", "7", 1.0),
        ("10-20", "last", "20", 1.0), ("2024-05-03", "last", "3", 1.0), ("the 2nd took 5 s", "first", "5", 1.0),
        ("答えは5です", "first", "5", 1.0), ("5 m", "whole", "5", 0.0),
    ],
)  # fmt: skip
def test_a_number_is_found_beside_its_unit_and_not_within_a_word(text: str, find: str, reference: str, score: float) -> None:
    assert graded("numeric", text, reference=reference, find=find).score == score


def test_numbers_that_are_tiny_or_neighbours_are_not_the_same() -> None:
    assert graded("numeric", "9e-13", reference="1e-15").score == 0.0
    assert graded("field_match", '{"id": 490001112223331}', {"r": {"id": 490001112223330}}, reference="{{item.r}}").score == 0.0


@pytest.mark.parametrize(
    ("text", "wanted", "options", "score"),
    [
        ('{"a": 1.1}', 1.0, {"absolute": 0.1}, 1.0),
        ('{"a": 0.30000000000000004}', 0.3, {}, 1.0),
        ('{"a": [1]}', [True], {}, 0.0),
        ('{"a": {"b": ["X", 1.05]}}', {"b": ["x", 1]}, {"ignore_case": True, "absolute": 0.1}, 1.0),
        ('{"a": 1' + "0" * 400 + "}", 1.5, {}, 0.0),
        ('{"a": 1e400}', 1.5, {"absolute": 1}, 0.0),
        ('{"a": ' + "[" * 500 + "]" * 500 + "}", [], {}, 0.0),
    ],
)
def test_a_fields_values_are_compared_as_what_they_mean(text: str, wanted: Any, options: dict[str, Any], score: float) -> None:
    result = graded("field_match", text, {"r": {"a": wanted}}, reference="{{item.r}}", **options)
    assert (result.score, result.fault) == (score, None)


@pytest.mark.parametrize(("kind", "options"), [("set_f1", {"reference": "[]"}), ("regex", {"pattern": "sorry", "absent": True})])
def test_an_answer_without_the_json_that_is_asked_for_is_not_what_is_empty(kind: str, options: dict[str, Any]) -> None:
    """The empty set has nothing, and nothing holds no pattern: neither is what a broken answer says."""
    asked = {"input": "{{sample.output_json.tags}}", **options}
    assert graded(kind, "not JSON", **asked).score == graded(kind, '{"other": []}', **asked).score == 0.0
    assert graded(kind, '{"tags": []}', **asked).score == 1.0


def test_half_a_surrogate_pair_is_searched_like_any_text() -> None:
    assert graded("regex", "ab\ud800", pattern="b").score == 1.0
    assert graded("json_schema", '"ab\\ud800"', schema={"pattern": "b"}).score == 1.0


def test_multiples_are_of_decimal_fractions() -> None:
    for text, score in (("19.99", 1.0), ("0.3", 1.0), ("0.305", 0.0), ("1" + "0" * 400, 1.0), ("1e400", 0.0)):
        assert graded("json_schema", text, schema={"multipleOf": 0.01}).score == score, text


@pytest.mark.parametrize("schema", [{"pattern": "(?=a)"}, {"items": {"patternProperties": {"(?=a)": {}}}}])
def test_a_schemas_patterns_are_looked_at_before_there_is_an_answer(schema: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="no pattern of RE2"):
        parse_criteria([{"type": "json_schema", "name": "c", "schema": schema}])


def test_a_threshold_that_no_score_reaches_is_refused() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        parse_criteria([{"type": "numeric", "name": "c", "reference": "1", "pass_threshold": 2}])


def test_patterns_are_searched_and_may_have_to_be_absent() -> None:
    assert graded("regex", "E-17 found", pattern=r"\bE-\d+").score == 1.0
    assert graded("regex", "e-17", pattern="E-1", ignore_case=True).score == 1.0
    assert graded("regex", "sorry", pattern="sorry", absent=True).score == 0.0
    assert graded("regex", "a" * 20000 + "!", pattern="^(a+)+$").score == 0.0
    with pytest.raises(ValidationError, match=r"no pattern of RE2: [^b]"):
        parse_criteria([{"type": "regex", "name": "c", "pattern": r"(a)\1"}])


def test_phrases_are_folded() -> None:
    item = {"accepted": ["power supply", None]}
    assert graded("phrase", "  Power-Supply. ", item, accepted="{{item.accepted}}").score == 1.0
    assert graded("phrase", "", item, accepted="{{item.accepted}}").score == 0.0


CALLS = [{"name": "a", "arguments": {"x": 1}}, {"name": "b", "arguments": {}}]


@pytest.mark.parametrize(
    ("given_calls", "options", "score"),
    [
        (CALLS, {}, 1.0),
        (CALLS[::-1], {}, 1.0),
        (CALLS[::-1], {"ordered": True}, 0.5),
        (CALLS[:1], {}, 2 / 3),
        ([{"function": {"name": "a", "arguments": '{"x": 1, "y": 2}'}}], {}, 0.0),
        ([{"function": {"name": "a", "arguments": '{"x": 1, "y": 2}'}}], {"arguments": "subset"}, 2 / 3),
        ([{"name": "a", "arguments": {"x": 9}}], {"arguments": "ignore"}, 2 / 3),
        ([], {}, 0.0),
    ],
)
def test_calls_are_matched_each_once(given_calls: list[Any], options: dict[str, Any], score: float) -> None:
    result = graded("tool_call", "", {"calls": CALLS}, {"output_tools": given_calls}, reference="{{item.calls}}", **options)
    assert result.score == pytest.approx(score)


@pytest.mark.parametrize(
    ("arguments", "wanted", "options", "score"),
    [
        ('{"x": 3}', {"x": 3.0}, {}, 1.0),
        ('{"x": [1.0, {"y": 2}]}', {"x": [1, {"y": 2.0}]}, {}, 1.0),
        ('{"x": 3}', {"x": "3"}, {"arguments": "subset"}, 0.0),
        ('{"x": "true"}', {"x": True}, {"arguments": "subset"}, 0.0),
        ("", {}, {}, 1.0),
        (None, {}, {}, 1.0),
        ("{broken", {}, {}, 0.0),
        ('{"x": ' + "[" * 5000 + "]" * 5000 + "}", {"x": []}, {}, 0.0),
    ],
)
def test_arguments_are_compared_as_json(arguments: Any, wanted: Any, options: dict[str, Any], score: float) -> None:
    given_calls = [{"type": "function", "function": {"name": "f", "arguments": arguments}}]
    item = {"calls": [{"name": "f", "arguments": wanted}]}
    assert graded("tool_call", "", item, {"output_tools": given_calls}, reference="{{item.calls}}", **options).score == score


def test_many_calls_are_matched() -> None:
    many = [{"name": "f", "arguments": {"x": 1}}] * 1100
    assert graded("tool_call", "", {"calls": many[:3]}, {"output_tools": many}, reference="{{item.calls}}").score < 0.01
    some = [{"name": "f", "arguments": {"x": 1, "y": 2}}, {"name": "f", "arguments": {"x": 1}}]
    item = {"calls": [{"name": "f", "arguments": {"x": 1}}, {"name": "f", "arguments": {"y": 2}}]}
    options = {"reference": "{{item.calls}}", "arguments": "subset"}
    assert graded("tool_call", "", item, {"output_tools": some}, **options).score == 1.0  # the first fits both, the second one


def test_a_class_is_read_strictly_unless_told_otherwise() -> None:
    options = {"item": {"c": "fan"}, "reference": "{{item.c}}", "labels": ["fan", "power"]}
    assert graded("classification", "fan", **options).notes == {"expected": "fan", "predicted": "fan"}
    assert graded("classification", "It is the fan.", **options).notes["predicted"] is None
    assert graded("classification", "It is the fan.", **options, lenient=True).score == 1.0
    sure = graded("classification", '{"c": "fan", "p": 0.8}', **options, input="{{sample.output_json.c}}",
                  confidence="{{sample.output_json.p}}")  # fmt: skip
    assert sure.notes["confidence"] == 0.8


def test_an_answer_that_is_no_json_is_wrong_and_no_fault() -> None:
    for kind, options in (
        ("string_check", {"operation": "eq", "input": "{{sample.output_json.a}}", "reference": "x"}),
        ("numeric", {"input": "{{sample.output_json.a}}", "reference": "1"}),
    ):
        result = graded(kind, "not JSON", **options)
        assert (result.score, result.passed, result.fault) == (0.0, False, None)


def test_a_function_that_no_package_has_is_refused() -> None:
    with pytest.raises(GraderError) as caught:
        graded("function", "x", function="absent")
    assert caught.value.code == "graders.unknown_function"


@pytest.mark.parametrize("answer", [7, -0.1, float("nan"), float("inf"), "1", None])
def test_a_function_that_answers_no_number_from_0_to_1_is_a_fault(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "_load", lambda name: lambda sample, item: answer)
    result = graded("function", "x", function="f")
    assert not result.passed and result.score == 0 and result.fault is not None


@pytest.mark.parametrize(("answer", "score"), [(1, 1.0), (True, 1.0), (0.25, 0.25), (1 + 1e-15, 1.0), (-1e-15, 0.0)])
def test_a_functions_number_is_the_score(answer: Any, score: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "_load", lambda name: lambda sample, item: answer)
    result = graded("function", "x", function="f")
    assert (result.score, result.fault) == (score, None)


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, True),
        ({"properties": {"a": {"$ref": "#"}}}, True),
        ({"$id": "https://x.org/a", "items": {"$ref": "b"}, "$defs": {"b": {"$id": "b"}}}, True),
        ({"$ref": "#n", "$defs": {"a": {"$anchor": "n"}}}, True),
        ({"properties": {"a": {"enum": [{"$ref": "https://x.org/not-a-reference"}]}}}, True),
        ({"$ref": "https://example.com/other.json"}, False),
        ({"properties": {"a": {"items": {"$ref": "file:///etc/passwd"}}}}, False),
        ({"anyOf": [{"$ref": "#/$defs/missing"}]}, False),
        ({"$dynamicRef": "#nowhere"}, False),
        ({"$ref": "https://[x"}, False),
    ],
)
def test_a_schema_whose_references_lead_out_of_it_is_refused(schema: dict[str, Any], fits: bool) -> None:
    with contextlib.nullcontext() if fits else pytest.raises(ValidationError):
        parse_criteria([{"type": "json_schema", "name": "c", "schema": schema}])


@given(VALUES, VALUES)
def test_every_score_lies_between_0_and_1(answer: Any, wanted: Any) -> None:
    item = {"r": json.dumps(wanted), "calls": [{"name": "f", "arguments": {"v": wanted}}]}
    text = json.dumps(answer)
    for result in (
        graded("set_f1", text, item, reference="{{item.r}}"),
        graded("field_match", text, {"r": {"v": wanted}}, reference="{{item.r}}"),
        graded(
            "tool_call", text, item, {"output_tools": [{"name": "f", "arguments": {"v": answer}}]}, reference="{{item.calls}}"
        ),
    ):
        assert 0.0 <= result.score <= 1.0 and result.fault is None


@given(st.lists(st.text(alphabet="abc ", max_size=3), max_size=5), st.lists(st.text(alphabet="abc ", max_size=3), max_size=5))
def test_set_f1_is_the_same_both_ways_and_1_for_equal_sets(left: list[str], right: list[str]) -> None:
    one = graded("set_f1", json.dumps(left), {"r": right}, reference="{{item.r}}").score
    assert one == graded("set_f1", json.dumps(right), {"r": left}, reference="{{item.r}}").score
    assert graded("set_f1", json.dumps(left[::-1] + left), {"r": left}, reference="{{item.r}}").score == 1.0


@given(st.floats(-1e6, 1e6), st.floats(0, 10))
def test_a_number_is_within_any_tolerance_of_itself(number: float, tolerance: float) -> None:
    written = f"{number:.6f}"
    assert graded("numeric", written, reference=written, absolute=tolerance).score == 1.0
