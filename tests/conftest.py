"""What every test gets: a data directory of its own, no model hub, one thread; and two base models to ask for.

Tests marked `both_databases` run on SQLite and on a PostgreSQL server that is started for them.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from tests import conformance, counts, databases

from honekit import runtime
from honekit.store import database as database_module

# Before anything imports a numeric library: tests run beside each other, and the hub library reads its setting once.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# No test speaks TLS, yet each client would read all authorities that the machine trusts, for 30 ms; of a folder it reads none.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)
# A shell lets what it starts in its background ignore Ctrl-C, and the commands that tests start and interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
_USERS_HOME = os.environ.get("HONE_HOME")
# Looking for garbage takes longer the more a process has imported, and hours of tests would be begun anew every 700 objects.
gc.set_threshold(20_000)
# A host that stands still for a moment is no fault of what is tested.
hypothesis.settings.register_profile("hone", deadline=None)
hypothesis.settings.load_profile("hone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_databases"):
        metafunc.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    with runtime.importing():
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Before any is deselected.
    if conformance.is_whole(config, items):
        config.stash[conformance.COLLECTED] = conformance.proofs_of(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    for line in counts.lines([report for report in reports if isinstance(report, pytest.TestReport)]):
        terminalreporter.write_line(line)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Which database this test runs on."""
    return getattr(request, "param", "sqlite")


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[databases.PostgreSQL]:
    """A server of this test run."""
    # It asks for a folder that a desktop session has and a build machine has not.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        patch.setenv("HONE_HOME", str(tmp_path_factory.mktemp("migrating")))
        with databases.postgresql(tmp_path_factory.mktemp("postgresql")) as server:
            yield server


@pytest.fixture
def postgresql_url(postgresql: databases.PostgreSQL) -> Iterator[str]:
    """A database of this test alone."""
    url = postgresql.new()
    yield url
    databases.close(url)


@pytest.fixture(autouse=True)
def ready_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process opens is not migrated anew for each test."""
    monkeypatch.setattr(database_module, "_ensure_migrated", databases.ready_made)


_speeds: dict[tuple[object, ...], object] = {}


@pytest.fixture(autouse=True)
def machine_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What jobs and runs in this process ask for the machine's speed is measured once, and not for a third of a second by each.

    `tests/models/test_precision.py` has the function itself.
    """
    precision = sys.modules.get("honekit.models.precision")
    if precision is None:  # where no test is collected that imports it
        return
    measure, threads_now = precision.measure, precision.torch.get_num_threads

    def measured(threads: int | None = None, device: object = "cpu", memory: bool = True) -> object:
        key = (threads or threads_now(), str(device), memory)
        if key not in _speeds:
            _speeds[key] = measure(threads, device, memory)
        return _speeds[key]

    monkeypatch.setattr(precision, "measure", measured)


@pytest.fixture(autouse=True)
def hone_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, request: pytest.FixtureRequest) -> Path:
    """The data directory of this test alone, and its database."""
    home = tmp_path / "hone-home"
    monkeypatch.setenv("HONE_HOME", str(home))
    monkeypatch.setenv("HONE_DEVICE", "")  # set, so that what a command sets goes with the test
    monkeypatch.delenv("HONE_DATABASE_URL", raising=False)
    if database == "postgresql":
        monkeypatch.setenv("HONE_DATABASE_URL", request.getfixturevalue("postgresql_url"))
    for name in (
        "HONE_DEBUG",
        "HONE_BASE_URL",
        "HONE_API_KEY",
        "HONE_PROJECT",
        "HONE_PYTHON_GRADERS",
        "WANDB_API_KEY",
        "WANDB_MODE",
    ):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of a test run share: what is made there is made under a lock, by the first that needs it."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def base_dir(run_folder: Path) -> Path:
    """The real base, converted: `make setup`'s own copy, else one that is made once for all tests of this run."""
    from honekit.models import catalogue, wheel
    from honekit.models.bases import base_directory
    from honekit.models.gguf import convert_gguf

    entry = catalogue.get(catalogue.EMBEDDED)
    with pytest.MonkeyPatch.context() as patch:
        if _USERS_HOME is None:
            patch.delenv("HONE_HOME", raising=False)
        else:
            patch.setenv("HONE_HOME", _USERS_HOME)
        ready = base_directory(entry.id)
    if ready.is_dir():
        return ready
    assert entry.wheel is not None
    file = wheel.find_gguf(entry.wheel)
    if file is None:
        pytest.skip(f"{entry.wheel.requirement} is not installed; `make setup` does it")
    return convert_gguf(file, run_folder / "bases" / entry.id)


@pytest.fixture(scope="session")
def tiny_base_dir(base_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two narrow layers with the real base's tokenizer and template: for behaviour, not for quality."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from honekit.models.bases import read_json

    folder = tmp_path_factory.mktemp("tiny-base")
    real = read_json(base_dir / "config.json")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=real["vocab_size"],
                hidden_size=64,
                intermediate_size=128,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=2048,
                tie_word_embeddings=True,
                bos_token_id=real["bos_token_id"],
                eos_token_id=real["eos_token_id"],
                pad_token_id=real.get("pad_token_id"),
            )
        )
    model.save_pretrained(folder)
    for file in base_dir.iterdir():
        if file.name.startswith(("tokenizer", "special_tokens", "chat_template", "vocab", "merges")):
            shutil.copyfile(file, folder / file.name)
    return folder


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A configured server of OpenAI's API that graders may ask for `far-judge`: a `tests.other_server.OtherServer`."""
    from tests.other_server import OtherServer, configure

    from honekit.graders import elsewhere

    monkeypatch.setattr(elsewhere, "RETRIES", 0)
    server = OtherServer()
    with server.running() as url:
        configure(monkeypatch, url)
        yield server
