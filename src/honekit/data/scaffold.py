"""`hone init`: a new project from a table, or a file to label when there are no labels."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from honekit.data.infer import ANSWER_NAMES, FieldGuess, Inference, infer, no_words, plain_key, value_of
from honekit.data.lines import MIN_TRAINING_EXAMPLES, decode_json
from honekit.data.near.rule import similar_groups
from honekit.data.project_file import project_toml
from honekit.data.split import split
from honekit.data.tables import Table, plain_row, read_table
from honekit.data.wordings import alternatives, instructions
from honekit.errors import DataError, SettingsError
from honekit.store.atomic import write_atomic, writing

TO_LABEL = "to-label.jsonl"
_KEYS_TO_LABEL = ("id", "text", "label", "seen")
MAX_TO_LABEL = 300
"""So many distinct lines are given to label: a first project needs 20 to 300."""


@dataclass(frozen=True)
class Scaffold:
    """What init found and wrote. Without labels there is no project yet, only the file to label."""

    directory: Path
    table: Table
    inference: Inference
    files: list[Path]
    counts: dict[str, int]
    """split -> examples; empty without labels."""
    rows_left_out: int
    """Rows without an input or without any label."""
    is_labelled: bool


def scaffold(
    source: Path,
    directory: Path,
    *,
    name: str | None = None,
    input_column: str | None = None,
    labels: Sequence[str] = (),
    seed: int = 0,
) -> Scaffold:
    """Read `source`, guess what is in it, and write a project into `directory`. Nothing is ever overwritten.

    Raises: DataError (the file's faults, data.no_input, data.too_few), SettingsError[settings.project_exists | settings.name].
    """
    table = _unpacked(read_table(source))
    inference = _without_count(table, infer(table, input_column=input_column, labels=labels), labels)
    rows = [row for row in table.rows if isinstance(row.get(inference.input), str)]
    if not rows or (input_column is None and no_words([row[inference.input] for row in rows])):
        raise DataError(
            "data.no_input",
            what="no column holds texts" + (", only numbers and times" if rows else ""),
            where=str(source),
            mend="a model answers a text: add a column with it, such as `temp=21.4 humidity=80`, or name one with --input",
        )
    labelled = [row for row in rows if any(row.get(guess.column) is not None for guess in inference.fields)]
    if not labelled:
        return _to_label(directory, table, inference, [row[inference.input] for row in rows])
    inference = replace(inference, fields=_without_nulls(inference.fields, labelled))
    contents, counts = _project(source, directory, name, inference, labelled, seed)
    _refuse_existing(directory, contents)
    _write(directory, contents)
    return Scaffold(
        directory,
        table,
        inference,
        [directory / file for file in contents],
        counts,
        len(table.rows) - len(labelled),
        is_labelled=True,
    )


def _project(
    source: Path, directory: Path, name: str | None, inference: Inference, rows: list[dict[str, Any]], seed: int
) -> tuple[dict[str, str], dict[str, int]]:
    fields = inference.fields
    texts = [row[inference.input] for row in rows]
    primary = inference.primary
    assert primary is not None
    by = primary if primary.type == "enum" else None
    splits, groups = split(texts, [value_of(by, row) if by else None for row in rows], seed)
    counts = Counter(splits)
    if counts["train"] < MIN_TRAINING_EXAMPLES or not counts["validation"] or not counts["test"]:
        distinct = len(set(groups))
        raise DataError(
            "data.too_few",
            what=f"{len(rows)} labelled rows ({distinct} without near duplicates) cannot be split: training needs "
            f"{MIN_TRAINING_EXAMPLES}, validation and test need examples too",
            where=str(source),
            mend="label at least 20 different rows; 100 and more are worth tuning on",
        )
    input_key = _input_key(inference.input)
    is_text = len(fields) == 1 and fields[0].type == "enum" and not fields[0].nullable
    files = dict.fromkeys((f"{name}.jsonl" for name in ("train", "validation", "test")), "")
    longest = 0
    for number, (row, name_of_split, group) in enumerate(zip(rows, splits, groups, strict=True), 1):
        values = {guess.name: value_of(guess, row) for guess in fields}
        answer = values[fields[0].name] if is_text else values
        identity = row[inference.id] if inference.id else f"row-{number}"
        record = {"id": identity, input_key: row[inference.input], "answer": answer, "group": f"g-{group + 1}"}
        files[f"{name_of_split}.jsonl"] += json.dumps(record, ensure_ascii=False) + "\n"
        longest = max(longest, len(json.dumps(answer, ensure_ascii=False)))
    label = inference.input.replace("_", " ").strip().lower() or "text"
    wordings = alternatives(fields, label, _schema(fields))
    files |= {"system.txt": instructions(fields, label) + "\n"}
    files |= {f"prompts/{file}": text + "\n" for file, text in wordings.items()}
    files["hone.toml"] = project_toml(
        name=_project_name(name, directory, source),
        source=source.name,
        column=inference.input,
        input_key=input_key,
        label=label,
        fields=fields,
        left_out=inference.left_out,
        primary=primary,
        prompts=[f"prompts/{file}" for file in wordings],
        is_text=is_text,
        max_new_tokens=max(16, longest // 2 + 16),
        examples=dict(counts),
        characters=int(median(map(len, texts))),
    )
    return files, {key: counts[key] for key in ("train", "validation", "test")}


def _unpacked(table: Table) -> Table:
    """With a column for each key of an answer that is an object written as text, as chat data have it."""
    packed = [column for column in table.columns if column.lower() in ANSWER_NAMES and _are_objects(table, column)]
    if not packed:
        return table
    read = [{column: _object_of(row[column]) for column in packed if row.get(column) is not None} for row in table.rows]
    rows = tuple(plain_row({**row, **answers}) for row, answers in zip(table.rows, read, strict=True))
    return replace(table, columns=tuple(dict.fromkeys(key for row in rows for key in row)), rows=rows)


def _are_objects(table: Table, column: str) -> bool:
    cells = [row[column] for row in table.rows if row.get(column) is not None]
    return bool(cells) and all(isinstance(cell, str) and _object_of(cell) for cell in cells)


def _object_of(text: str) -> dict[str, Any] | None:
    try:
        found = decode_json(text) if text.startswith("{") else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _without_count(table: Table, found: Inference, labels: Sequence[str]) -> Inference:
    """A file that init itself gave to label says how often each kind of line comes, which is no label."""
    column = _KEYS_TO_LABEL[-1]
    if table.columns[: len(_KEYS_TO_LABEL)] != _KEYS_TO_LABEL or column in labels:
        return found
    fields = tuple(guess for guess in found.fields if guess.column != column)
    return replace(found, fields=fields, left_out={**found.left_out, column: "how often such a text came"})


def _without_nulls(fields: Sequence[FieldGuess], rows: list[dict[str, Any]]) -> tuple[FieldGuess, ...]:
    """Nullable only where a labelled row really lacks the value: rows without any label are gone by now."""
    return tuple(replace(guess, nullable=any(row.get(guess.column) is None for row in rows)) for guess in fields)


def _schema(fields: Sequence[FieldGuess]) -> dict[str, Any]:
    from honekit.data.prompts import object_schema
    from honekit.project import OutputField

    return object_schema(
        [
            OutputField(
                name=guess.name,
                type=guess.type,
                values=guess.values,
                nullable=guess.nullable,
                min_items=guess.min_items,
                max_items=guess.max_items,
            )
            for guess in fields
        ]
    )


def _input_key(column: str) -> str:
    key = plain_key(column) or "input"
    reserved = ("id", "answer", "group", "passages", "accept", "slices", "weight", "meta")
    return f"{key}_text" if key in reserved else key


def _project_name(given: str | None, directory: Path, source: Path) -> str:
    if given is not None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", given):
            raise SettingsError(
                "settings.name",
                what="a project's name has lower-case letters, digits and hyphens, and at most 63 of them",
                where="--name",
                mend=f"take --name {_slug(given) or 'my-task'}",
            )
        return given
    return _slug(directory.resolve().name) or _slug(source.stem) or "my-task"


def _slug(text: str) -> str:
    return plain_key(text, "-")[:63].strip("-")


def _to_label(directory: Path, table: Table, inference: Inference, texts: list[str]) -> Scaffold:
    """Distinct texts, the most frequent kinds first, each with an empty label."""
    groups = similar_groups(texts)
    sizes = Counter(groups)
    chosen = [group for group, _ in sizes.most_common(MAX_TO_LABEL)]
    lines = [
        json.dumps(
            dict(zip(_KEYS_TO_LABEL, (f"line-{group + 1}", texts[group], None, sizes[group]), strict=True)), ensure_ascii=False
        )
        for group in chosen
    ]
    contents = {TO_LABEL: "".join(f"{line}\n" for line in lines)}
    _refuse_existing(directory, contents)
    _write(directory, contents)
    return Scaffold(directory, table, inference, [directory / TO_LABEL], {}, len(table.rows) - len(chosen), is_labelled=False)


def _refuse_existing(directory: Path, contents: dict[str, str]) -> None:
    there = [file for file in contents if (directory / file).exists()]
    if there:
        raise SettingsError(
            "settings.project_exists",
            what=f"nothing was written, because there is already {', '.join(there[:6])}",
            where=str(directory),
            mend="name an empty folder: `hone init NEW_FOLDER --from FILE`, or move these files away",
        )


def _write(directory: Path, contents: dict[str, str]) -> None:
    """hone.toml comes last, so that a folder with one is a whole project."""
    for file, content in contents.items():
        path = directory / file
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)


def copy_example(bundled: Path, directory: Path) -> list[Path]:
    """Copy a bundled example project, without what its runs have left; nothing is overwritten."""
    files = sorted(path for path in bundled.rglob("*") if path.is_file() and ".hone" not in path.parts)
    contents = {path.relative_to(bundled).as_posix(): path.read_text(encoding="utf-8") for path in files}
    _refuse_existing(directory, contents)
    _write(directory, {name: contents[name] for name in sorted(contents, key=lambda name: name == "hone.toml")})
    return [directory / name for name in contents]
