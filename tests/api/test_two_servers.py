"""A request and its retry, sent to two servers on one database while the first is still at work: they make one object."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from honekit.api import auth, idempotency
from honekit.api.app import create_app
from honekit.api.engines import Engines
from honekit.store import blobs, files

RETRY = {"x-stainless-retry-count": "1"}
HOUR = 3600.0


class Servers:
    """Two applications that share no more than two processes would: the database and the data directory."""

    def __init__(self) -> None:
        self.apps = [create_app(Engines()) for _ in range(2)]
        self.project = f"p{time.time_ns()}"
        self.headers = {"Authorization": f"Bearer {auth.create_key(project=self.project)[0]}"}

    async def send(self, number: int, **headers: str) -> str:
        """Upload the file; its id."""
        transport = httpx.ASGITransport(self.apps[number])
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/v1", timeout=60) as client:
            sent = {"data": {"purpose": "user_data"}, "files": {"file": ("a", b"same")}}
            answer = await client.post("/files", headers={**self.headers, **headers}, **sent)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def send_and_go(self, number: int) -> int:
        """Upload the file over a connection that its client has left; the status that nobody reads."""
        request = httpx.Request("POST", "http://localhost", data={"purpose": "user_data"}, files={"file": ("a", b"same")})
        body = request.read()
        headers = {**self.headers, "host": "localhost", "content-type": request.headers["content-type"]}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
            "method": "POST", "path": "/v1/files", "raw_path": b"/v1/files", "query_string": b"",
            "client": ("127.0.0.1", 1), "server": ("localhost", 80),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        asked = 0
        statuses: list[int] = []

        async def receive() -> Any:
            nonlocal asked
            asked += 1
            if asked == 1:
                return {"type": "http.request", "body": body, "more_body": False}
            if asked == 2:  # behind a long body a server reads on only when asked, and needs a moment for it
                await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self.apps[number](scope, receive, send)
        return statuses[0]

    def made(self) -> list[str]:
        return [file.id for file in files.list_files(self.project)]


class Held:
    """Stops the first that comes to a place until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go, self._first = threading.Event(), threading.Event(), threading.Lock()

    def wait(self) -> None:
        if self._first.acquire(blocking=False):
            self.reached.set()
            assert self.go.wait(60)


@pytest.fixture
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """The first file that is made stops before its transaction, or in it, behind all that it does there."""
    stop = Held()
    owner, name = (files, "keep") if getattr(request, "param", "before") == "before" else (blobs.Received, "keep")
    real: Callable[..., Any] = getattr(owner, name)

    def keep(*arguments: Any, **options: Any) -> Any:
        stop.wait()
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, keep)
    yield stop
    stop.go.set()


@pytest.mark.both_databases
@pytest.mark.parametrize("held", ["before", "within"], indirect=True)
def test_a_retry_that_comes_while_the_first_is_at_work(held: Held, request: pytest.FixtureRequest) -> None:
    servers = Servers()

    async def both() -> tuple[str, str]:
        first = asyncio.create_task(servers.send(0))
        await asyncio.to_thread(held.reached.wait, 60)
        retry = asyncio.create_task(servers.send(1, **RETRY))
        await asyncio.wait([retry], timeout=2.0 if "before" in request.node.name else 0.3)
        held.go.set()
        return await first, await retry

    first, retry = asyncio.run(both())
    assert first == retry
    assert servers.made() == [first]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_servers_whose_clocks_differ(held: Held, ahead: float) -> None:
    servers = Servers()
    real = time.time

    @contextmanager
    def other_clock() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", lambda: real() + ahead)
            yield

    async def both() -> tuple[str, str]:
        with other_clock():
            first = asyncio.create_task(servers.send(0))
            await asyncio.to_thread(held.reached.wait, 60)
        retry = await servers.send(1, **RETRY)
        held.go.set()
        return await first, retry

    first, retry = asyncio.run(both())
    assert first == retry
    with other_clock():
        assert asyncio.run(servers.send(0, **{"x-stainless-retry-count": "2"})) == first
    assert servers.made() == [first]


@pytest.mark.both_databases
def test_a_request_that_is_read_after_its_retry_was_answered_makes_nothing() -> None:
    """As a server that stood still reads it; the client went when it sent the retry."""
    servers = Servers()
    retry = asyncio.run(servers.send(1, **RETRY))
    assert asyncio.run(servers.send_and_go(0)) == 400
    assert servers.made() == [retry]


@pytest.mark.both_databases
def test_a_request_that_took_long_finds_the_retry_that_has_overtaken_it(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers()
    real = idempotency.clock.now

    async def both() -> tuple[str, str]:
        first = asyncio.create_task(servers.send(0))
        await asyncio.to_thread(held.reached.wait, 60)
        retry = await servers.send(1, **RETRY)
        monkeypatch.setattr(idempotency.clock, "now", lambda connection: real(connection) + idempotency.REMEMBERED_S + 60)
        await servers.send(1, **{"Idempotency-Key": servers.project})  # whose transaction forgets what is old
        held.go.set()
        return await first, retry

    first, retry = asyncio.run(both())
    assert first == retry
