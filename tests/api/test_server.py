from __future__ import annotations

import socket

import httpx
import pytest

from honekit.api.engines import Engines
from honekit.api.server import listen, running, url_of
from honekit.errors import ServeError


def test_port_zero_takes_a_free_one_and_says_which() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert listener.getsockname()[1] > 0


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ServeError) as caught:
            listen("127.0.0.1", port)
    assert caught.value.code == "serve.port_in_use"
    assert caught.value.where == f"127.0.0.1:{port}"


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ServeError) as caught:
        listen("192.0.2.1", 0)
    assert caught.value.code == "serve.cannot_listen"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_ipv6_address_is_written_as_a_url() -> None:
    try:
        listener = listen("::1", 0)
    except ServeError:
        pytest.skip("no IPv6 loopback here")
    with listener:
        assert url_of(listener).startswith("http://[::1]:")


def test_a_server_in_a_thread_answers_and_frees_its_port() -> None:
    with running(Engines()) as url:
        assert httpx.get(f"{url}/readyz").json() == {"status": "ok"}
    port = int(url.rsplit(":", 1)[1])
    listen("127.0.0.1", port).close()
