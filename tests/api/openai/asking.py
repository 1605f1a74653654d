"""A client that goes through the API in some order and keeps account of what exists: what the state machines share."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from tests.api.openai import judging

from honekit.api.auth import create_key

STEPS = 25
"""In a sequence, at most."""
PAGE = 4
"""So many elements the client asks for at once, so that lists of a few have several pages."""
CHAT = {"messages": [{"role": "user", "content": "hello"}], "max_completion_tokens": 2}
Machine = TypeVar("Machine", bound="Asking")


class Asking(RuleBasedStateMachine):
    """One client of a project that nobody else has. Every answer is held against the contract."""

    server: str
    api: Any
    asked: Counter[tuple[str, int]]
    """How often each operation has been answered with each status, in all sequences together."""
    lists: tuple[str, ...] = ()
    """Operations that answer with a list whose elements get deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.project = f"p-{secrets.token_hex(8)}"
        self.key = create_key(project=self.project, scope="admin")[0]
        self.gone: list[tuple[str, dict[str, Any]]] = []
        """Requests to what was deleted."""
        self.deleted: list[tuple[str, str]] = []
        """The operation that deleted it, and its id."""

    def ask(
        self, name: str, path: dict[str, Any] | None = None, body: Any = None, query: Any = None, key: str = ""
    ) -> tuple[int, Any]:
        """Status and content of an answer; a file's content comes as text."""
        operation = judging.operation_of(self.api, name)
        options: dict[str, Any] = {"path_parameters": path or {}, "query": query or {}}
        if body is not None:
            options |= {"body": body, "media_type": operation.body[0].media_type}
        answer = judging.send(operation.Case(**options), self.server, key or self.key)
        self.asked[name, answer.status_code] += 1
        is_json = answer.headers["content-type"][0].startswith("application/json")
        return answer.status_code, json.loads(answer.text) if is_json else answer.text

    def get(self, name: str, path: dict[str, Any] | None = None, body: Any = None, query: Any = None, key: str = "") -> Any:
        """The content of an answer that says yes."""
        status, content = self.ask(name, path, body, query, key)
        assert status in (200, 201), (name, path, body, content)
        return content

    def refuse(self, status: int, name: str, path: dict[str, Any] | None = None, body: Any = None, **options: Any) -> None:
        """Ask for what must be answered with this status."""
        got, content = self.ask(name, path, body, **options)
        assert got == status, (name, path, body, content)

    def delete(self, name: str, path: dict[str, Any], *followers: str) -> None:
        """Delete something: then it, and what hangs on it, is unknown."""
        assert self.get(name, path)["deleted"] is True
        self.deleted.append((name, list(path.values())[-1]))
        requests = [(one, path) for one in (name, *followers)]
        for one, there in requests:
            self.refuse(404, one, there)
        self.gone += requests

    def listed(self, name: str, path: dict[str, Any] | None = None) -> list[str]:
        """The ids in all pages of a list."""
        ids: list[str] = []
        while True:
            page = self.get(name, path, query={"limit": PAGE, **({"after": ids[-1]} if ids else {})})
            ids += [one["id"] for one in page["data"]]
            if not page["has_more"]:
                assert len(set(ids)) == len(ids), (name, ids)
                return ids
            assert len(page["data"]) == PAGE

    @precondition(lambda self: self.gone)
    @rule(number=st.integers(0, 10_000))
    def what_was_deleted_stays_unknown(self, number: int) -> None:
        name, path = self.gone[number % len(self.gone)]
        self.refuse(404, name, path)

    @precondition(lambda self: self.deleted)
    @rule(number=st.integers(0, 10_000))
    def a_list_goes_on_behind_what_was_deleted_from_it(self, number: int) -> None:
        operation, gone = self.deleted[number % len(self.deleted)]
        for name in self.lists:
            if operation.removeprefix("DELETE").rpartition("/")[0] != name.removeprefix("GET"):
                self.refuse(400, name, query={"after": gone})
                continue
            listed = self.listed(name)
            rest = [one["id"] for one in self.get(name, query={"after": gone, "limit": 100})["data"]]
            assert rest == listed[len(listed) - len(rest) :]


def choice(things: Any, number: int) -> Any:
    """One of them. The number says which: ids differ each time, and a sequence must be the same when it is repeated."""
    return list(things)[number % len(things)]


def bind(machine: type[Machine], api: Any, server: str) -> type[Machine]:
    """The machine for one server, with a count of its own."""
    return type(machine.__name__, (machine,), {"api": api, "server": server, "asked": Counter()})


def go_through(machine: type[Asking], api: Any, server: str, sequences: int) -> set[str]:
    """So many sequences of steps, each with a project of its own; returns the operations that were answered with 2xx."""
    bound = bind(machine, api, server)
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=sequences,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    ok = {name for name, status in bound.asked if status < 300}
    print(f"\n{sequences} sequences: {bound.asked.total()} requests, {len(ok)} operations answered with 2xx")
    return ok
