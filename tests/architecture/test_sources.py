"""What must not stand in the repository: registry hosts, pickles, shell strings, weights."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Written apart, so that this file does not find itself.
HOSTS = [".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"))]
TEXT = {".py", ".toml", ".md", ".txt", ".lock", ".sh", ".yaml", ".yml", ".cfg", ".ini", ".mako", ".html", ""}


def _files() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode != 0:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_file_names_a_package_registry() -> None:
    pattern = re.compile("|".join(re.escape(host) for host in HOSTS))
    texts = [file for file in _files() if file.suffix in TEXT]
    assert len(texts) > 50
    assert [str(file) for file in texts if pattern.search(file.read_text(encoding="utf-8", errors="replace"))] == []


def test_the_lock_pins_everything_but_torch_by_hash() -> None:
    for name in ("runtime.lock", "dev.lock", "base.lock"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert lines
        for line in lines:
            assert "==" in line, line
            assert "--hash=sha256:" in line, line
            assert not re.match(r"(torch|triton|nvidia|cuda)\b", line), line
            assert "://" not in line, line


def test_source_code_neither_unpickles_nor_builds_shell_strings_nor_trusts_remote_code() -> None:
    forbidden = re.compile(
        r"^\s*(import|from) pickle|\bpickle\.loads?\(|\bos\.system\(|shell=True|trust_remote_code=True"
        r"|torch\.load\((?!.*weights_only=True)",
        re.MULTILINE,
    )
    sources = sorted((ROOT / "src").rglob("*.py"))
    assert sources
    assert [str(file) for file in sources if forbidden.search(file.read_text(encoding="utf-8"))] == []


def test_no_weights_are_committed() -> None:
    assert [str(file) for file in _files() if file.suffix in (".gguf", ".bin", ".pt", ".ckpt", ".pkl")] == []
