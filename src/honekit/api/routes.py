"""Routes that say which content type they take, and of a form which fields."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response, params
from fastapi.routing import APIRoute
from starlette.datastructures import FormData

from honekit.api.errors import ApiError, bad_request


class JsonRoute(APIRoute):
    """Takes JSON, or a form with a file where the route declares one; what is packed or of another type gets 415, unread."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        takes_form = self.body_field is not None and isinstance(self.body_field.field_info, params.Form)
        wanted = "multipart/form-data" if takes_form else "application/json"

        async def checked(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if self.body_field is not None and kind != wanted:
                message = f"Send the body as 'Content-Type: {wanted}'."
                raise ApiError(415, message, code="unsupported_media_type")
            encoding = request.headers.get("content-encoding", "identity").strip().lower()
            if self.body_field is not None and encoding not in ("", "identity"):
                message = "Send the body as it is: a 'Content-Encoding' is not taken."
                raise ApiError(415, message, code="unsupported_media_type")
            if takes_form:
                form = await request.form()  # kept by the request, so that it is read once
                try:
                    self._check_fields(form)
                except ApiError:
                    await form.close()
                    raise
            return await handler(request)

        return checked

    def _check_fields(self, form: FormData) -> None:
        """FastAPI passes over fields that a route does not have, and takes the last one of several of one name.

        Raises: ApiError 400. What is missing is said by FastAPI, and comes first.
        """
        fields = {param.alias: param.field_info.is_required() for param in self.dependant.body_params}
        if any(required and name not in form for name, required in fields.items()):
            return
        files = {param.alias for param in self.dependant.body_params if isinstance(param.field_info, params.File)}
        for name in form:
            if name in files and isinstance(form[name], str):
                message = f"Invalid value for '{name}': send it as a file, with a file name."
                raise bad_request(message, code="invalid_value", param=name)
            if name not in fields:
                raise bad_request(f"Unknown parameter: '{name[:80]}'.", code="unknown_parameter", param=name[:80])
            if len(form.getlist(name)) > 1:
                raise bad_request(f"Invalid value for '{name}': it is given more than once.", code="invalid_value", param=name)
