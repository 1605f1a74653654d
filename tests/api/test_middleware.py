"""What every request passes, seen from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from honekit.api.app import create_app
from honekit.api.engines import Engines
from honekit.api.middleware import is_loopback
from honekit.errors import StoreError

Send = Callable[..., httpx.Response]


@pytest.fixture
def send(key: str) -> Send:
    """A request to the application itself, with a key unless headers say otherwise."""
    app = create_app(Engines(), max_body_bytes=1000)

    def send(method: str, path: str, host: str = "localhost:8000", **options: Any) -> httpx.Response:
        async def request() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}") as client:
                headers = {"authorization": f"Bearer {key}", **options.pop("headers", {})}
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(request())

    send.app = app  # type: ignore[attr-defined]
    return send


def check_envelope(response: httpx.Response, status: int, code: str) -> None:
    error = response.json()["error"]
    assert response.status_code == status
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert response.headers["x-request-id"].startswith("req_")


def test_health_needs_no_key(send: Send) -> None:
    for path in ("/healthz", "/readyz"):
        response = send("GET", path, headers={"authorization": ""})
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/v1/models/a%2Fb", "/v1/nothing", "/v1"])
def test_everything_below_v1_needs_a_key(send: Send, path: str) -> None:
    for header in ("", "Bearer hone-wrong", "Basic abc"):
        response = send("GET", path, headers={"authorization": header})
        check_envelope(response, 401, "invalid_api_key")
        assert response.headers["www-authenticate"] == "Bearer"


def test_the_log_does_not_call_a_route_missing_that_a_wrong_key_kept_closed(send: Send, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    send("GET", "/v1/models", headers={"authorization": ""})
    assert "GET (not looked at) 401" in caplog.text
    send("GET", "/v1/nothing")
    assert "GET (no such route) 404" in caplog.text


def test_unknown_paths_and_methods_get_the_envelope_too(send: Send) -> None:
    check_envelope(send("GET", "/v1/nothing"), 404, "not_found")
    check_envelope(send("GET", "/v1/models/"), 404, "model_not_found")
    check_envelope(send("GET", "/elsewhere"), 404, "not_found")
    response = send("GET", "/v1/completions")
    check_envelope(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
    assert send("PUT", "/v1/files").headers["allow"] == "GET, POST"


def test_answers_carry_the_headers_that_openais_have(send: Send) -> None:
    for response in (send("GET", "/v1/models"), send("GET", "/v1/nothing")):
        assert int(response.headers["openai-processing-ms"]) >= 0
        assert response.headers["openai-version"] == "2020-10-01"


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/jsonlines", ""])
def test_other_content_types_are_refused(send: Send, kind: str) -> None:
    response = send("POST", "/v1/chat/completions", content=b"{}", headers={"content-type": kind})
    check_envelope(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"", "missing_required_parameter"),
        (b"[]", "invalid_value"),
        (b"null", "invalid_value"),
        (b'"text"', "invalid_value"),
        (b"\xff", "invalid_body"),
        (b"{}", "missing_required_parameter"),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}', "invalid_value"),
        (b'{"seed": ' + b"9" * 900 + b"}", "invalid_value"),
        (b'{"n": ' + b"[" * 900 + b"}", "invalid_json"),
    ],
)
def test_a_broken_body_is_a_400(send: Send, body: bytes, code: str) -> None:
    response = send("POST", "/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    if body.startswith(b'{"seed"'):  # several parameters are wrong: any may be named
        assert error["code"] in ("invalid_value", "missing_required_parameter", "invalid_type")
    else:
        assert error["code"] == code


def test_a_body_over_the_limit_is_a_413_announced_or_not(send: Send) -> None:
    headers = {"content-type": "application/json"}
    check_envelope(send("POST", "/v1/chat/completions", content=b"x" * 1001, headers=headers), 413, "body_too_large")

    async def pieces() -> Any:
        for _ in range(11):
            yield b"x" * 100

    check_envelope(send("POST", "/v1/chat/completions", content=pieces(), headers=headers), 413, "body_too_large")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "192.168.1.5:8000"])
def test_a_foreign_host_header_is_refused(send: Send, host: str) -> None:
    check_envelope(send("GET", "/v1/models", host=host), 400, "invalid_host")
    check_envelope(send("GET", "/healthz", host=host), 400, "invalid_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000", "[::1]"])
def test_names_of_this_machine_are_answered(send: Send, host: str) -> None:
    assert send("GET", "/healthz", headers={"host": host}).status_code == 200


def test_a_server_for_the_network_takes_any_host(key: str) -> None:
    async def ask() -> int:
        transport = httpx.ASGITransport(create_app(Engines(), local_only=False))
        async with httpx.AsyncClient(transport=transport, base_url="http://models.example") as client:
            return (await client.get("/healthz")).status_code

    assert asyncio.run(ask()) == 200


def raw(
    app: Any, target: str, key: str, *received: dict[str, Any], method: str = "GET", kind: str = "application/json"
) -> list[Any]:
    """What the application sends when a request has this target in its first line, and comes in these pieces."""
    headers = [(b"host", b"evil.example"), (b"authorization", f"Bearer {key}".encode()), (b"content-type", kind.encode())]
    path, _, query = target.partition("?")
    sent: list[Any] = []
    pieces = iter(received or [{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(pieces)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode()}
    asyncio.run(app({**scope, "headers": headers, "http_version": "1.1", "asgi": {"version": "3.0"}}, receive, send))
    return sent


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://localhost:8000/v1/models?limit=2", 200),
        ("HTTP://127.0.0.1/v1/models", 200),
        ("https://localhost/v1/models/a%2Fb", 404),
        ("http://localhost", 404),
        ("http://evil.example/v1/models", 400),
    ],
)
def test_a_request_line_may_hold_a_whole_url_whose_host_counts(
    send: Send, key: str, target: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert raw(send.app, target, key)[0]["status"] == status  # type: ignore[attr-defined]
    assert ("GET /v1/models 200" in caplog.text) == (status == 200)


def test_a_client_that_goes_before_its_body_is_whole_is_one_line_of_the_log(
    send: Send, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    begun = {
        "type": "http.request",
        "body": b'--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfi',
        "more_body": True,
    }
    gone = {"type": "http.disconnect"}
    sent = raw(send.app, "http://localhost/v1/files", key, begun, gone, method="POST", kind="multipart/form-data; boundary=x")  # type: ignore[attr-defined]
    assert sent == []
    assert caplog.text.count("\n") == 1 and "POST /v1/files 499" in caplog.text


def test_a_bug_shows_nothing_of_the_inside(send: Send, caplog: pytest.LogCaptureFixture) -> None:
    @send.app.get("/broken")  # type: ignore[attr-defined]
    async def broken() -> None:
        raise RuntimeError("the secret is 4711")

    response = send("GET", "/broken")
    check_envelope(response, 500, "internal_error")
    assert "4711" not in response.text
    assert response.headers["x-request-id"] in response.json()["error"]["message"]
    assert "4711" in caplog.text


def test_a_lost_database_is_named_without_its_path(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_secret: str) -> None:
        raise StoreError("store.disk_full", what="the disk is full", where="/home/someone/hone.db")

    monkeypatch.setattr("honekit.api.auth.verify", lost)
    response = send("GET", "/v1/models")
    check_envelope(response, 503, "store.disk_full")
    assert "store does not answer" in response.json()["error"]["message"]
    assert "someone" not in response.text
    assert response.headers["x-should-retry"] == "false"


def test_the_document_says_what_the_server_does(send: Send) -> None:
    document = send("GET", "/openapi.json").json()
    operation = document["paths"]["/v1/chat/completions"]["post"]
    assert operation["security"] == [{"key": []}]
    assert set(operation["responses"]) == {"200", "default"}
    assert set(operation["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["schemas"]["ErrorDetail"]["required"] == ["message", "type", "param", "code"]
    assert "security" not in document["paths"]["/healthz"]["get"]


def test_only_addresses_of_this_machine_are_loopback() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]))
    assert not any(map(is_loopback, ["0.0.0.0", "", "::", "10.0.0.1", "localhost.example", "127.0.0.1.example"]))
