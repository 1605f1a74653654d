"""What is no HTTP/1.1 never reaches the application; it is answered in the same way all the same."""

from __future__ import annotations

import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from honekit.api.errors import ApiError, log
from honekit.api.middleware import answer_headers, new_request_id


class Protocol(H11Protocol):
    """uvicorn's protocol, with the envelope and `x-request-id` on its answer to a malformed request."""

    def send_400_response(self, msg: str) -> None:
        request_id = new_request_id()
        log.info("%s (malformed) 400", request_id)
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):  # else half an answer is out, and nothing can follow it
            content = json.dumps(ApiError(400, "The request is not valid HTTP/1.1.", code="invalid_http").body()).encode()
            headers = {**answer_headers(request_id), "content-type": "application/json", "content-length": str(len(content))}
            answer = h11.Response(status_code=400, reason=b"Bad Request", headers=[*headers.items(), ("connection", "close")])
            for event in (answer, h11.Data(data=content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
