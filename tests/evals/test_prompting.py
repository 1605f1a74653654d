from __future__ import annotations

from pathlib import Path

import pytest

from honekit.data import read_examples
from honekit.data.prompts import parse_answer
from honekit.data.wordings import from_schema
from honekit.evals.measured_arms import candidates_of, prompted_arms
from honekit.evals.prompting import Prompting, Sources, answer_grammar, can_constrain
from honekit.project import Project, load_project
from honekit.retrieval import Index, load_passages

EXAMPLES = Path(__file__).parents[2] / "examples"
ROUTING, IOT = (load_project(EXAMPLES / name) for name in ("support-routing", "iot-diagnostics"))


@pytest.mark.parametrize("project", [ROUTING, IOT], ids=["text", "json"])
def test_at_least_five_further_prompts_are_made_and_each_names_all_that_may_be_answered(project: Project) -> None:
    made = from_schema(project)
    assert len(set(made.values())) >= 5
    for text in made.values():
        for field in project.task.fields:
            assert field.name in text or all(value in text for value in field.values)


def test_the_prompt_arm_tries_own_and_given_wordings_each_once() -> None:
    best = Prompting(ROUTING.system_prompt, "system.txt")
    candidates = candidates_of("prompt", ROUTING, best, [])
    names = [candidate.prompt_name for candidate in candidates]
    assert {"system.txt", *ROUTING.task.prompts} <= set(names)
    assert sum(name.startswith("made/") for name in names) >= 5
    assert len({candidate.system for candidate in candidates}) == len(candidates)


def test_retrieved_demonstrations_are_the_most_alike_with_the_closest_last() -> None:
    train = read_examples(ROUTING, ROUTING.data.train)
    asked = train[0]
    sources = Sources.of(ROUTING, None, train[1:])
    messages = sources.conversation(Prompting("s", "s", nearest=3), asked)
    assert [m["role"] for m in messages] == ["system", *["user", "assistant"] * 3, "user"]
    found = sources.nearest.search(asked.input, 3) if sources.nearest else []
    assert found[0].text in messages[-3]["content"]
    assert asked.input in messages[-1]["content"]


def test_passages_stand_in_the_question_only_with_retrieval() -> None:
    (asked, *train) = read_examples(IOT, IOT.data.train)
    sources = Sources.of(IOT, Index(load_passages(IOT)), train)
    assert "Manual:" in sources.conversation(Prompting("s", "s", retrieval=True), asked)[-1]["content"]
    assert "Manual:" not in sources.conversation(Prompting("s", "s"), asked)[-1]["content"]


def test_prompts_that_show_different_things_have_different_fingerprints() -> None:
    one, other, *_ = read_examples(ROUTING, ROUTING.data.train)
    shown = [(), (one,), (one, other), (other, one)]
    made = [Prompting("s", "s", demonstrations=demonstrations) for demonstrations in shown]
    made += [Prompting("t", "s"), Prompting("s", "s", retrieval=True), Prompting("s", "s", nearest=2)]
    assert len({prompting.fingerprint for prompting in made}) == len(made)
    assert Prompting("s", "another name").fingerprint == made[0].fingerprint


def test_a_project_has_only_the_arms_that_it_can_have() -> None:
    assert "rag" in prompted_arms(IOT)
    assert not {"rag", "few_shot_rag"} & set(prompted_arms(ROUTING))
    assert "constrained" in prompted_arms(ROUTING)
    free = ROUTING.task.fields[0].model_copy(update={"type": "string", "score": "accuracy"})
    text = ROUTING.model_copy(update={"task": ROUTING.task.model_copy(update={"fields": (free,)})})
    assert not can_constrain(text)
    assert len(set(from_schema(text).values())) >= 5


@pytest.mark.parametrize("project", [ROUTING, IOT], ids=["text", "json"])
def test_answers_held_to_the_grammar_fit_the_schema(project: Project, tiny_base_dir: Path) -> None:
    from honekit.inference import Request, SamplingParams
    from honekit.inference.engine import load_engine

    engine = load_engine(str(tiny_base_dir), None, device="cpu", precision="fp32")
    constraint = engine.grammars.compile(answer_grammar(project))
    ids = engine.template.prompt_ids([{"role": "user", "content": "hello"}])
    completion = engine.generate([Request(ids, SamplingParams(max_new_tokens=400), 0, constraint)], 1)[0]
    if completion.finish_reason == "stop":
        assert parse_answer(project, completion.text).json_valid
    else:  # a random model may write a text without end
        assert project is IOT and completion.text.startswith("{")
    if project is ROUTING:
        assert completion.text in project.task.fields[0].values
