from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from honekit.data.infer import constant_columns, infer, value_of
from honekit.data.tables import Table, read_table
from honekit.errors import DataError

TICKETS = Path(__file__).parents[1] / "assets" / "data" / "tickets.csv"


def table_of(**columns: list[Any]) -> Table:
    rows = tuple(dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True))
    return Table(Path("t.csv"), "csv", tuple(columns), rows)


def test_a_column_with_one_value_is_a_label_only_where_there_is_no_other_column() -> None:
    texts = [f"the belt slips on line {n}" for n in range(9)]
    assert constant_columns(infer(table_of(note=texts, verdict=["defect"] * 9))) == ["verdict"]
    assert constant_columns(infer(table_of(nr=[*range(9)], note=texts, verdict=["defect"] * 9))) == ["verdict"]
    codes = [f"P{n:04}" for n in range(9)]
    assert constant_columns(infer(table_of(scope=["generic"] * 9, code=codes, note=texts))) == []


def test_a_ticket_export_is_understood() -> None:
    table = read_table(TICKETS)
    found = infer(table)
    assert found.input == "message"
    assert found.id == "ticket_id"
    assert {f.name: f.type for f in found.fields} == {"queue": "enum", "urgency": "enum"}
    assert found.left_out == {
        "ticket_id": "the id of the row",
        "created": "a date or time",
        "agent": "the same value in every row",
    }
    queue = found.fields[0]
    assert set(queue.values) == {"Money", "Access", "Post", "Tech", "Rest"}
    assert value_of(queue, {"queue": "money"}) == "Money"
    assert found.primary is queue


def test_named_columns_overrule_the_guess() -> None:
    found = infer(read_table(TICKETS), labels=["Urgency"])
    assert [f.name for f in found.fields] == ["urgency"]
    assert found.left_out["queue"] == "not named with --label"
    assert infer(read_table(TICKETS), input_column="agent").input == "agent"


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(DataError) as caught:
        infer(read_table(TICKETS), labels=["urgncy"])
    assert caught.value.code == "data.column_unknown"
    assert "Urgency" in str(caught.value.mend)


@pytest.mark.parametrize(("source", "labels"), [("label", ["label"]), (None, ["text", "label"])])
def test_labels_that_leave_no_input_are_refused(source: str | None, labels: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        infer(table_of(text=[f"one {n}" for n in range(9)], label=[*"abcabcabc"]), input_column=source, labels=labels)
    assert caught.value.code == "data.no_input"
    assert "text, label" in str(caught.value.mend)


def test_many_short_values_are_phrases_and_lists_are_lists() -> None:
    texts = [f"a long enough description of event number {n} in words" for n in range(12)]
    found = infer(
        table_of(
            text=texts,
            cause=[f"cause of {n}" for n in range(12)],
            steps=[["check"], ["check", "wait"], ["wait"]] * 4,
            size=[str(n) for n in range(12)],
            level=["low", "high", None] * 4,
        )
    )
    fields = {f.name: f for f in found.fields}
    assert {name: f.type for name, f in fields.items()} == {"cause": "string", "steps": "list", "level": "enum"}
    assert (fields["steps"].min_items, fields["steps"].max_items) == (1, 2)
    assert fields["level"].nullable
    assert not fields["cause"].nullable
    assert found.left_out == {"size": "a number"}


def test_the_long_answer_of_a_question_table_is_not_taken_for_the_input() -> None:
    questions = [f"question {n} about the weather?" for n in range(10)]
    for times in (1, 20):
        answers = [f"a somewhat longer answer number {n} about the rain" * times for n in range(10)]
        assert infer(table_of(answer=answers, question=questions)).input == "question"


def test_names_that_toml_or_python_would_not_take_are_mended() -> None:
    texts = [f"some text that is rather long {n}" for n in range(6)]
    found = infer(table_of(**{"Body": texts, "Your Class!": ["a", "b"] * 3, "your class": ["c", "d"] * 3, "2nd": ["e", "f"] * 3}))
    assert [f.name for f in found.fields] == ["your_class", "your_class_2", "field_2nd"]


@pytest.mark.parametrize("name", ["Ticket ID", "ticketId", "Meldungs-Nr.", "id", "order_no"])
def test_the_id_is_the_column_that_is_named_so_and_no_address(name: str) -> None:
    texts = [f"some text that is rather long {n}" for n in range(6)]
    found = infer(
        table_of(
            email=[f"p{n}@example.org" for n in range(6)], **{name: [str(n) for n in range(6)]}, text=texts, kind=["a", "b"] * 3
        )
    )
    assert found.id == name
    assert found.left_out == {"email": "an id", name: "the id of the row"}


def test_sums_of_money_are_numbers_and_lists_of_objects_no_phrases() -> None:
    texts = [f"some text that is rather long {n}" for n in range(6)]
    table = table_of(
        text=texts, sum=[f"1.{n}34,50 €" for n in range(6)], items=[[{"name": f"a{n}"}] for n in range(6)], kind=["a", "b"] * 3
    )
    found = infer(table)
    assert found.left_out == {"sum": "a number", "items": "a list of lists or objects"}
    items = infer(table, labels=["items"]).fields[0]
    assert value_of(items, {"items": [{"name": "ä"}]}) == '[{"name": "ä"}]'


def test_names_keep_their_letters_without_accents() -> None:
    texts = [f"some text that is rather long {n}" for n in range(6)]
    found = infer(table_of(Beschreibung=texts, **{"Priorität (neu)": ["a", "b"] * 3, "Größe": ["c", "d"] * 3}))
    assert [f.name for f in found.fields] == ["prioritat_neu", "grosse"]
