"""Suites: a TOML file, or a project, as an evaluation with its items and its prompt.

name = "log triage"
data = "items.jsonl"              # rows {"item": {...}}, with "sample" where the answer is there; or plain objects
[[messages]]
role = "user"
content = "Classify: {{item.line}}"
[sampling]                        # temperature 0 unless said otherwise
max_completion_tokens = 64
[[criteria]]                      # graders, see docs/graders.md
type = "classification"
...
[judge]                           # where graders that ask a model ask it; without it, where the model is asked
endpoint = "http://127.0.0.1:8001"
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from honekit.errors import EvalError, SettingsError
from honekit.evals.sources_schema import Body, CompletionsSampling, about_the_item
from honekit.evals.suite_faults import told
from honekit.evals.suite_rows import read_rows
from honekit.graders.criteria import Criterion
from honekit.graders.schema import InputMessage, Text
from honekit.project import load_project
from honekit.store.evals import Entry

MESSAGES = "hone_messages"
"""Key of an item that holds how it is asked; it is no part of what the item is."""


def _address(given: str) -> str:
    if not given.startswith(("http://", "https://")):
        raise PydanticCustomError("address", "is no address of a server such as http://127.0.0.1:8001")
    return given


class Judge(Body):
    endpoint: Annotated[Text, AfterValidator(_address)]


def _each_by_its_name(given: list[Any]) -> list[Any]:
    names = [one.name for one in given]
    for name in names:
        if names.count(name) > 1:
            reason = f"two criteria are called {name[:60]!r}: figures are told by the name, so give each its own"
            raise PydanticCustomError("names", "{reason}", {"reason": reason})
    return given


class SuiteFile(Body):
    name: Text
    data: Text
    messages: Annotated[list[InputMessage], Field(min_length=1, max_length=100), AfterValidator(about_the_item)] | None = None
    sampling: CompletionsSampling | None = None
    criteria: Annotated[list[Criterion], Field(min_length=1, max_length=50), AfterValidator(_each_by_its_name)]
    judge: Judge | None = None


@dataclass(frozen=True)
class Suite:
    """What `hone eval run` runs."""

    name: str
    rows: list[Entry]
    messages: list[dict[str, Any]] | None
    """Templates; None: each item holds its own messages under `MESSAGES`."""
    sampling: dict[str, Any]
    criteria: list[dict[str, Any]]
    judge: str | None = None
    how: str = ""
    """What is shown beside the question, in words."""
    asked: Callable[[dict[str, Any]], list[dict[str, str]]] | None = None
    """The messages of a changed item, where they are not made by templates."""
    data: str = ""
    """Name of the file that the items are from."""

    def data_source(self, model: str | None) -> dict[str, Any]:
        """As OpenAI writes it; the items themselves are kept with the run."""
        source: dict[str, Any] = {"type": "file_content", "content": [{"item": {}}]}
        if model is None:
            return {"type": "jsonl", "source": source}
        wanted: dict[str, Any] = {"type": "template", "template": self.messages}
        if self.messages is None:
            wanted = {"type": "item_reference", "item_reference": f"item.{MESSAGES}"}
        return {
            "type": "completions", "source": source, "model": model,
            "input_messages": wanted, "sampling_params": self.sampling,
        }  # fmt: skip


def load_suite(path: Path, *, retrieval: bool = False, few_shot: int = 0) -> Suite:
    """A suite file, a project's folder, or its hone.toml; of a project with passages and demonstrations where wanted.

    Raises: EvalError[evals.suite_missing | evals.suite_syntax | evals.suite_invalid | evals.row]; SettingsError[cli.usage |
    eval.no_retrieval]; SettingsError, DataError of a project.
    """
    if path.is_dir() or path.name == "hone.toml":
        from honekit.evals.project_suite import suite_of_project

        return suite_of_project(load_project(path), retrieval=retrieval, few_shot=few_shot)
    if retrieval or few_shot:
        raise SettingsError(
            "cli.usage", what="--retrieval and --few-shot are for projects: a suite has its own messages", mend="leave them out"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except FileNotFoundError as fault:
        raise EvalError(
            "evals.suite_missing", what="there is no such suite", where=str(path), mend="name a TOML file, or a project's folder"
        ) from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as fault:
        encoding = isinstance(fault, UnicodeDecodeError)
        raise EvalError(
            "evals.suite_syntax",
            what=f"the suite cannot be read: {(fault.strerror or fault) if isinstance(fault, OSError) else fault}",
            where=str(path),
            mend="save the file as UTF-8" if encoding else "write it in TOML; docs/guide/evaluate.md shows a suite",
        ) from fault
    try:
        given = SuiteFile.model_validate(raw)
    except ValidationError as fault:
        raise EvalError(
            "evals.suite_invalid",
            what="the suite does not fit:\n" + told(fault, text),
            where=str(path),
            mend="mend these keys; docs/guide/evaluate.md shows a suite",
        ) from fault
    sampling = given.sampling.model_dump(exclude_none=True) if given.sampling else {}
    return Suite(
        given.name,
        read_rows(path.parent / given.data),
        [one.model_dump(exclude_none=True) for one in given.messages or []] or [{"role": "user", "content": "{{item.input}}"}],
        {"temperature": 0.0, **sampling},
        _kept(given.criteria),
        given.judge.endpoint if given.judge else None,
        data=Path(given.data).name,
    )


def parsed_criteria(given: Sequence[Any]) -> list[dict[str, Any]]:
    """Criteria as they are kept, with their defaults. Raises: ValidationError."""
    return _kept(_Criteria.model_validate({"criteria": list(given)}).criteria)


def _kept(criteria: Sequence[Any]) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in criteria]


class _Criteria(Body):
    criteria: list[Criterion]
