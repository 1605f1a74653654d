"""Routes that take JSON."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from honekit.api.errors import ApiError


class JsonRoute(APIRoute):
    """Refuses other content types with 415 before the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def checked(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if self.body_field is not None and kind != "application/json":
                message = "Send the body as 'Content-Type: application/json'."
                raise ApiError(415, message, code="unsupported_media_type")
            return await handler(request)

        return checked
