"""The real command in a process of its own, and a promotion while it runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from honekit import deploy, registry
from honekit.api.auth import create_key

HONE = [sys.executable, "-m", "honekit.cli.main"]


@contextmanager
def serving(*options: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    command = [*HONE, "serve", "--port", "0", "--json", "--device", "cpu", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line), process
    finally:
        process.kill()
        process.communicate()


def make_version(base: Path, folder: Path, seed: int) -> registry.Version:
    """A random adapter as training saves one: strong enough to change every answer."""
    import torch

    from honekit.models.adapters import save_adapter
    from honekit.models.fingerprint import fingerprint_adapter, fingerprint_base

    torch.manual_seed(seed)
    prefix = "base_model.model.model.layers.0.mlp.down_proj"
    tensors = {f"{prefix}.lora_A.weight": torch.randn(4, 128), f"{prefix}.lora_B.weight": torch.randn(64, 4)}
    print_of_base = fingerprint_base(base)
    config = {"r": 4, "lora_alpha": 8, "target_modules": ["down_proj"]}
    path = save_adapter(folder / f"adapter-{seed}", tensors, config, str(base), print_of_base)
    return registry.create_version("pumps", f"ftjob-{seed}", str(base), print_of_base, path, fingerprint_adapter(path))


def test_a_promotion_takes_effect_without_a_restart_and_ctrl_c_ends_it(tiny_base_dir: Path, tmp_path: Path) -> None:
    first, second = (make_version(tiny_base_dir, tmp_path, seed) for seed in (1, 2))
    deploy.promote("pumps@production", first.name, "test")
    with serving("--base", f"tiny={tiny_base_dir}") as (announced, process):
        assert {"tiny", first.name, second.name, "pumps@production"} <= set(announced["models"])
        with openai.OpenAI(base_url=announced["base_url"], api_key=create_key()[0], max_retries=0) as client:

            def answer(model: str) -> tuple[str, str]:
                done = client.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": "E41"}], temperature=0, max_tokens=8
                )
                return done.model, str(done.choices[0].message.content)

            texts = {name: answer(name)[1] for name in ("tiny", first.name, second.name)}
            assert len(set(texts.values())) == 3
            assert answer("pumps@production") == (first.name, texts[first.name])
            deploy.promote("pumps@production", second.name, "test")
            assert answer("pumps@production") == (second.name, texts[second.name])
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "stopped" in log
        assert "Traceback" not in log
        assert log.count("POST /v1/chat/completions 200") == 5


def test_a_port_in_use_is_a_clear_error() -> None:
    with serving() as (announced, _):
        command = [*HONE, "serve", "--port", str(announced["port"])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert "[serve.port_in_use]" in done.stderr
        assert "--port 0" in done.stderr
        assert "Traceback" not in done.stderr


def test_an_open_address_is_warned_about() -> None:
    with serving("--host", "0.0.0.0") as (announced, process):
        assert announced["url"].startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert "warning" in process.communicate(timeout=20)[1]


def test_a_base_that_is_not_here_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    from honekit.cli.main import main

    assert main(["serve", "--base", "owner/nothing"]) == 2
    assert "settings.base" in capsys.readouterr().err


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
from honekit.cli.main import main
code = main(["serve", "--help"])
heavy = {"torch", "fastapi", "sqlalchemy", "uvicorn", "transformers"} & set(sys.modules)
sys.exit(str(heavy) if heavy else code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--port" in done.stdout
