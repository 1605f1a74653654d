from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from honekit.api.engines import Engines
from honekit.api.server import listen, make_server, running, url_of
from honekit.errors import ServeError


def test_port_zero_takes_a_free_one_and_says_which() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert listener.getsockname()[1] > 0


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ServeError) as caught:
            listen("127.0.0.1", port)
    assert caught.value.code == "serve.port_in_use"
    assert caught.value.where == f"127.0.0.1:{port}"


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ServeError) as caught:
        listen("192.0.2.1", 0)
    assert caught.value.code == "serve.cannot_listen"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_ipv6_address_is_written_as_a_url() -> None:
    try:
        listener = listen("::1", 0)
    except ServeError:
        pytest.skip("no IPv6 loopback here")
    with listener:
        assert url_of(listener).startswith("http://[::1]:")


def test_a_server_in_a_thread_answers_and_frees_its_port() -> None:
    with running(Engines()) as url:
        assert httpx.get(f"{url}/readyz").json() == {"status": "ok"}
    port = int(url.rsplit(":", 1)[1])
    listen("127.0.0.1", port).close()


def test_a_connection_waits_longer_than_clients_do() -> None:
    clients_wait = httpx.Limits().keepalive_expiry
    assert clients_wait and make_server(Engines(), "127.0.0.1").config.timeout_keep_alive > 2 * clients_wait


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(Engines()) as url:
        yield int(url.rsplit(":", 1)[1])


def raw(port: int, *parts: bytes) -> bytes:
    """All that is answered to these bytes, until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer


LINE = b"POST /v1/files HTTP/1.1\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 garbage\r\n\r\n",
        LINE + b"\r\n",
        LINE + b"Host: localhost\r\nContent-Length: -5\r\n\r\n",
        LINE + b"Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        LINE + b"Host: localhost\r\nX-Long: " + b"a" * 70_000,
    ],
    ids=["garbage", "no host", "a length below zero", "a bad chunk", "a header of 70 KB"],
)
def test_what_is_no_http_is_answered_with_the_envelope(port: int, sent: bytes) -> None:
    head, _, body = raw(port, sent).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert status == "HTTP/1.1 400 Bad Request"
    assert headers["x-request-id"].startswith("req_") and headers["content-type"] == "application/json"
    assert json.loads(body)["error"] == {
        "message": "The request is not valid HTTP/1.1.", "type": "invalid_request_error", "param": None, "code": "invalid_http",
    }  # fmt: skip


def test_a_malformed_request_behind_a_good_one_leaves_its_answer_whole(port: int) -> None:
    answer = raw(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x00\x00\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK") and answer.count(b'{"status":"ok"}') == 1
    assert answer.endswith(b'"code": "invalid_http"}}')
