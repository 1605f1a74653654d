"""The data step: raw examples in, checked chat JSONL for training and validation out.

The test split is read for the leak checks and handed on; it is never written as training data.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.data.augment import redraw
from honekit.data.examples import Example, read_examples
from honekit.data.leaks import check_leaks, location
from honekit.data.lines import MAX_SHOWN, Finding, Written, nearest, raise_findings, shown
from honekit.data.near.rule import near_duplicates_within, overlap_report
from honekit.data.prompts import Asked, build_messages, reference
from honekit.errors import DataError
from honekit.retrieval import Index, Passage, load_passages
from honekit.store.atomic import sha256_of, write_atomic, writing

if TYPE_CHECKING:
    from honekit.project import Project


@dataclass(frozen=True)
class Prepared:
    """What the data step made and found."""

    train: list[Example]
    """Without those of weight 0, like `validation`."""
    validation: list[Example]
    test: list[Example]
    train_file: Path
    """Chat JSONL, like `validation_file`."""
    validation_file: Path
    sha256: dict[str, str]
    """Of the two chat files, and under `test` of the raw test file."""
    with_passages: dict[str, int]
    """Examples of `train` (in their first form) and `validation` that are written with retrieved passages."""
    class_balance: dict[str, dict[str, dict[str, int]]]
    """split -> enum field -> value -> number of examples; values without an example stand with 0."""
    overlaps: dict[str, float]
    """slice of the test set -> share of its word trigrams that occur in training; `all` is the whole set."""
    warnings: list[str]
    forms: int = 1
    """Forms in which each training example is written (`data.forms`)."""

    @property
    def counts(self) -> dict[str, int]:
        return {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}

    @property
    def version(self) -> str:
        """16 hex digits over all three splits: another one means other data."""
        return hashlib.sha256(json.dumps(self.sha256, sort_keys=True).encode()).hexdigest()[:16]

    def origin(self, file: Path, lines: Sequence[int]) -> Written:
        """Where the examples stand that these lines of one of the two chat files were made of, each once."""
        examples = self.train if file == self.train_file else self.validation
        by_path: dict[Path, list[int]] = {}
        for index in dict.fromkeys((line - 1) % len(examples) for line in lines):
            by_path.setdefault(examples[index].path, []).append(examples[index].line)
        return by_path

    def summary(self) -> dict[str, Any]:
        """JSON-ready, without the examples. `near_duplicates` across splits is 0, or `prepare` would have refused."""
        return {
            "version": self.version,
            "counts": self.counts,
            "files": {"train": str(self.train_file), "validation": str(self.validation_file)},
            "sha256": self.sha256,
            "with_passages": self.with_passages,
            "forms": self.forms,
            "class_balance": self.class_balance,
            "near_duplicates": 0,
            "overlaps": {name: round(share, 4) for name, share in self.overlaps.items()},
            "warnings": self.warnings,
        }


def prepare(project: Project, *, use_more: bool) -> Prepared:
    """Read, check and write the project's data; `use_more` adds the files of `data.more` to training.

    The same raw files give the same bytes. Written are `.hone/data/train.jsonl` and `validation.jsonl`.

    Raises: DataError: a raw file's own faults (see `read_examples`), data.leak.*, data.reference_unknown,
    data.no_retrieval, data.id_duplicate, data.same_file. StoreError when a file cannot be written.
    """
    _check_files(project)
    train = read_examples(project, project.data.train)
    more = [read_examples(project, file) for file in project.data.more if use_more or project.path(file).exists()]
    spare = [example for examples in more for example in examples]
    validation = read_examples(project, project.data.validation)
    test = read_examples(project, project.data.test)
    passages = load_passages(project)
    for examples in (train, *more, validation, test):
        _check_references(project, examples, {passage.ref for passage in passages})
    _check_ids(train + spare)
    check_leaks(project, train + spare, validation, test)
    # Checked like all others, but a record whose only answer has weight 0 is none to learn from.
    train = [example for example in train + (spare if use_more else []) if example.weight]
    validation = [example for example in validation if example.weight]

    index = Index(passages)
    splits = {"train": train, "validation": validation, "test": test}
    with_passages = {"train": [bool(e.passages) for e in train], "validation": _shown_in_validation(project, validation)}
    directory = project.state_dir / "data"
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    forms = {"train": project.data.forms, "validation": 1}
    sha256 = {
        name: _write(project, directory / f"{name}.jsonl", splits[name], shown_with, index, forms[name])
        for name, shown_with in with_passages.items()
    }
    return Prepared(
        train,
        validation,
        test,
        train_file=directory / "train.jsonl",
        validation_file=directory / "validation.jsonl",
        sha256={**sha256, "test": sha256_of(project.path(project.data.test))},
        with_passages={name: sum(shown_with) for name, shown_with in with_passages.items()},
        class_balance={name: class_balance(project, examples) for name, examples in splits.items()},
        overlaps=overlap_report([e.input for e in train], _texts_by_slice(project, test)),
        warnings=_warnings(project, train, test),
        forms=project.data.forms,
    )


def passages_for(project: Project, index: Index, example: Example, *, with_reference: bool = False) -> list[Passage]:
    """The passages that retrieval finds for an example's input, best first.

    `with_reference` (training and its validation loss only): when the passage that the answer names is not among
    them it takes the last place, so that the model never learns to name what it was not given.
    """
    if project.retrieval is None:
        return []
    found = index.search(example.input, project.retrieval.k)
    ref = reference(project, example.answer) if with_reference else None
    if ref is not None and ref not in {passage.ref for passage in found}:
        named = next(passage for passage in index.passages if passage.ref == ref)
        places, rivals = project.retrieval.k, found
        if not isinstance(places, int):
            places, rivals = places[named.document], [passage for passage in found if passage.document == named.document]
        if len(rivals) == places:
            found.remove(rivals[-1])
        found.append(named)
    return found


def class_balance(project: Project, examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """Examples by value, for each enum field; null counts as `null`."""
    balance = {}
    for field in project.task.fields:
        if field.type == "enum":
            counts = Counter("null" if e.answer[field.name] is None else e.answer[field.name] for e in examples)
            balance[field.name] = {value: counts.pop(value, 0) for value in field.values} | dict(counts)
    return balance


def _shown_in_validation(project: Project, examples: Sequence[Example]) -> list[bool]:
    """Passages go to those that need one and to every second one of the others, so the loss sees both kinds."""
    shown_with: list[bool] = []
    others = 0
    for example in examples:
        needs_one = reference(project, example.answer) is not None
        shown_with.append(needs_one or others % 2 == 1)
        others += not needs_one
    return shown_with if project.retrieval else [False] * len(examples)


def _write(
    project: Project, path: Path, examples: Sequence[Example], with_passages: Sequence[bool], index: Index, forms: int
) -> str:
    lines = [
        _line(project, example, shows, index, form)
        for form in range(forms)
        for example, shows in zip(examples, with_passages, strict=True)
    ]
    content = "".join(lines).encode()
    write_atomic(path, content)
    return hashlib.sha256(content).hexdigest()


def _line(project: Project, example: Example, shows: bool, index: Index, form: int) -> str:
    """One conversation. Form 0 is the example as it was written, with passages where `shows` says so."""
    # What a section says can only be learnt by reading it, so examples that name one come with it in every further form.
    if form % 2 == 1 and not (shows and reference(project, example.answer) is not None):
        shows = not shows
    passages = passages_for(project, index, example, with_reference=True) if shows else []
    asked: Asked = example
    if form:
        asked = redrawn = redraw(project, example, passages, random.Random(f"{form} {example.id}"))
        passages = redrawn.passages
    messages = build_messages(project, asked, passages=passages, with_answer=True)
    return json.dumps({"messages": messages}, ensure_ascii=False) + "\n"


def _texts_by_slice(project: Project, test: Sequence[Example]) -> dict[str, list[str]]:
    by_slice = {"all": [example.input for example in test]}
    return by_slice | {name: [e.input for e in test if name in e.slices] for name in project.data.slices}


def _check_references(project: Project, examples: Sequence[Example], known: set[str]) -> None:
    findings = []
    for example in examples:
        ref = reference(project, example.answer)
        if example.passages and project.retrieval is None:
            fix = "add [retrieval] with `documents`, or take `passages` out"
            message = "the example wants passages, and hone.toml names no documents"
            findings.append(Finding("data.no_retrieval", "error", example.line, "passages", message, fix))
        elif ref is not None and ref not in known:
            message, field = f"no document has the section {shown(ref)}", "answer"
            findings.append(Finding("data.reference_unknown", "error", example.line, field, message, nearest(ref, sorted(known))))
    if findings:
        raise_findings(examples[0].path, findings)


def _check_files(project: Project) -> None:
    named = [("train", project.data.train), *(("more", file) for file in project.data.more)]
    named += [("validation", project.data.validation), ("test", project.data.test)]
    keys: dict[Path, str] = {}
    for key, file in named:
        if (other := keys.setdefault(project.path(file).resolve(), key)) != key:
            raise DataError(
                "data.same_file",
                what=f"data.{other} and data.{key} name the same file",
                where=str(project.path(file)),
                mend="give each split a file of its own in hone.toml; `hone data split` makes them of one",
            )


def _check_ids(examples: Sequence[Example]) -> None:
    first: dict[str, Example] = {}
    for example in examples:
        other = first.setdefault(example.id, example)
        if other is not example:
            raise DataError(
                "data.id_duplicate",
                what=f"two training examples have the id {shown(example.id)}; the other one is {location(other)}",
                where=location(example),
                mend="give every example its own id",
            )


def _warnings(project: Project, train: Sequence[Example], test: Sequence[Example]) -> list[str]:
    """Near duplicates inside training: allowed, but they weigh double, and with two answers they contradict. Values that are
    never learnt, and slices that nothing is measured on."""
    warnings = []
    pairs = near_duplicates_within([example.input for example in train])
    pairs.sort(key=lambda pair: train[pair[0]].answer == train[pair[1]].answer)
    for i, j, similarity in pairs[:MAX_SHOWN]:
        same = train[i].answer == train[j].answer
        what = "are near duplicates" if same else "are near duplicates with different answers"
        warnings.append(f"{location(train[i])} and {location(train[j])} {what} (Jaccard {similarity:.2f})")
    if len(pairs) > MAX_SHOWN:
        warnings.append(f"... and {len(pairs) - MAX_SHOWN} more pairs of near duplicates in training")
    for field, counts in class_balance(project, train).items():
        missing = [value for value, count in counts.items() if not count]
        if missing:
            warnings.append(f"training has no example of {field} = {', '.join(missing)}")
    used = {name for example in test for name in example.slices}
    unused = [name for name in project.data.slices if name not in used]
    if unused:
        warnings.append(f"no test example has {', '.join(unused)} in `slices`: give it to some, or take it out of data.slices")
    return warnings
