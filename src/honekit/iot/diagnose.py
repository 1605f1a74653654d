"""Diagnose logs with a tuned version: retrieval over the manual, greedy answers, confidence from token probabilities."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.data import build_messages, parse_answer
from honekit.data.examples import Example
from honekit.errors import DataError, RegistryError
from honekit.project import Project
from honekit.registry.versions import Version
from honekit.retrieval import Index, load_passages

if TYPE_CHECKING:
    from honekit.inference import Completion, Engine

MAX_LINE_BYTES = 1_000_000


@dataclass(frozen=True)
class Diagnosis:
    """One answer. `values` has all fields of the task, null where the answer was not usable."""

    values: dict[str, Any]
    confidence: float
    """Probability of the category's tokens as the model saw them, in [0, 1]."""
    valid: bool
    """The model's answer fitted the schema."""

    def as_dict(self) -> dict[str, Any]:
        return {**self.values, "confidence": self.confidence}


class Assistant:
    """A loaded version with its project's prompt and manual."""

    def __init__(self, project: Project, version: Version, engine: Engine) -> None:
        self.project, self.version, self.engine = project, version, engine
        self.index = Index(load_passages(project)) if project.retrieval else None
        self.field = next((f.name for f in project.task.fields if f.classical), project.task.fields[0].name)

    @classmethod
    def load(cls, project: Project, model: str | None = None) -> Assistant:
        """The named version or alias, else `<project>@production`, else the newest trained version.

        Raises: RegistryError[registry.no_version] when there is none yet.
        """
        from honekit.inference import load_engine

        version = newest_version(project, model)
        return cls(project, version, load_engine(version.base_ref, version.adapter_path))

    def diagnose(self, logs: Sequence[str], batch_size: int = 32) -> Iterator[Diagnosis]:
        """One diagnosis per log, in order."""
        from honekit.inference import Request, SamplingParams

        sampling = SamplingParams(self.project.task.max_new_tokens)
        for start in range(0, len(logs), batch_size):
            requests = []
            for log in logs[start : start + batch_size]:
                messages = self.messages(log)
                ids = self.engine.template.prompt_ids(messages)
                shared = self.engine.template.system_prefix_length(messages)
                requests.append(Request(ids, sampling, shared, scope=self.project.project.name))
            for completion in self.engine.generate(requests, batch_size):
                yield self.read(completion)

    def messages(self, log: str) -> list[dict[str, Any]]:
        """The prompt of one log, as in training and evaluation."""
        example = Example(id="-", input=log, answer={}, accept={}, slices=(), passages=None, group="-", line=0, path=Path("-"))
        passages = None
        if self.index is not None and self.project.retrieval is not None:
            passages = self.index.search(log, self.project.retrieval.k)
        return build_messages(self.project, example, passages=passages)

    def read(self, completion: Completion) -> Diagnosis:
        """Turn an answer into its fields and the confidence in its category."""
        parsed = parse_answer(self.project, completion.text)
        values = {f.name: (parsed.values or {}).get(f.name) for f in self.project.task.fields}
        category = values.get(self.field)
        confidence = confidence_of(completion, f'"{self.field}"', str(category)) if category is not None else 0.0
        return Diagnosis(values, confidence, parsed.schema_valid)


def newest_version(project: Project, model: str | None) -> Version:
    """The version that answers when nobody names one."""
    from honekit.deploy.aliases import resolve
    from honekit.registry.versions import latest

    if model:
        return resolve(model)
    try:
        return resolve(f"{project.project.name}@production")
    except RegistryError:
        version = latest(project.project.name)
    if version is None:
        raise RegistryError(
            "registry.no_version",
            what=f"no model of the project {project.project.name!r} has been trained on this machine",
            mend="run `hone demo` first, or name a model: `hone models list` shows what there is",
        )
    return version


def confidence_of(completion: Completion, key: str, value: str) -> float:
    """Product of the probabilities of the tokens that spell `value` behind `key` in the answer; 0 when it is not there."""
    text = completion.text
    begin = text.find(value, text.find(key) + len(key))
    if begin < 0:
        return 0.0
    end, position, logprob = begin + len(value), 0, 0.0
    for token in completion.tokens:
        stop = position + len(token.text)
        if position < end and stop > begin:
            logprob += token.logprob
        position = stop
    return math.exp(logprob)


def read_logs(lines: Iterable[bytes], name: str) -> Iterator[str]:
    """Logs of a JSONL file with `{"log": ...}` lines.

    Raises: DataError[iot.bad_line] that names file and line.
    """
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            if len(raw) > MAX_LINE_BYTES:
                raise ValueError(f"the line has {len(raw)} bytes, at most {MAX_LINE_BYTES} are read")
            record = json.loads(raw.decode("utf-8"))
            log = record["log"] if isinstance(record, dict) else None
            if not isinstance(log, str) or not log.strip():
                raise ValueError('it has no text under "log"')
        except (ValueError, KeyError) as fault:
            reason = 'it has no key "log"' if isinstance(fault, KeyError) else str(fault)
            raise DataError(
                "iot.bad_line",
                what=f"a line cannot be read: {reason}",
                where=f"{name}:{number}",
                mend='give one JSON object per line: {"log": "the raw log text"}',
            ) from fault
        yield log
