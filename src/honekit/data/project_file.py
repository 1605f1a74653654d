"""The text of a new project's `hone.toml`, with a comment wherever a user may want another value."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

from honekit.data.infer import FieldGuess

_SHOWN_COUNTS = 8


def project_toml(
    *,
    name: str,
    source: str,
    column: str,
    input_key: str,
    label: str,
    fields: Sequence[FieldGuess],
    left_out: Mapping[str, str],
    primary: FieldGuess,
    prompts: Sequence[str],
    is_text: bool,
    max_new_tokens: int,
    examples: dict[str, int],
    characters: int,
) -> str:
    """A `hone.toml` that `load_project` accepts; `characters` is the median length of an input, which stands in `column`;
    `left_out` names the columns that are not in it and says why."""
    head = f"""# Written by `hone init` from {_comment(source)}. Change what was guessed wrong; `hone data prepare` checks it all.

[project]
name = {_text(name)}  # the deployed alias is {name}@production
description = ""

[task]
# Key of the examples that holds the text to answer (median {characters} characters), and its heading in the prompt.
input = {_text(input_key)}
input_label = {_text(label.capitalize())}
# The system prompt: say there what a person would have to be told. `prompts`: other wordings, for the untuned base.
instructions = "system.txt"
prompts = {_list(prompts)}
# json: one object with all fields; text: the bare value of the only field.
format = "{"text" if is_text else "json"}"
# Decides between the arms, and whether to ship.
primary_metric = {_text(_metric(primary))}
# Cap on an answer, in tokens.
max_new_tokens = {max_new_tokens}
"""
    tables = _columns(source, column, fields, left_out) + "".join(_field(field) for field in fields)
    stratify = ""
    if primary.type == "enum":
        stratify = f"# Parts of the test set are drawn evenly by this field.\nstratify = {_text(primary.name)}\n"
    data = f"""
[data]
train = "train.jsonl"  # {examples["train"]} examples
validation = "validation.jsonl"  # {examples["validation"]}: they choose prompt, demonstrations and the best epoch
test = "test.jsonl"  # {examples["test"]}: read once per reported run; do not tune on it
# Examples with the same value of this key (here: near duplicates) never cross a split.
group = "group"
{stratify}# Parts of the test set that are reported apart; name them in `slices` of the test examples too.
slices = []

# Facts (codes, prices, procedures) come from documents, not from tuning. Each `##` section is a passage; a line
# `Keywords: ..., ...` in it is searched, and shown where it matches. k may be a number for each document.
# [retrieval]
# documents = ["manual.md"]
# label = "Manual"
# k = 3

[train]
base = "smollm2-135m"  # `hone bases list` shows others; a Hub id or a local folder works too
epochs = 5  # the best one by validation loss is kept
learning_rate = 1e-3
rank = 16
batch_size = 8

[evaluate]
few_shot_k = [2, 4]  # numbers of demonstrations to try for the untuned base
few_shot_sets = 2  # draws of them to try for each number

[cost]
currency = "USD"
machine_per_hour = 0.10  # what an hour of this machine costs you
alternative_per_million_tokens = 0.60  # price of a hosted model that would do the same
# label_per_example = 0.50  # a person's label of one example
# value_per_corrected_error = 0.05  # what one request more that is answered rightly is worth
# requests_per_day = 1000
"""
    return head + tables + data


def _columns(source: str, column: str, fields: Sequence[FieldGuess], left_out: Mapping[str, str]) -> str:
    """How to take other columns: a field that is only deleted here still stands in the answers of the examples."""
    said = [("--from", source), ("--input", column), *(("--label", field.column) for field in fields)]
    options = " ".join(f"{option} {shlex.quote(_comment(value))}" for option, value in said)
    lines = [
        "",
        "# The fields of the answer, in the order in which the model writes them. For others of the file's columns begin anew:",
        f"# `hone init NEW_FOLDER {options}`, less or more.",
    ]
    lines += [f"# Left out: {_comment(column)} ({why})" for column, why in left_out.items()]
    return "\n".join(lines) + "\n"


def _metric(field: FieldGuess) -> str:
    return f"{field.name}_{ {'enum': 'macro_f1', 'list': 'set_f1', 'string': 'accuracy'}[field.type] }"


def _field(field: FieldGuess) -> str:
    lines = ["", "[[task.fields]]", f"name = {_text(field.name)}"]
    if field.name != field.column:
        lines[-1] += f"  # column {_comment(field.column)}"
    lines.append(f'type = "{field.type}"')
    if field.values:
        counts = [f"{_comment(v)} {n}" for v, n in zip(field.values, field.counts, strict=True)][:_SHOWN_COUNTS]
        more = f" and {len(field.values) - _SHOWN_COUNTS} more" if len(field.values) > _SHOWN_COUNTS else ""
        lines += [f"values = {_list(field.values)}", f"# seen: {', '.join(counts)}{more}"]
    if field.nullable:
        lines.append("nullable = true  # some rows have no value: blank, -, N/A, NaN or null")
    match field.type:
        case "enum":
            lines += ['score = "macro_f1"  # every value counts the same; "accuracy": every example', "classical = true"]
        case "list":
            lines += [f"min_items = {field.min_items}", f"max_items = {field.max_items}", 'score = "set_f1"']
        case "string":
            lines.append('score = "phrase"  # equal to the answer or a phrase in `accept`; "none": not scored')
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A TOML basic string. JSON's escapes are TOML's, but for DEL, which TOML does not take bare."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _comment(value: str) -> str:
    return "".join(char if char.isprintable() else " " for char in value)
