"""What a server shows to the world when nobody has set anything."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

OPEN = {"/healthz", "/readyz", "/openapi.json"}
"""What is answered without a key: whether the server is up, and what it could be asked."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_base_dir: Path) -> Iterator[tuple[int, str, Path]]:
    """Process, URL and data directory of `hone serve` in a home that is not there yet."""
    home = tmp_path_factory.mktemp("default") / "data" / "hone"
    command = [sys.executable, "-m", "honekit.cli.main", "serve", "--port", "0", "--json", "--base", f"tiny={tiny_base_dir}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HONE_")} | {"HONE_HOME": str(home)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as process:
        assert process.stdout
        try:
            yield process.pid, json.loads(process.stdout.readline())["url"], home
        finally:
            process.terminate()


def test_only_this_machine_can_connect(served: tuple[int, str, Path]) -> None:
    process = psutil.Process(served[0])
    listening = [
        one.laddr.ip
        for each in (process, *process.children(recursive=True))
        for one in each.net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_every_other_route_needs_a_key(served: tuple[int, str, Path]) -> None:
    from honekit.api.app import create_app
    from honekit.api.engines import Engines

    paths = create_app(Engines(device="cpu", precision="fp32")).openapi()["paths"]
    calls = [(method, path) for path, methods in paths.items() for method in methods if path not in OPEN]
    assert len(calls) > 30
    for method, path in calls:
        answer = httpx.request(method, served[1] + path.replace("{", "").replace("}", ""), timeout=120)
        assert answer.status_code == 401, (method, path)
    for path in ("/", "/docs", "/redoc", "/metrics", "/v1", "/v1/nothing", "/static/x", "/.env"):
        answer = httpx.get(served[1] + path, timeout=120)
        assert answer.status_code in (401, 404), path
        assert "error" in answer.json()
    assert {path: httpx.get(served[1] + path).status_code for path in OPEN} == dict.fromkeys(OPEN, 200)


def test_the_data_directory_is_closed_to_others(served: tuple[int, str, Path]) -> None:
    assert stat.S_IMODE(served[2].stat().st_mode) == 0o700
