"""Names in queries that the prompt does not have."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, findings

from honekit.data.checks.quality.sql_names import SqlNames

PROMPT = "Write SQL for customers(id, name, city) and orders(id, customer_id, total)."
GOOD = ["SELECT c.name FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.total > 9;"] * 10


@pytest.mark.parametrize(
    "query",
    [
        "SELECT total FROM purchases;",
        "SELECT c.phone FROM customers c;",
        "INSERT INTO clients VALUES (1);",
        "UPDATE users SET id = 1;",
    ],
)
def test_a_name_that_is_nowhere_is_found(query: str) -> None:
    assert [(one.code, one.line) for one in findings(SqlNames(), answers([*GOOD, query], PROMPT))] == [
        ("data.answers.unfounded", 11)
    ]


def test_a_misspelt_name_without_underscore_is_found() -> None:
    good = ["SELECT total FROM orders WHERE total > 9 ORDER BY total;"] * 10
    for query in ("SELECT name FROM customers ORDER BY ctiy;", "SELECT totl FROM orders;"):
        assert [one.line for one in findings(SqlNames(), answers([*good, query], PROMPT))] == [11]
    others = ["select nmae from customers;", "SELECT citys.id FROM customers citys;", "SELECT id FROM orders LIMIT 3 OFFSET 2;"]
    for query in others:
        assert findings(SqlNames(), answers([*good, query], PROMPT)) == []


@pytest.mark.parametrize(
    "query",
    [
        "WITH big AS (SELECT id FROM orders WHERE total > 9) SELECT big.id FROM big;",
        "SELECT x.id FROM (SELECT id FROM orders) x;",
        "SELECT name FROM customers WHERE city = 'taken from mars.red';",
        "SELECT EXTRACT(YEAR FROM placed) FROM orders;".replace("placed", "total"),
        "WITH t AS (SELECT city, COUNT(*) AS n FROM customers GROUP BY city) SELECT t.city, t.n FROM t;",
        "SELECT n FROM generate_series(1, 3) AS n;",
    ],
)
def test_names_that_the_query_gives_itself_pass(query: str) -> None:
    assert findings(SqlNames(), answers([*GOOD, query], PROMPT)) == []
