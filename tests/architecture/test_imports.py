"""The shape of the code: imports point one way, and the command line loads nothing heavy before it must."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "peft", "sklearn", "scipy", "numpy", "sqlalchemy", "alembic", "fastapi", "openai"}


def _modules_after(arguments: list[str]) -> set[str]:
    code = (
        "import contextlib, io, json, sys\nfrom honekit.cli.main import main\n"
        f"with contextlib.redirect_stdout(io.StringIO()):\n    code = main({arguments!r})\n"
        "print(json.dumps([code, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    exit_code, modules = json.loads(done.stdout)
    assert exit_code == 0
    return set(modules)


def test_imports_point_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " 0 broken" in done.stdout


def test_the_overview_loads_no_command_and_no_heavy_module() -> None:
    loaded = _modules_after(["--help"])
    assert "typer" in loaded
    assert loaded & (HEAVY | {"pydantic"}) == set()


@pytest.mark.parametrize(
    "command", ["run", "demo", "serve", "chat", "doctor", "data", "bases", "files", "jobs", "models", "keys", "iot"]
)
def test_the_help_of_a_command_loads_no_heavy_module(command: str) -> None:
    # typer itself loads pydantic as soon as a command has parameters.
    assert _modules_after([command, "--help"]) & HEAVY == set()


@pytest.mark.parametrize("command", ["files", "jobs", "models"])
def test_a_list_loads_no_model_library_and_no_routes_but_its_own(command: str) -> None:
    loaded = _modules_after([command, "list", "--json"])
    assert loaded & {"torch", "transformers", "peft"} == set()
    routes = {name for name in loaded if name.startswith("honekit.api.openai.")}
    assert routes & {"honekit.api.openai.chat", "honekit.api.openai.evals", "honekit.api.openai.graders"} == set()
    # Without a server the other two need only the shapes of what they list, and no application.
    assert ("fastapi" in loaded) == (command == "files")


def test_a_server_that_nobody_asked_for_an_answer_has_no_torch() -> None:
    code = (
        "import sys\nfrom honekit.api import server\nfrom honekit.api.engines import Engines\n"
        "server.make_server(Engines(), '127.0.0.1')\nprint('torch' in sys.modules, 'fastapi' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "True"]


def test_modules_outside_the_compute_layers_import_torch_only_inside_functions() -> None:
    computing = {"train", "inference", "models", "evals"}
    guilty = []
    for file in sorted((ROOT / "src" / "honekit").rglob("*.py")):
        if file.relative_to(ROOT / "src" / "honekit").parts[0] in computing:
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] in ("torch", "transformers", "peft") for name in names):
                guilty.append(str(file.relative_to(ROOT)))
    assert guilty == []
