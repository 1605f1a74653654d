"""Questions, rules and verdicts: what is data is well formed, and what is said follows from it."""

from __future__ import annotations

import contextlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from honekit.cli.decide import app
from honekit.decide import OPTIONS, decide, decision_record, load_questions, load_rules, read_answers
from honekit.decide.questions import check_answers
from honekit.decide.rules import next_steps, priors
from honekit.decide.verdict import recommend
from honekit.errors import DataError

QUESTIONS = {question.id: question for question in load_questions()}


def answers_of(**raw: Any) -> Any:
    return check_answers(raw, "the test")


def any_answers() -> st.SearchStrategy[dict[str, Any]]:
    def of(question: Any) -> st.SearchStrategy[Any]:
        if question.type == "integer":
            return st.integers(0, 10**7)
        if question.type == "text":
            return st.text(min_size=1, max_size=20)
        if question.type == "choice":
            return st.sampled_from(sorted(question.values))
        several = st.lists(st.sampled_from(sorted(set(question.values) - {"nothing"})), min_size=1, max_size=3, unique=True)
        return several | st.just(["nothing"])

    return st.fixed_dictionaries({}, optional={name: of(question) for name, question in QUESTIONS.items()})


def test_every_rule_asks_known_questions_for_known_values_and_names_a_source() -> None:
    for rule in load_rules():
        for name, wanted in [*rule.when.items(), *rule.unless.items()]:
            assert QUESTIONS[name].type in ("choice", "choices", "integer"), rule.id
            if isinstance(wanted, tuple):
                assert set(wanted) <= set(QUESTIONS[name].values), rule.id
            else:
                assert QUESTIONS[name].type == "integer", rule.id
        assert {*rule.weights, *rule.excludes} <= set(OPTIONS), rule.id
        assert rule.when and (rule.weights or rule.excludes), rule.id
        assert rule.reason.endswith(".") and len(rule.source) > 10, rule.id
    assert len({rule.id for rule in load_rules()}) == len(load_rules())
    assert set(priors()) == set(next_steps()) == set(OPTIONS)


def test_every_option_can_be_the_verdict() -> None:
    spoken_for = {option for rule in load_rules() for option, weight in rule.weights.items() if weight > 0}
    assert spoken_for == set(OPTIONS)


@given(any_answers())
def test_a_verdict_follows_from_its_rules_and_every_flip_really_flips(raw: dict[str, Any]) -> None:
    answers = answers_of(**raw)
    decision = decide(answers)
    best = decision.ranking[0]
    assert decision.recommendation == best.option and not best.excluded_by
    fired = {rule.id for rule in decision.rules}
    for one in decision.ranking:
        total = priors()[one.option] + sum(r.weights.get(one.option, 0) for r in load_rules() if r.id in fired)
        assert one.score == pytest.approx(total, abs=1e-3)
        assert one.excluded_by or one.score <= best.score
    for flip in decision.flips:
        changed = tuple(flip.answer) if isinstance(flip.answer, list) else flip.answer
        assert recommend({**answers, flip.question: changed}) == flip.recommendation != decision.recommendation
    assert set(decision.unknown) == {f.question for f in decision.flips} - set(answers)
    json.dumps(decision.as_dict())


def test_nothing_known_is_a_verdict_of_low_confidence() -> None:
    decision = decide({})
    assert decision.confidence == "low"
    assert decision.rules == ()
    assert len(decision.unknown) > 5


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ({"colour": "red"}, "no question 'colour'"),
        ({"missin": ["style"]}, "did you mean 'missing'"),
        ({"missing": "style"}, "missing: write a list"),
        ({"missing": ["stile"]}, '"stile" is not one of'),
        ({"missing": ["nothing", "style"]}, "contradict"),
        ({"examples": -1}, "not a whole number"),
        ({"examples": True}, "not a whole number"),
        ({"output": ["label"]}, "is not one of"),
        ({"output": {"a": 1}}, "is not one of"),
        ([], "no object"),
    ],
)
def test_faulty_answers_are_named(raw: Any, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        check_answers(raw, "answers.json")
    assert caught.value.code == "decide.answers"


def test_unknown_is_no_answer() -> None:
    assert check_answers({"output": "unknown", "missing": [], "examples": None, "task": ""}, "here") == {}


@given(st.binary(max_size=200))
def test_a_broken_file_is_a_clear_error(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.json"
        path.write_bytes(content)
        with contextlib.suppress(DataError):
            read_answers(path)


def test_the_command_prints_one_document_and_the_questions(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"missing": ["live_data"], "facts_source": "system", "output": "text"}))
    printed = json.loads(CliRunner().invoke(app, ["--answers", str(file), "--json"], catch_exceptions=False).stdout)
    assert printed["recommendation"] == "tools"
    assert set(printed) >= {"recommendation", "ranking", "rules", "flips", "confidence", "next_step", "costs"}
    assert "tools" in CliRunner().invoke(app, ["--answers", str(file)], catch_exceptions=False).stdout
    questions = json.loads(CliRunner().invoke(app, ["questions", "--json"], catch_exceptions=False).stdout)["questions"]
    assert [question["id"] for question in questions] == list(QUESTIONS)
    assert all(question["type"] in ("text", "choice", "choices", "integer") for question in questions)


def test_the_record_holds_answers_rules_and_the_teams_own_argument(tmp_path: Path) -> None:
    answers = answers_of(missing=["skill"], prompting="thorough", examples_soon=200, task="Grade essays")
    page = decision_record(answers, decide(answers), date="2026-11-25", chosen="prompt", argument="No budget before spring.")
    assert page.startswith("# Decision: prompt\n")
    for text in (
        "recommends **fine-tune**",
        "decided otherwise",
        "No budget before spring.",
        "`tune.skill-with-data`",
        "**Grade essays**",
    ):
        assert text in page
    file, out = tmp_path / "a.toml", tmp_path / "decision.md"
    file.write_text('missing = ["skill"]\n')
    assert tomllib.loads(file.read_text())
    done = CliRunner().invoke(app, ["record", "--answers", str(file), "-o", str(out)], catch_exceptions=False)
    assert done.exit_code == 0 and out.read_text().startswith("# Decision: ")


def test_costs_grow_with_the_volume_and_name_what_they_rest_on() -> None:
    few, many = (decide(answers_of(requests_per_day=count)).as_dict()["costs"]["prompt"] for count in (1000, 100_000))
    assert many["per_month_usd"][1] == pytest.approx(100 * few["per_month_usd"][1], rel=0.1)
    unknown = decide({}).as_dict()["costs"]["prompt"]
    assert unknown["per_month_usd"] is None and "requests_per_day" in unknown["rests_on"]
