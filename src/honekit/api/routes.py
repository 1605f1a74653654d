"""Routes that say which content type they take."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response, params
from fastapi.routing import APIRoute

from honekit.api.errors import ApiError


class JsonRoute(APIRoute):
    """Takes JSON, or a form with a file where the route declares one; refuses other content types with 415, the body unread."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        takes_form = self.body_field is not None and isinstance(self.body_field.field_info, params.Form)
        wanted = "multipart/form-data" if takes_form else "application/json"

        async def checked(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if self.body_field is not None and kind != wanted:
                message = f"Send the body as 'Content-Type: {wanted}'."
                raise ApiError(415, message, code="unsupported_media_type")
            return await handler(request)

        return checked
