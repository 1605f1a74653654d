"""Questions, rules and verdicts: what is data is well formed, and what is said follows from it."""

from __future__ import annotations

import contextlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from honekit.cli.decide import MOST_EVIDENCE, app, changed_answer
from honekit.data.prices import per_million_usd
from honekit.decide import OPTIONS, agreement, decide, decision_record, load_questions, load_rules, read_answers
from honekit.decide.conflicts import conflicts_in, load_conflicts
from honekit.decide.costs import TOKENS
from honekit.decide.flips import Flip
from honekit.decide.questions import check_answers
from honekit.decide.rules import evidence, next_steps, priors, thresholds
from honekit.decide.scoring import recommend
from honekit.errors import DataError, SettingsError

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
        # Only a rule that speaks for an option knows its next step.
        assert all(rule.weights[option] > 0 and text.endswith(".") for option, text in rule.next.items()), rule.id
    assert len({rule.id for rule in load_rules()}) == len(load_rules())
    assert set(priors()) == set(next_steps()) == set(evidence()) == set(OPTIONS)


def test_every_conflict_names_its_questions_and_known_values() -> None:
    for conflict in load_conflicts():
        for name, wanted in [*conflict.when.items(), *conflict.unless.items()]:
            assert wanted == "< examples" or set(wanted) <= set(QUESTIONS[name].values), conflict.id
        assert all(f"`{name}`" in conflict.text for name in conflict.when), conflict.id


def test_every_option_can_be_the_verdict() -> None:
    spoken_for = {option for rule in load_rules() for option, weight in rule.weights.items() if weight > 0}
    assert spoken_for == set(OPTIONS)


@settings(deadline=None)  # it tries every other answer to every question
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
        assert {one.id for one in conflicts_in({**answers, flip.question: changed})} <= {one.id for one in conflicts_in(answers)}
    assert set(decision.unknown) == {f.question for f in decision.flips} - set(answers)
    assert all(any(f"`{name}`" in line for line in decision.evidence) for name in decision.unknown)
    assert not decision.conflicts or decision.confidence == "low"
    json.dumps(decision.as_dict())


def test_a_number_flips_at_the_nearest_limit_of_a_rule() -> None:
    assert {9, 10, 49, 50} <= {*thresholds("examples"), *thresholds("examples_soon")}
    answers = answers_of(missing=["style"], prompting="thorough", prompting_result="unsteady", examples=2000)
    [flip] = [flip for flip in decide(answers).flips if (flip.question, flip.recommendation) == ("examples", "not-yet")]
    assert recommend({**answers, "examples": flip.answer}) == "not-yet"
    assert flip.answer == 49 and recommend({**answers, "examples": 50}) == "fine-tune"


def test_a_value_that_stands_in_an_order_flips_at_the_nearest() -> None:
    answers = answers_of(missing=["skill"], agreement="no", prompting="simple", prompting_result="unsteady", instructions="no")
    [flip] = [flip for flip in decide(answers).flips if flip.question == "agreement"]
    assert flip.answer == "mostly" and recommend({**answers, "agreement": "yes"}) == flip.recommendation


def test_a_list_flips_by_one_value_more_or_less() -> None:
    answers = answers_of(missing=["style", "knowledge"], facts_source="documents", output="text")
    flips = [flip.answer for flip in decide(answers).flips if flip.question == "missing"]
    assert flips
    assert all(answer == ["nothing"] or len({"style", "knowledge"} ^ set(answer)) == 1 for answer in flips)


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ({"missing": ["nothing"], "prompting_result": "poor"}, "prompting_result"),
        ({"facts_source": "none", "missing": ["knowledge"]}, "facts_source"),
        ({"prompting": "none", "prompting_result": "nearly"}, "prompting"),
        ({"missing": ["privacy"], "data_may_leave": "yes"}, "data_may_leave"),
        ({"examples": 100, "examples_soon": 50}, "examples_soon"),
        ({"facts_source": "none", "facts_amount": "book"}, "facts_amount"),
        ({"in_use": "model_good", "missing": ["computation"]}, "in_use"),
    ],
)
def test_answers_that_contradict_each_other_are_named_and_lower_the_confidence(raw: dict[str, Any], names: str) -> None:
    decision = decide(answers_of(**raw))
    assert decision.confidence == "low" and "contradict" in decision.confidence_reason
    assert any(f"`{names}`" in text for text in decision.conflicts)


