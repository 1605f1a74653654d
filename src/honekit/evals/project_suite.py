"""A project's test set as a suite: asked as the arms of `hone run` ask, with a criterion for each scored field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from honekit.errors import SettingsError
from honekit.evals.suites import MESSAGES, Suite, parsed_criteria
from honekit.project import Project
from honekit.store.evals import Entry

if TYPE_CHECKING:
    from honekit.data import Example


def suite_of_project(project: Project, *, retrieval: bool = False, few_shot: int = 0) -> Suite:
    """The test examples under the project's own prompt, with retrieved passages and so many demonstrations where wanted.

    Raises: SettingsError[eval.no_retrieval] for a project without documents; DataError of its files.
    """
    from dataclasses import replace

    from honekit.data.examples import read_examples
    from honekit.evals.arms import demonstration_pool, draw
    from honekit.evals.prompting import Prompting, Sources
    from honekit.retrieval import Index, load_passages

    if retrieval and project.retrieval is None:
        raise SettingsError(
            "eval.no_retrieval",
            what="this project has no documents to retrieve from",
            where=str(project.root / "hone.toml"),
            mend="leave --retrieval out, or add `documents` under [retrieval]",
        )
    shown: tuple[Example, ...] = ()
    if few_shot:
        train = read_examples(project, project.data.train)
        shown = draw(demonstration_pool(train, retrieval=retrieval), few_shot, 0, project)
    prompting = Prompting(project.system_prompt, project.task.instructions, retrieval, shown)
    sources = Sources(project, Index(load_passages(project)) if retrieval else None)
    examples = {example.id: example for example in read_examples(project, project.data.test)}

    def asked(item: dict[str, Any]) -> list[dict[str, str]]:
        return sources.conversation(prompting, replace(examples[item["id"]], input=item["input"]))

    items = [_item(project, example) for example in examples.values()]
    how = [*(["with passages"] if retrieval else []), *([f"{few_shot}-shot"] if few_shot else [])]
    return Suite(
        project.project.name,
        [Entry({**item, MESSAGES: asked(item)}) for item in items],
        None,
        {"temperature": 0.0, "max_completion_tokens": project.task.max_new_tokens},
        _of_fields(project),
        how=", ".join(how),
        asked=asked,
    )


def _item(project: Project, example: Example) -> dict[str, Any]:
    return {
        "id": example.id,
        "input": example.input,
        "answer": example.answer,
        "accept": {
            field.name: [*example.accept.get(field.name, ()), example.answer.get(field.name)]
            for field in project.task.fields
            if field.score == "phrase"
        },
        "slices": list(example.slices),
    }


def _of_fields(project: Project) -> list[dict[str, Any]]:
    from honekit.data.prompts import answer_schema
    from honekit.graders import classes

    is_json = project.task.format == "json"
    criteria: list[dict[str, Any]] = []
    if is_json:
        criteria.append({"type": "json_schema", "name": "schema_validity", "schema": answer_schema(project)})
    for field in project.task.fields:
        if field.score == "none":
            continue
        place = f"{{{{sample.output_json.{field.name}}}}}" if is_json else "{{sample.output_text}}"
        common = {"name": field.metric_name, "input": place}
        reference = f"{{{{item.answer.{field.name}}}}}"
        if field.type == "enum":
            criteria.append({"type": "classification", **common, "reference": reference, "labels": list(classes(field))})
        elif field.score == "set_f1":
            criteria.append({"type": "set_f1", **common, "reference": reference, "ignore_case": False})
        elif field.score == "phrase":
            criteria.append({"type": "phrase", **common, "accepted": f"{{{{item.accept.{field.name}}}}}"})
        else:
            criteria.append({"type": "string_check", **common, "reference": reference, "operation": "eq"})
    return parsed_criteria(criteria)
