"""Listening: the socket with its clear faults, a server in the foreground, and one in a thread for Hone's own use."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from honekit import runtime
from honekit.api.middleware import is_loopback
from honekit.errors import ServeError

if TYPE_CHECKING:
    import uvicorn

    from honekit.api.engines import Engines

START_TIMEOUT_S = 30.0
SHUTDOWN_S = 5
"""Time for running answers to end once the server was asked to."""
IDLE_S = 75
"""How long a connection waits for its next request. Clients give one up after five seconds or more, and often ask every five:
the server must not be the first to, else a request meets a connection that is just being closed.
"""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises: ServeError[serve.port_in_use | serve.cannot_listen]."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as fault:
        raise _cannot_listen(host, port, fault) from fault
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(256)
    except OSError as fault:
        listener.close()
        raise _cannot_listen(host, port, fault) from fault
    return listener


def url_of(listener: socket.socket) -> str:
    """Where this machine reaches the listener, without a path."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(engines: Engines, host: str, training_jobs: int = 0) -> uvicorn.Server:
    """A uvicorn server of the application; run it with `run(sockets=[listener])`. `training_jobs`: see `create_app`."""
    import uvicorn

    with runtime.importing():
        from honekit.api.app import create_app
        from honekit.api.malformed import Protocol

    app = create_app(engines, local_only=is_loopback(host), training_jobs=training_jobs)
    config = uvicorn.Config(
        app,
        http=Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        timeout_keep_alive=IDLE_S,
    )
    return uvicorn.Server(config)


@contextmanager
def running(engines: Engines, port: int = 0, training_jobs: int = 0) -> Iterator[str]:
    """A server on loopback in a thread of its own, for the block. Yields its URL: the path to the models that clients take."""
    listener = listen("127.0.0.1", port)
    server = make_server(engines, "127.0.0.1", training_jobs)
    thread = threading.Thread(target=server.run, args=([listener],), name="hone-serve", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise ServeError(
                    "serve.did_not_start", what="the server did not come up", mend="run `hone doctor`, then try again"
                )
            time.sleep(0.01)
        yield url_of(listener)
    finally:
        server.should_exit = True
        thread.join(START_TIMEOUT_S)
        listener.close()


def _cannot_listen(host: str, port: int, fault: OSError) -> ServeError:
    where = f"{host}:{port}"
    if fault.errno == errno.EADDRINUSE:
        return ServeError(
            "serve.port_in_use",
            what="another program listens on this port",
            where=where,
            mend="end it, or run `hone serve --port 0` to take a free one",
        )
    mend = "use --host 127.0.0.1, or an address that this machine has"
    if fault.errno == errno.EACCES:
        mend = "ports below 1024 need special rights: use `hone serve --port 8000`"
    return ServeError("serve.cannot_listen", what=f"cannot listen there: {fault.strerror}", where=where, mend=mend)
