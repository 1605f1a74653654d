"""Whom commands talk to, and what they say when nobody, or somebody else, answers."""

from __future__ import annotations

import http.server
import socket
import threading
from typing import Any

import pytest


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "ftp://host", "http://", "http://host:port"])
def test_an_address_that_is_none_is_wrong_usage(hone: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_BASE_URL", address)
    assert hone("files", "list", code=2)["error"]["code"] == "settings.base_url"


def test_a_server_needs_a_key(hone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_BASE_URL", "http://127.0.0.1:8000")
    error = hone("jobs", "list", code=2)["error"]
    assert (error["code"], error["where"]) == ("settings.api_key", "HONE_API_KEY")


def test_a_server_that_is_not_there_is_named(hone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("HONE_BASE_URL", f"http://127.0.0.1:{port}/")
    monkeypatch.setenv("HONE_API_KEY", "hone-x")
    error = hone("jobs", "list", code=1)["error"]
    assert (error["code"], error["where"]) == ("serve.unreachable", f"http://127.0.0.1:{port}/v1")
    assert "hone serve" in error["mend"]


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<html>hello</html>"
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_another_kind_of_server_is_told_apart(hone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("HONE_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HONE_API_KEY", "hone-x")
        try:
            for file_id in ("file-x", "missing"):
                assert hone("files", "show", file_id, code=1)["error"]["code"] == "serve.not_the_api"
            assert hone("files", "list", code=1)["error"]["code"] == "serve.not_the_api"
            assert hone("jobs", "list", code=1)["error"]["code"] == "serve.not_the_api"
        finally:
            server.shutdown()
            thread.join()