def test_a_verdict_that_holds_whatever_is_open_is_surer_than_one_that_does_not() -> None:
    scanty = answers_of(missing=["style"])
    full = answers_of(missing=["live_data"], facts_source="system", facts_change="minutes", output="text", in_use="model_poor")
    assert decide(scanty).confidence == "low" and decide(scanty).held < 0.5
    assert decide(full).confidence == "high" and decide(full).held == 1.0


def test_an_answer_given_twice_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text('{"output": "label", "output": "text"}')
    with pytest.raises(DataError, match="'output' is answered twice"):
        read_answers(file)


def test_the_next_step_is_that_of_the_rule_that_decides() -> None:
    form = {"missing": ["format"], "output": "structured", "prompting": "thorough", "prompting_result": "nearly"}
    assert "JSON schema" in decide(answers_of(**form, form_enforced="no")).next_step
    usual = decide(answers_of(missing=["style"], prompting="none"))
    assert usual.next_step == next_steps()[usual.recommendation]
    pages = decide(answers_of(missing=["knowledge"], facts_source="documents", facts_amount="pages", prompting="simple"))
    assert pages.recommendation == "prompt" and "Put the pages into the prompt" in pages.next_step
    answers = answers_of(**form, form_enforced="no")
    assert "JSON schema" in decision_record(answers, decide(answers), date="2026-11-25")


def test_what_is_good_and_will_be_switched_off_does_not_stay() -> None:
    good = {"in_use": "model_good", "missing": ["ending"], "tuned_before": "helped", "examples": 2000}
    assert decide(answers_of(**good, stronger_model="untried")).recommendation == "other-model"
    assert decide(answers_of(**good, prompting="thorough", prompting_result="good_enough")).recommendation == "prompt"
    short = decide(answers_of(**good, prompting="thorough", prompting_result="unsteady"))
    assert short.recommendation == "fine-tune" and "before that one ends" in short.next_step and not short.conflicts


def test_a_form_that_nothing_enforces_needs_no_examples() -> None:
    answers = answers_of(
        output="structured", missing=["format"], prompting="reworded", prompting_result="nearly", form_enforced="no"
    )
    assert decide(answers).recommendation == "prompt" and "JSON schema" in decide(answers).next_step


@pytest.mark.parametrize("result", ["nearly", "unsteady"])
def test_what_a_formatter_does_is_not_prompted_for(result: str) -> None:
    answers = answers_of(output="code", missing=["style"], simple_method="yes", prompting="simple", prompting_result=result)
    assert decide(answers).recommendation == "classical"


def test_no_prompt_answers_in_a_tenth_of_a_second_without_a_gpu() -> None:
    answers = answers_of(
        output="label", missing=["latency"], latency="instant", hardware="laptop", prompting="simple", prompting_result="nearly"
    )
    assert decide(answers).recommendation == "classical"


def test_without_a_settled_task_nothing_is_started() -> None:
    found = decide(answers_of(stability="open", budget=50_000, maintainer="engineer", prompting="none"))
    assert found.recommendation == "not-yet" and "Choose one task" in found.next_step


def test_a_process_that_makes_the_fault_is_changed_and_not_automated() -> None:
    found = decide(answers_of(in_use="people", simple_method="process", prompting="none", output="label", examples=3000))
    assert found.recommendation == "nothing" and "Change the form or the step" in found.next_step
    assert decide(answers_of(simple_method="process", in_use="people_good")).conflicts


@pytest.mark.parametrize("in_use", ["people_good", "program_good", "model_good"])
def test_what_is_done_well_today_stays_though_no_prompt_was_tried(in_use: str) -> None:
    found = decide(answers_of(in_use=in_use, prompting="none", instructions="yes", input="text", output="text", examples=200))
    assert found.recommendation == "nothing"


