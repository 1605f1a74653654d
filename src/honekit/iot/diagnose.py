"""Diagnose logs with a tuned version: retrieval over the manual, greedy answers, confidence from token probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.data import build_messages, parse_answer
from honekit.data.examples import Example
from honekit.data.lines import Line, decode_json, syntax_finding
from honekit.errors import DataError, RegistryError
from honekit.project import Project
from honekit.registry.versions import Version
from honekit.retrieval import Index, load_passages

if TYPE_CHECKING:
    from honekit.inference import Completion, Engine, Request

MAX_LOG_CHARACTERS = 200_000
"""No base holds a longer log, so none is taken apart only to find that out."""
BATCH_TOKENS = 48_000
"""Of the prompts that are answered together, each counted as long as the longest: what their keys and values take."""


@dataclass(frozen=True)
class Log:
    """A raw log, and the file and line that it comes from."""

    text: str
    where: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """One answer. `values` has all fields of the task as the model wrote them, null where it left one out."""

    values: dict[str, Any]
    confidence: float
    """Probability of the category's tokens as the model saw them, in [0, 1]."""
    fault: DataError | None = None
    """How the answer misses the schema."""

    def as_dict(self) -> dict[str, Any]:
        made = {**self.values, "confidence": self.confidence}
        return made | {"error": self.fault.as_dict()} if self.fault else made


class Assistant:
    """A loaded version with its project's prompt and manual."""

    def __init__(self, project: Project, version: Version, engine: Engine) -> None:
        self.project, self.version, self.engine = project, version, engine
        self.index = Index(load_passages(project)) if project.retrieval else None
        self.field = next((f.name for f in project.task.fields if f.classical), project.task.fields[0].name)

    @property
    def nothing(self) -> Diagnosis:
        """What stands for a log without an answer."""
        return Diagnosis({f.name: None for f in self.project.task.fields}, 0.0)

    @classmethod
    def load(cls, project: Project, model: str | None = None) -> Assistant:
        """The named version or alias, else `<project>@production`, else the newest trained version.

        Raises: RegistryError[registry.no_version] when there is none yet.
        """
        from honekit.inference import load_engine

        version = newest_version(project, model)
        return cls(project, version, load_engine(version.base_ref, version.adapter_path))

    def diagnose(
        self, logs: Iterable[Log | DataError | None], batch_size: int = 32
    ) -> Iterator[tuple[Log | DataError, Diagnosis | DataError]]:
        """Each log with its result, in order: a fault stands for a log that could not be read, that is too long for the base, or
        whose answer is none. Logs are answered in batches; a None among them says that no more come for now."""
        for batch in self._batches(logs, batch_size):
            requests = [one for _, one in batch if not isinstance(one, DataError)]
            completions = iter(self.engine.generate(requests, batch_size))
            for log, one in batch:
                yield log, one if isinstance(one, DataError) else self.read(next(completions), log.where)

    def _batches(
        self, logs: Iterable[Log | DataError | None], batch_size: int
    ) -> Iterator[list[tuple[Log | DataError, Request | DataError]]]:
        batch: list[tuple[Log | DataError, Request | DataError]] = []
        longest = 0
        for log in logs:
            if log is None:
                if batch:
                    yield batch
                batch, longest = [], 0
                continue
            one = log if isinstance(log, DataError) else self._request(log)
            length = 0 if isinstance(one, DataError) else len(one.prompt_ids)
            if batch and (len(batch) == batch_size or max(longest, length) * (len(batch) + 1) > BATCH_TOKENS):
                yield batch
                batch, longest = [], 0
            batch.append((log, one))
            longest = max(longest, length)
        if batch:
            yield batch

    def _request(self, log: Log) -> Request | DataError:
        from honekit.inference import Request, SamplingParams

        template, most = self.engine.template, self.engine.context_tokens
        messages = self.messages(log.text[:MAX_LOG_CHARACTERS])
        ids = template.prompt_ids(messages)
        if len(log.text) > MAX_LOG_CHARACTERS or len(ids) >= most:
            return DataError(
                "iot.log_too_long",
                what=f"the log has {len(log.text):,} characters; the base holds {most:,} tokens, with instructions and passages",
                where=log.where,
                mend="give the lines around the fault only",
            )
        sampling = SamplingParams(self.project.task.max_new_tokens)
        return Request(ids, sampling, template.system_prefix_length(messages), scope=self.project.project.name)

    def messages(self, log: str) -> list[dict[str, Any]]:
        """The prompt of one log, as in training and evaluation."""
        example = Example(id="-", input=log, answer={}, accept={}, slices=(), passages=None, group="-", line=0, path=Path("-"))
        passages = None
        if self.index is not None and self.project.retrieval is not None:
            passages = self.index.search(log, self.project.retrieval.k)
        return build_messages(self.project, example, passages=passages)

    def read(self, completion: Completion, where: str | None = None) -> Diagnosis | DataError:
        """Turn an answer into its fields and the confidence in its category."""
        parsed = parse_answer(self.project, completion.text)
        if parsed.values is None:
            return _misfit("the model's answer is no diagnosis", parsed.problems, where)
        values = {f.name: parsed.values.get(f.name) for f in self.project.task.fields}
        category = values[self.field]
        confidence = confidence_of(completion, f'"{self.field}"', str(category)) if category is not None else 0.0
        misfit = None if parsed.schema_valid else _misfit("the model's answer does not fit the schema", parsed.problems, where)
        return Diagnosis(values, confidence, misfit)


def _misfit(what: str, problems: tuple[str, ...], where: str | None) -> DataError:
    mend = "give the lines around the fault only, or name another version with --model"
    return DataError("iot.answer_unusable", what=f"{what}: {problems[0]}", where=where, mend=mend)


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


def read_logs(lines: Iterable[Line | None], name: str) -> Iterator[Log | DataError | None]:
    """Logs of JSONL lines with `{"log": ...}`; blank lines are passed over, None stays, and where a line is wrong stands what is
    wrong with it, with `name` and its number."""
    for line in lines:
        if line is None:
            yield None
            continue
        if line.is_blank:
            continue
        record: Any = None
        finding = line.fault
        if line.text is not None:
            try:
                record = decode_json(line.text)
            except ValueError:
                finding = syntax_finding(line.number, line.text)
        where = f"{name}:{line.number}"
        if finding:
            yield DataError(finding.code, what=finding.message, where=where, mend=finding.fix)
        elif not isinstance(record, dict) or not isinstance(log := record.get("log"), str) or not log.strip():
            yield DataError(
                "iot.bad_line",
                what='the line has no text under "log"',
                where=where,
                mend='give one JSON object per line: {"log": "the raw log text"}',
            )
        else:
            yield Log(log, where)
