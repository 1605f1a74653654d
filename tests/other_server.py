"""Another server of OpenAI's API, as an administrator may name one for graders."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class OtherServer:
    """NOT a model: a server that answers every chat completion with the same text, or status, and keeps what it was asked."""

    text: str = "0.75"
    status: int = 200
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[str]:
        other = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                other.seen.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                other.keys.append(self.headers["authorization"])
                content: dict[str, Any] = {"error": {"message": "the secret host says no", "code": "x"}}
                if other.status == 200:
                    message = {"role": "assistant", "content": other.text}
                    usage = {"prompt_tokens": 7, "completion_tokens": 2}
                    content = {"choices": [{"message": message}], "usage": usage, "model": "far-judge-2026"}
                body = json.dumps(content).encode()
                self.send_response(other.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}/v1"
            server.shutdown()


def configure(monkeypatch: pytest.MonkeyPatch, url: str, key: str = "sk-far") -> None:
    monkeypatch.setenv("HONE_JUDGE_URL", url)
    monkeypatch.setenv("HONE_JUDGE_MODELS", " far-judge, other ")
    monkeypatch.setenv("HONE_JUDGE_KEY", key)
