"""Does a model answer the same when the text is a little different, and when it is not different at all?

Each item is asked clean, in several spoilt forms (`spoilt_text`), in the paraphrases that it brings, again in the same batch,
and once alone. A form is compared with the clean text, item by item.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from honekit.errors import EvalError
from honekit.evals.compare_runs import Compared, Pair, corrected, measured
from honekit.evals.rates import rate_interval
from honekit.evals.run_faults import fault_of
from honekit.evals.sampling import ATTEMPT
from honekit.evals.spoilt_text import FORMS, obeys, other_names, renamed
from honekit.evals.suite_rows import read_objects
from honekit.evals.suites import MESSAGES
from honekit.store.eval_items import Item
from honekit.store.evals import Entry

CLEAN, AGAIN, ALONE, PARAPHRASE, INJECTION = "clean", "again", "alone", "paraphrase", "injection"
FORM, SOURCE, PARAPHRASES = "hone_form", "hone_source", "paraphrases"
REPEATED_ITEMS = 30
"""So many items at most are asked again and alone."""
EXAMPLES = 3

Range = tuple[float, float]
Group = tuple[list[Item], Item]
"""The texts of one item in a form, and its clean text."""
Asked = Callable[[dict[str, Any]], list[dict[str, str]]]


def spoilt_rows(rows: Sequence[Entry], key: str, asked: Asked | None = None, *, again: int = 0) -> list[Entry]:
    """Each row clean, in every form that changes its text at `key`, with each of its `paraphrases`, and the first rows `again`
    times more. `asked` makes the messages of a changed row, where the row holds them.

    Raises: EvalError[evals.no_text] for a row without a text there.
    """
    made: list[Entry] = []
    for place, row in enumerate(rows):
        text = _text_at(row, key, place)
        made.append(_row(row, place, CLEAN))
        for name, form in FORMS.items():
            said = form(text, random.Random(f"{place} {name}"))
            if said == text:
                continue
            changes = {key: said}
            if name == "names":  # the expected answer may name the device: it gets the new name too
                other = other_names(text, random.Random(f"{place} {name}"))
                changes = {other_key: renamed(value, other) for other_key, value in row.item.items() if other_key != "id"}
            made.append(_row(row, place, name, changes, asked))
        given = row.item.get(PARAPHRASES)
        paraphrases = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
        made += [_row(row, place, PARAPHRASE, {key: one}, asked) for one in paraphrases]
        if place < REPEATED_ITEMS:
            made += [_row(row, place, AGAIN, {ATTEMPT: f"again {number}"}) for number in range(again)]
    return made


def with_paraphrases(rows: Sequence[Entry], path: Path) -> list[Entry]:
    """The rows with the paraphrases that a JSONL file has for them by their `id`: {"id": "te-001", "paraphrases": ["..."]}.

    Raises: EvalError[evals.suite_missing | evals.row].
    """
    known = {given: place for place, row in enumerate(rows) if isinstance(given := row.item.get("id"), str | int)}
    made = list(rows)
    for number, one in read_objects(path):
        texts = one.get(PARAPHRASES)
        known_id = isinstance(one.get("id"), str | int) and one["id"] in known
        if not known_id or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise EvalError(
                "evals.row",
                what="a line has no paraphrases for an item of this suite",
                where=f"{path}:{number}",
                mend='write {"id": "an item\'s id", "paraphrases": ["its text in other words"]}',
            )
        place = known[one["id"]]
        made[place] = Entry({**made[place].item, PARAPHRASES: texts}, made[place].given)
    return made


def rows_alone(rows: Sequence[Entry], key: str) -> list[Entry]:
    """The first rows, to be asked one at a time. Raises as `spoilt_rows`."""
    alone = rows[:REPEATED_ITEMS]
    for place, row in enumerate(alone):
        _text_at(row, key, place)
    return [_row(row, place, ALONE, {ATTEMPT: ALONE}) for place, row in enumerate(alone)]


def _text_at(row: Entry, key: str, place: int) -> str:
    text = row.item.get(key)
    if not isinstance(text, str):
        raise EvalError(
            "evals.no_text", what=f"item {place + 1} has no text under {key!r}", mend="name the key of the text with --key"
        )
    return text


def _row(row: Entry, place: int, form: str, changes: dict[str, Any] | None = None, asked: Asked | None = None) -> Entry:
    item = {**row.item, **(changes or {}), FORM: form, SOURCE: place}
    if asked is not None and changes:
        item[MESSAGES] = asked(item)
    return Entry(item)


@dataclass(frozen=True)
class Spoilt:
    """One form beside the clean texts. Where an item has several texts of a form, all of them have to agree, and its score is
    their mean.

    same_answer: share of the items that are answered letter by letter as before. same_verdict: for which each criterion passes
    or fails as before. obeyed: of an injection, the share that does what it orders. Each with its interval; None where no item
    is left to say it of. unanswered, ungraded: items of which one of the texts, the clean one included, got no answer, or could
    not be graded; they are in none of these shares, since two faults are no two equal answers.
    """

    form: str
    items: int
    texts: int
    same_answer: float | None
    same_answer_interval: Range | None
    same_verdict: float | None
    same_verdict_interval: Range | None
    obeyed: float | None
    obeyed_interval: Range | None
    compared: list[Compared]
    changed: list[dict[str, str]] = field(default_factory=list)
    """The first texts that were answered otherwise: what was asked, and both answers."""
    unanswered: int = 0
    ungraded: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def by_form(items: Sequence[Item], key: str) -> list[Spoilt]:
    """The items of runs over `spoilt_rows` and `rows_alone`, form by form; A is the spoilt text, B the clean one. The forms are
    told together, so their comparisons are corrected together."""
    clean = {item.item[SOURCE]: item for item in items if item.item[FORM] == CLEAN}
    found = []
    for form in dict.fromkeys(item.item[FORM] for item in items if item.item[FORM] != CLEAN):
        groups: dict[int, list[Item]] = {}
        for item in items:
            if item.item[FORM] == form and item.item[SOURCE] in clean:
                groups.setdefault(item.item[SOURCE], []).append(item)
        if groups:
            found.append(_of_form(form, [(group, clean[source]) for source, group in groups.items()], key))
    lines = iter(corrected([line for one in found for line in one.compared]))
    return [replace(one, compared=[next(lines) for _ in one.compared]) for one in found]


def _of_form(form: str, groups: Sequence[Group], key: str) -> Spoilt:
    answered = [(group, plain) for group, plain in groups if all(_is_answered(one) for one in (*group, plain))]
    graded = [(group, plain) for group, plain in groups if not any(fault_of(one) for one in (*group, plain))]
    same = _share(answered, lambda group, plain: all(_said(one) == _said(plain) for one in group))
    verdict = _share(graded, lambda group, plain: all(_passed(one) == _passed(plain) for one in group))
    obeyed = _share(answered if form == INJECTION else (), lambda group, _: any(obeys(_text(one)) for one in group))
    changed = [
        {"text": str(one.item.get(key)), "clean": _text(plain), "answer": _text(one)}
        for group, plain in answered
        for one in group
        if _said(one) != _said(plain)
    ]
    pairs = [Pair(plain.item, _merged(group), plain) for group, plain in groups]
    texts = sum(len(group) for group, _ in groups)
    return Spoilt(
        form,
        len(groups),
        texts,
        *same,
        *verdict,
        *obeyed,
        measured(pairs, slice_key=""),
        changed[:EXAMPLES],
        len(groups) - len(answered),
        len(groups) - len(graded),
    )


def _share(groups: Sequence[Group], holds: Callable[[list[Item], Item], bool]) -> tuple[float | None, Range | None]:
    """Of how many it holds, with its interval."""
    if not groups:
        return None, None
    held = sum(holds(group, plain) for group, plain in groups)
    return held / len(groups), rate_interval(held, len(groups))


def _merged(group: Sequence[Item]) -> Item:
    """Several texts of one item as one: texts of one item are no independent items."""
    first = group[0]
    if len(group) == 1:
        return first
    results = []
    for number, result in enumerate(first.results or []):
        every = [one.results[number] for one in group if one.results and number < len(one.results)]
        merged = {name: value for name, value in result.items() if name not in ("expected", "predicted")}
        merged |= {"score": sum(one["score"] for one in every) / len(every), "passed": all(one["passed"] for one in every)}
        faulted = [one for one in every if "error" in one]
        results.append(merged | ({"error": faulted[0]["error"]} if faulted else {}))
    return replace(first, results=results)


def _passed(item: Item) -> list[bool]:
    return [bool(one["passed"]) for one in item.results or []]


def _is_answered(item: Item) -> bool:
    return bool((item.sample or {}).get("output"))


def _said(item: Item) -> tuple[str, Any]:
    """What was answered: text and calls of tools."""
    output = (item.sample or {}).get("output") or [{}]
    return _text(item), output[0].get("tool_calls")


def _text(item: Item) -> str:
    output = (item.sample or {}).get("output") or []
    return str(output[0].get("content") or "") if output else ""