def test_a_rule_that_does_it_needs_no_prompt_to_be_tried_first() -> None:
    told = answers_of(simple_method="yes", instructions="yes", prompting="none", output="structured", in_use="people")
    assert decide(told).recommendation == "classical" and decide(told).confidence != "low"
    assert decide({**told, "simple_method": "partly"}).recommendation == "prompt"


def test_inputs_that_may_perhaps_not_be_used_are_waited_for() -> None:
    found = decide(answers_of(data_may_leave="open", output="label", examples=9000, missing=["skill"], prompting="none"))
    assert found.recommendation == "not-yet"
    assert "what the inputs may be used for" in found.next_step


def test_experts_who_disagree_are_heard_before_a_prompt_that_is_nearly_right() -> None:
    nearly = answers_of(agreement="no", missing=["skill"], prompting="simple", prompting_result="nearly", output="label")
    assert decide(nearly).recommendation == "not-yet"


def test_who_writes_no_programs_is_given_no_training_to_keep() -> None:
    shared = {"missing": ["style"], "prompting": "thorough", "prompting_result": "nearly", "examples": 300}
    assert decide(answers_of(**shared, maintainer="ml")).recommendation == "fine-tune"
    assert decide(answers_of(**shared, maintainer="users")).recommendation != "fine-tune"


def test_pages_of_facts_count_only_where_facts_are_missing() -> None:
    few = {"facts_source": "documents", "facts_amount": "pages"}
    assert decide(answers_of(**few, missing=["knowledge"])).recommendation == "prompt"
    assert decide(answers_of(**few, missing=["computation"])).recommendation == "tools"
    needless = answers_of(missing=["skill"], facts_source="none", prompting="thorough", prompting_result="nearly", examples=1800)
    assert not [flip for flip in decide(needless).flips if flip.question == "facts_amount"]


def test_labels_that_are_wrong_as_well_as_slow_are_no_matter_of_price_alone() -> None:
    asked = {"output": "label", "prompting": "thorough", "prompting_result": "nearly", "examples": 8000}
    wrong, slow = (decide(answers_of(**asked, missing=missing)) for missing in (["skill", "latency"], ["latency"]))
    assert "simple.labels-in-place-of-a-dear-model" not in {rule.id for rule in wrong.rules}
    assert {wrong.ranking[0].option, wrong.ranking[1].option} == {"classical", "fine-tune"} and wrong.confidence != "high"
    assert slow.recommendation == "classical" and slow.confidence == "high"


def test_some_hundred_pages_and_few_questions_speak_for_a_long_prompt() -> None:
    def lead(questions: int) -> float:
        shared = {"missing": ["knowledge"], "facts_source": "documents", "facts_amount": "book"}
        scores = {one.option: one.score for one in decide(answers_of(**shared, requests_per_day=questions)).ranking}
        return scores["rag"] - scores["prompt"]

    assert lead(50) + 7 == lead(5000)


def test_no_volume_turns_a_letter_or_a_recording_into_a_task_for_a_linear_model() -> None:
    for task in ({"output": "text"}, {"output": "label", "input": "sound"}):
        answers = answers_of(missing=["style"], prompting="simple", **task)
        assert "classical" not in [flip.recommendation for flip in decide(answers).flips if flip.question == "requests_per_day"]


def test_a_search_that_works_is_left_as_it_is_when_its_answers_are_tuned() -> None:
    found = decide(
        answers_of(missing=["format"], facts_source="documents", retrieval="misused", examples=3500, prompting="thorough")
    )
    assert found.recommendation == "fine-tune+rag" and found.next_step.startswith("Leave the search as it is")


def test_what_is_right_with_a_pasted_passage_needs_something_that_finds_it() -> None:
    found = decide(answers_of(output="code", retrieval="by_hand", prompting="thorough", prompting_result="poor", examples=400))
    assert found.recommendation == "rag" and "that you pasted" in found.next_step


