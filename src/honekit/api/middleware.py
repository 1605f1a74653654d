"""What happens to a request before its route: an id, the Host check, the key, the size of the body.

Plain ASGI, so that a stream passes untouched and a disconnect reaches the route.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import secrets
import time
from collections.abc import Callable
from urllib.parse import unquote

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from honekit.api import auth
from honekit.api.errors import ApiError, from_hone_error, server_error, stopping
from honekit.errors import HoneError

log = logging.getLogger("honekit.api")

API_VERSION = "2020-10-01"
"""What OpenAI's own answers have in `openai-version`."""
MAX_BODY_BYTES = 8 * 1024 * 1024
_FORM_BYTES = 1 << 20
"""What a form may need around its file."""
_LARGER = (
    (re.compile(r"/v1/files"), 512 * 1024 * 1024 + _FORM_BYTES),
    (re.compile(r"/v1/uploads/[^/]+/parts"), 64 * 1024 * 1024 + _FORM_BYTES),
)
"""Routes that take files, which go to the disk as they come."""

_USES_MODELS = re.compile(r"/v1/(chat/completions|completions|embeddings|responses|fine_tuning/alpha/graders/(run|validate))")
_SHARES = re.compile(r"/v1/fine_tuning/checkpoints/.+/permissions(/[^/]+)?")
_KEYS = "/v1/organization/"
_ABSOLUTE = re.compile(rb"https?://([^/]*)(.*)", re.IGNORECASE | re.DOTALL)
CLIENT_GONE = 499
"""The status in the log of a request that nobody waits for any more."""


def needed_scope(method: str, path: str) -> auth.Scope:
    """What a key must be allowed to do for a call: see `auth`."""
    if path.startswith(_KEYS):
        return "admin"
    if method in ("GET", "HEAD") or (method == "POST" and _USES_MODELS.fullmatch(path)):
        return "read"
    return "admin" if _SHARES.fullmatch(path) else "write"


def insufficient_scope(key: auth.ApiKey, needed: auth.Scope, what: str) -> ApiError:
    """The answer to a key that may not do `what`."""
    message = f"This key has the scope '{key.scope}', and {what} needs '{needed}': `hone keys create --scope {needed}`."
    return ApiError(403, message, code="insufficient_scope", kind="permission_error")


def new_request_id() -> str:
    """Under which the log has a request."""
    return "req_" + secrets.token_hex(12)


def answer_headers(request_id: str) -> dict[str, str]:
    """What every answer has."""
    return {"x-request-id": request_id, "openai-version": API_VERSION}


class RequestId:
    """`x-request-id` and how long it took on every answer, one log line for each, and a 500 without internals for bugs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = new_request_id()
        started, status = time.perf_counter(), 0
        scope.setdefault("state", {}).update(request_id=request_id, started=started)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(answer_headers(request_id))
                headers["openai-processing-ms"] = str(round((time.perf_counter() - started) * 1000))
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = status or CLIENT_GONE
        except asyncio.CancelledError:  # the server stops, and has waited as long as it does for what it is answering
            if not status:  # of an answer that has begun the connection breaks
                await stopping().response()(scope, receive, send_with_id)
        except Exception as fault:
            log.exception("%s failed", request_id)
            if status:
                raise  # half an answer is out: the connection must break, else the client takes it for whole
            answer = from_hone_error(fault) if isinstance(fault, HoneError) else server_error(request_id)
            await answer.response()(scope, receive, send_with_id)
        elapsed_ms = (time.perf_counter() - started) * 1000
        # The route, not the path: what a client writes into a path does not belong into a log.
        route = getattr(scope.get("route"), "path", "(no such route)" if status == 404 else "(not looked at)")
        log.info("%s %s %s %d %.0f ms", request_id, scope["method"], route, status, elapsed_ms)


class AbsoluteForm:
    """Takes request lines with a whole URL, as some proxies send them (RFC 9112, 3.2.2); its host counts, not the header's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = _ABSOLUTE.fullmatch(scope.get("raw_path") or b"") if scope["type"] == "http" else None
        if target:
            raw_path = target[2] or b"/"
            headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
            headers.append((b"host", target[1]))
            # In place: the log names the route that is found in it.
            scope.update(path=unquote(raw_path.decode("ascii")), raw_path=raw_path, headers=headers)
        await self.app(scope, receive, send)


class HostCheck:
    """A page in the user's browser can point its own domain at 127.0.0.1 (DNS rebinding); its Host header tells."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _names_this_machine(Headers(scope=scope).get("host", "")):
            message = "This server answers only to the local machine's own names (localhost, 127.0.0.1)."
            await ApiError(400, message, code="invalid_host").response()(scope, receive, send)
            return
        await self.app(scope, receive, send)


class KeyCheck:
    """A valid key for everything below /v1, before the body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not (scope["path"] == "/v1" or scope["path"].startswith("/v1/")):
            await self.app(scope, receive, send)
            return
        secret = auth.bearer(Headers(scope=scope).get("authorization"))
        key = await anyio.to_thread.run_sync(auth.verify, secret) if secret else None
        if key is None:
            given = "The API key is wrong or revoked" if secret else "No API key was given"
            message = f"{given}; send it as 'Authorization: Bearer KEY'. `hone keys create` makes one."
            headers = {"www-authenticate": "Bearer"}
            await ApiError(401, message, code="invalid_api_key", headers=headers).response()(scope, receive, send)
            return
        scope.setdefault("state", {})["api_key"] = key
        needed = needed_scope(scope["method"], scope["path"])
        if not key.may(needed):
            await insufficient_scope(key, needed, "this call").response()(scope, receive, send)
            return
        await self.app(scope, receive, send)


class TrustedKey:
    """In place of `KeyCheck` where the caller is this process itself: every request counts as made with this key."""

    def __init__(self, app: ASGIApp, key: auth.ApiKey) -> None:
        self.app, self.key = app, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["api_key"] = self.key
        await self.app(scope, receive, send)


class OnDemand:
    """Prepares a resource (what follows /v1/ in a path) before the first request for it."""

    def __init__(self, app: ASGIApp, prepare: Callable[[str], None]) -> None:
        self.app, self.prepare = app, prepare

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            self.prepare(scope["path"].split("/")[2])
        await self.app(scope, receive, send)


class BodyLimit:
    """At most `limit` bytes of body (more where files are taken), whether announced or not."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        limit = next((larger for path, larger in _LARGER if path.fullmatch(scope["path"])), self.limit)
        message = f"The body is larger than {limit:,} bytes."
        if announced.isdigit() and int(announced) > limit:
            await ApiError(413, message, code="body_too_large").response()(scope, receive, send)
            return
        read = 0

        async def receive_limited() -> Message:
            nonlocal read
            event = await receive()
            read += len(event.get("body", b""))
            if read > limit:
                raise HTTPException(413, message)
            return event

        await self.app(scope, receive_limited, send)


def _names_this_machine(header: str) -> bool:
    name = header.rsplit(":", 1)[0] if header.rfind(":") > header.rfind("]") else header
    return is_loopback(name.strip("[]").rstrip(".").lower())


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
