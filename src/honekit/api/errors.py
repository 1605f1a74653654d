"""Every error below /v1 as OpenAI's envelope: `{"error": {"message", "type", "param", "code"}}`, all four keys always.

The official clients put these fields on the exception they raise, and retry 408, 409, 429 and >= 500 by themselves
unless `x-should-retry: false` is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from honekit.errors import HoneError, StoreError

log = logging.getLogger("honekit.api")

NO_RETRY = {"x-should-retry": "false"}

_STATUS_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}


class ApiError(Exception):
    """An answer that is an error. `param` names the field of the request, nested as `messages[0].content`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.kind = kind or _kind(status)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, dict[str, str | None]]:
        """The envelope."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), status_code=self.status, headers=self.headers)


def bad_request(message: str, *, code: str, param: str | None) -> ApiError:
    return ApiError(400, message, code=code, param=param)


def server_error(request_id: str) -> ApiError:
    """What a caller sees of a bug: nothing but the id under which the log has it."""
    return ApiError(500, f"The server failed to answer; its log has the cause under {request_id}.", code="internal_error")


def stopping() -> ApiError:
    """The answer to whoever still waits for one when the server stops."""
    return ApiError(503, "The server is stopping; ask again when it is back.", code="server_stopping")


def from_hone_error(fault: HoneError) -> ApiError:
    """A fault of the installation. Its text names paths of the server, so it goes to the log, not to the caller."""
    log.error("%s", fault)
    what = "The server's store does not answer" if isinstance(fault, StoreError) else "The server cannot answer this"
    message = f"{what} [{fault.code}]; its log says why."
    return ApiError(503, message, code=fault.code, headers=NO_RETRY)


def install(app: FastAPI, *, raises: bool = False) -> None:
    """Answer every fault of `app` with the envelope; `raises` lets those of the installation (HoneError) through."""

    async def on_api_error(_request: Request, fault: ApiError) -> JSONResponse:
        return fault.response()

    async def on_http_error(request: Request, fault: HTTPException) -> JSONResponse:
        message, headers = str(fault.detail), fault.headers
        if fault.status_code == 404:
            message = f"There is no {request.method} {request.url.path[:200]}"
        elif fault.status_code == 405:
            message, headers = f"{request.method} is not allowed for {request.url.path[:200]}", {"allow": _allowed(request)}
        code = _STATUS_CODES.get(fault.status_code, "invalid_body" if fault.status_code == 400 else None)
        return ApiError(fault.status_code, message, code=code, headers=headers).response()

    async def on_invalid(_request: Request, fault: RequestValidationError) -> JSONResponse:
        return from_validation(fault.errors(), fault.body).response()

    async def on_hone_error(_request: Request, fault: HoneError) -> JSONResponse:
        return from_hone_error(fault).response()

    app.add_exception_handler(ApiError, on_api_error)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, on_http_error)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, on_invalid)  # type: ignore[arg-type]
    if not raises:
        app.add_exception_handler(HoneError, on_hone_error)  # type: ignore[arg-type]


_LIBRARY_WORDS = {" after validation": "", "a valid dictionary or object to extract fields from": "a JSON object"}


def from_validation(errors: Sequence[Mapping[str, Any]], body: Any) -> ApiError:
    """One 400 from pydantic's list: of the alternatives of a union the one that fits the request furthest."""
    path, error = max(((_path(error, body), error) for error in errors), key=lambda pair: _fit(*pair))
    kind, message = error["type"], error["msg"]
    if kind in ("too_long", "too_short") and isinstance(error["input"], str | dict):
        message = _length(error)
    if kind == "union_tag_invalid":
        message = "Input should be " + " or ".join(error["ctx"]["expected_tags"].rsplit(", ", 1))
    if kind == "literal_error":
        message += _or_types(path, errors, body)
    for words, plain in _LIBRARY_WORDS.items():
        message = message.replace(words, plain)
    if kind == "unsupported_type":
        kind = "unsupported_value"
        path.append("type")
    if kind.startswith("union_tag"):
        path.append(error["ctx"]["discriminator"].strip("'"))
    param = param_name(path)
    if kind == "json_invalid":
        return bad_request(f"The body is not valid JSON: {error['ctx']['error']}", code="invalid_json", param=None)
    if kind in ("missing", "union_tag_not_found"):
        what = f"Missing required parameter: '{param}'." if param else "The body must be a JSON object."
        return bad_request(what, code="missing_required_parameter", param=param)
    if kind == "extra_forbidden":
        return bad_request(f"Unknown parameter: '{param}'.", code="unknown_parameter", param=param)
    if kind in ("unsupported_parameter", "unsupported_value"):
        return bad_request(f"'{param}': {message}", code=kind, param=param)
    if kind.endswith("_type") and kind not in ("model_type", "model_attributes_type", "dict_type"):
        return bad_request(f"Invalid type for '{param}': {message}.", code="invalid_type", param=param)
    where = f"'{param}'" if param else "the body"
    return bad_request(f"Invalid value for {where}: {message}.", code="invalid_value", param=param)


def _fit(path: Sequence[int | str], error: Mapping[str, Any]) -> tuple[bool, int, bool]:
    """How near an alternative came: one of the right type whose value is out of bounds nearer than one of another type."""
    of_type, is_constant = not error["type"].endswith("_type"), error["type"] == "literal_error"
    return of_type and not is_constant, len(path), of_type


def _or_types(path: Sequence[int | str], errors: Sequence[Mapping[str, Any]], body: Any) -> str:
    """What else the same value might have been, as in "Input should be 'auto' or a valid integer"."""
    others = [one["msg"] for one in errors if one["type"].endswith("_type") and _path(one, body) == path]
    return "".join(f" or {message.removeprefix('Input should be ')}" for message in dict.fromkeys(others))


def _length(error: Mapping[str, Any]) -> str:
    """What pydantic says of a list, said of a text or an object."""
    least, most = (error["ctx"].get(name) for name in ("min_length", "max_length"))
    bound = f"at most {most}" if most is not None else f"at least {least}"
    what, counted = ("Text", "character") if isinstance(error["input"], str) else ("Object", "key")
    return f"{what} should have {bound} {counted}{'s' if (most or least) != 1 else ''}, not {len(error['input'])}"


def _allowed(request: Request) -> str:
    """All methods of a path; the framework's own header names those of the first route alone."""

    def is_taken(method: str) -> bool:
        return any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)

    return ", ".join(method for method in ("DELETE", "GET", "PATCH", "POST", "PUT") if is_taken(method))


def _path(error: Mapping[str, Any], body: Any) -> list[int | str]:
    """pydantic's location without the names of union branches, which are no part of the request."""
    location: Sequence[int | str] = error["loc"]
    names_absent = error["type"] in ("missing", "extra_forbidden")
    path: list[int | str] = []
    value = body
    for index, part in enumerate(location):
        if index == 0 and part in ("body", "query", "path", "header"):
            continue
        absent = names_absent and index == len(location) - 1
        if isinstance(value, Mapping) and isinstance(part, str) and (part in value or absent):
            path.append(part)
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            path.append(part)
            value = value[part]
        elif not isinstance(value, Mapping | list) and location[0] != "body":
            path.append(part)
    return path


def param_name(path: Sequence[int | str]) -> str | None:
    """The name of a field of a request, nested as `messages[0].content`; None for the whole request."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name or None


def _kind(status: int) -> str:
    if status == 429:
        return "rate_limit_exceeded"
    if status == 403:
        return "permission_error"
    return "server_error" if status >= 500 else "invalid_request_error"