def test_a_flip_is_told_as_the_change_that_it_is() -> None:
    answers = answers_of(missing=["style", "cost"], prompting="thorough", examples=12_000)
    told = {
        changed_answer(Flip("missing", ["style", "cost", "live_data"], "tools"), answers),
        changed_answer(Flip("missing", ["cost"], "other-model"), answers),
        changed_answer(Flip("prompting", "simple", "few-shot"), answers),
        changed_answer(Flip("examples", 49, "not-yet"), answers),
        changed_answer(Flip("citations", "yes", "rag"), answers),
        changed_answer(Flip("missing", ["latency"], "other-model"), answers_of(missing=["nothing"])),
    }
    assert told == {
        "missing, with live_data too",
        "missing, without style",
        "prompting = simple (now thorough)",
        "examples = 49 (now 12,000)",
        "citations = yes",
        "missing = latency (now nothing)",
    }


def test_the_terminal_tells_first_what_speaks_for_the_verdict(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"missing": ["style"], "prompting": "thorough", "prompting_result": "unsteady", "examples": 900}))
    shown = CliRunner().invoke(app, ["--answers", str(file)], catch_exceptions=False).stdout
    headings = ["Next: ", "Why fine-tune", "About the others", "What would turn it", "What to find out", "All options"]
    assert [shown.index(one) for one in headings] == sorted(shown.index(one) for one in headings)
    why = shown[shown.index("Why fine-tune") : shown.index("About the others")]
    assert "that is what tuning is for" in why and "No fact is said to be missing" not in why
    assert len(shown[shown.index("What to find out") : shown.index("All options")].strip().splitlines()) <= MOST_EVIDENCE + 2


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
        ({"examples": 10**13}, "not a whole number from 0 to 1000000000000"),
        ({"output": ["label"]}, "is not one of"),
        ({"output": {"a": 1}}, "is not one of"),
        ([], "no object"),
    ],
)
def test_faulty_answers_are_named(raw: Any, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        check_answers(raw, "answers.json")
    assert caught.value.code == "decide.answers"


def test_a_byte_order_mark_before_the_answers_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text('{"examples": 5}', encoding="utf-8-sig")
    assert read_answers(tmp_path / "answers.json") == {"examples": 5}


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
    assert set(printed) >= {
        "recommendation",
        "ranking",
        "rules",
        "flips",
        "confidence",
        "next_step",
        "costs",
        "conflicts",
        "evidence",
    }
    assert set(printed["costs"]) == set(OPTIONS)
    assert "tools" in CliRunner().invoke(app, ["--answers", str(file)], catch_exceptions=False).stdout
    document = json.loads(CliRunner().invoke(app, ["questions", "--json"], catch_exceptions=False).stdout)
    questions = document["questions"]
    assert document["unknown"] == "unknown"
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
        "**skill** (it judges otherwise",
        "Write the page that you would give a new colleague",
    ):
        assert text in page
    assert "## Evidence to collect" in page and "| nothing |" in page
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


def test_costs_of_a_request_go_by_the_prompt_that_works_and_the_size_of_the_model() -> None:
    def month(**raw: Any) -> tuple[int, int]:
        found: tuple[int, int] = decide(answers_of(requests_per_day=10_000, **raw)).as_dict()["costs"]["other-model"][
            "per_month_usd"
        ]
        return found

    assert month(prompt_tokens=9000)[1] > 5 * month()[1]
    assert month(missing=["cost"])[1] < month(missing=["skill"])[1]


@pytest.mark.parametrize(
    ("size", "models"),
    [
        ("small", ["gpt-4.1-nano", "gpt-4.1-mini", "gpt-5-nano", "gemini-2.5-flash-lite", "mistral-small-latest"]),
        ("large", ["gpt-4.1", "gpt-5", "gemini-2.5-pro", "mistral-large-latest", "claude-sonnet-4-5"]),
    ],
)
def test_prices_of_tokens_hold_the_list_prices_of_well_known_models(size: str, models: list[str]) -> None:
    lo, hi = TOKENS[size]
    listed = [price for model in models if (price := per_million_usd(model, 1000, 200)) is not None]
    assert len(listed) >= 3 and all(lo <= price <= hi for price in listed)
    assert max(listed) > hi / 3 and min(listed) < 3 * lo  # and no wider than they have to be


