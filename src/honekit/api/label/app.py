"""The page and its few calls. Everything lies below a secret path, so only who was told the address can reach it.

Against other pages in the same browser: the Host header must name this machine (DNS rebinding), a call that changes
something must carry a header that a foreign page cannot send without being asked first (CSRF), and the page may load
nothing from anywhere else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from honekit.api.errors import ApiError
from honekit.api.middleware import BodyLimit, HostCheck
from honekit.data.label import Session
from honekit.errors import HoneError, StoreError

PAGE = Path(__file__).parent / "page"
FILES = {"": "index.html", "label.js": "label.js", "label.css": "label.css", "icon.svg": "icon.svg"}
CALL_HEADER = "x-hone-label"
_SECURITY = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Change(BaseModel):
    """What is edited and decided about one example; see `Session.decide`."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["undecided", "accepted", "rejected"] | None = None
    values: dict[str, Any] | None = None
    answer: str | None = None
    contents: dict[int, str] | None = None
    revert: bool = False


def create_label_app(session: Session, token: str, on_finish: Callable[[dict[str, Any]], None]) -> ASGIApp:
    """`on_finish` is called with what was written, once the user has finished."""
    app = FastAPI(title="Hone label", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/api/session")
    def overview() -> dict[str, Any]:
        return session.overview()

    @app.get("/api/items/{key}")
    def item(key: str) -> dict[str, Any]:
        return session.item(key)

    @app.put("/api/items/{key}")
    def decide(key: str, change: Change) -> dict[str, Any]:
        return session.decide(key, **change.model_dump())

    @app.post("/api/items")
    def add(text: Annotated[str, Body(embed=True, min_length=1)]) -> dict[str, Any]:
        return session.add(text)

    @app.post("/api/finish")
    def finish(with_undecided: Annotated[bool, Body(embed=True)]) -> dict[str, Any]:
        written = session.finish(with_undecided=with_undecided)
        on_finish(written)
        return written

    @app.get("/{name:path}")
    def page(name: str) -> FileResponse:
        if name not in FILES:
            raise ApiError(404, "There is no such page.", code="not_found")
        return FileResponse(PAGE / FILES[name])

    app.add_exception_handler(HoneError, _refused)
    app.add_exception_handler(ApiError, lambda _request, fault: fault.response())
    app.add_exception_handler(
        RequestValidationError,
        lambda _request, fault: ApiError(422, str(fault), code="invalid_request").response(),
    )
    return HostCheck(Guard(BodyLimit(app), token))


class Guard:
    """The secret path, the header against foreign pages, and what the browser is told to forbid."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        token, slash, rest = scope["path"].removeprefix("/").partition("/")
        headers = Headers(scope=scope)
        if not (slash and secrets.compare_digest(token.encode(), self.token.encode())):
            message = "Open the address that `hone data label` printed, with everything in it."
            await ApiError(404, message, code="not_found").response()(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD") and not _is_own_call(headers):
            message = "This call does not come from the labelling page."
            await ApiError(403, message, code="foreign_call", kind="permission_error").response()(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SECURITY)
            await send(message)

        await self.app({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send_guarded)


def _is_own_call(headers: Headers) -> bool:
    origin = headers.get("origin")
    is_same = origin is None or origin == f"http://{headers.get('host')}"
    return is_same and headers.get("sec-fetch-site", "same-origin") == "same-origin" and CALL_HEADER in headers


def _refused(_request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HoneError)
    status = 500 if isinstance(fault, StoreError) else 404 if fault.code == "data.label_unknown" else 409
    return JSONResponse({"error": fault.as_dict()}, status_code=status)