def test_costs_count_the_machines_that_the_volume_needs() -> None:
    small, large = (
        decide(answers_of(requests_per_day=count, hardware="gpu")).as_dict()["costs"]["fine-tune"] for count in (100, 3_000_000)
    )
    assert large["per_month_usd"][1] == 10 * small["per_month_usd"][1] and large["rests_on"].startswith("10 machines")


@pytest.mark.parametrize("hardware", ["none", "laptop"])
def test_costs_of_more_than_a_machine_without_a_gpu_can_answer_are_those_of_one_with_a_gpu(hardware: str) -> None:
    def cost(count: int, given: str = hardware) -> Any:
        return decide(answers_of(requests_per_day=count, hardware=given)).as_dict()["costs"]["fine-tune"]

    assert cost(66_000)["per_month_usd"] == cost(66_000, "gpu")["per_month_usd"]
    assert cost(66_000)["rests_on"] == "a machine with a GPU" and cost(66_000, "gpu")["rests_on"] == "a machine of your own"
    assert cost(5_000)["per_month_usd"][0] < cost(66_000)["per_month_usd"][0]


def test_a_long_prompt_that_nobody_counted_costs_more_than_a_short_one() -> None:
    short, long = (
        decide(answers_of(requests_per_day=10_000, prompting_result=result)).as_dict()["costs"]["prompt"]["per_month_usd"]
        for result in ("nearly", "long")
    )
    assert long[1] > 3 * short[1]


def test_sound_is_priced_by_the_minute_and_not_by_guessed_tokens() -> None:
    cost = decide(answers_of(input="sound", requests_per_day=1000)).as_dict()["costs"]["other-model"]
    assert cost["per_month_usd"] is None and "by the minute" in cost["rests_on"]


def test_a_project_that_is_not_there_is_said_and_no_record_is_printed(tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text('{"in_use": "model_good", "missing": ["nothing"]}')
    with pytest.raises(SettingsError, match=r"no hone\.toml"):
        CliRunner().invoke(app, ["record", "--answers", str(answers), "--project", str(tmp_path)], catch_exceptions=False)


def test_the_record_lies_beside_the_project_and_is_not_written_over(tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"missing": ["nothing"]}))
    (tmp_path / "hone.toml").write_text("")
    command = ["record", "--answers", str(answers), "--project", str(tmp_path)]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    record = tmp_path / "decision.md"
    assert record.read_text().startswith("# Decision: nothing")
    with pytest.raises(SettingsError, match="a record already"):
        CliRunner().invoke(app, command, catch_exceptions=False)
    again = [*command, "--chosen", "prompt", "--argument", "We want to learn.", "--replace", "--json"]
    printed = json.loads(CliRunner().invoke(app, again, catch_exceptions=False).stdout)
    assert printed["chosen"] == "prompt" and printed["file"] == str(record)
    assert "We want to learn." in record.read_text() == printed["page"]


def test_agreement_is_counted_at_each_confidence_and_the_surest_verdicts_are_the_experts() -> None:
    for half in ("development", "held-out"):
        found = agreement(half)
        assert sum(count for count, _, _ in found.by_confidence.values()) == found.cases
        assert sum(same for _, same, _ in found.by_confidence.values()) == found.same
        count, _, accepted = found.by_confidence["high"]
        assert accepted >= 0.9 * count > 0


def test_a_prompt_that_is_good_enough_is_not_the_answer_to_its_cost() -> None:
    verdict = decide(answers_of(missing=["cost"], prompting="simple", prompting_result="good_enough"))
    assert verdict.recommendation == "other-model"
    fired = {rule.id for rule in load_rules() if rule.fires(answers_of(prompting="simple", prompting_result="nearly"))}
    assert "prompt.hardly-tried" in fired


def test_an_index_of_what_changes_all_the_time_is_not_recommended_with_confidence() -> None:
    given = {"missing": ["knowledge"], "facts_source": "documents", "prompting": "simple"}
    often, daily = (decide(answers_of(**given, facts_change=change)) for change in ("minutes", "days"))
    assert daily.recommendation == "rag" and daily.confidence == "high"
    assert often.confidence != "high"
