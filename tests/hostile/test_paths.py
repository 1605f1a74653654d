"""Strings that mean files elsewhere, in every field that takes text: the server neither opens, lists nor changes one of them.

The server runs in this process, so that an audit hook sees each of its calls. Hone unpacks no archives.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
from tests import tiny
from tests.hostile import tracing
from tests.hostile.corpora import paths
from tests.hostile.watching import watched
from tests.tiers import shown, trials

from honekit.api.auth import create_key

SECRET = "what must not be read"
TRACED = 20
"""Strings; each call that is traced costs much."""
USER = [{"role": "user", "content": "x"}]
CHECK = {"type": "string_check", "name": "c", "operation": "eq", "input": "a", "reference": "a"}


def _job(**fields: Any) -> dict[str, Any]:
    return {"model": "tiny", "training_file": "file-x", **fields}


Field = Callable[[httpx.Client, str], httpx.Response]
FIELDS: dict[str, Field] = {
    "path of a file": lambda c, s: c.get(f"/files/{s}"),
    "path of a content": lambda c, s: c.get(f"/files/{s}/content"),
    "path of a deletion": lambda c, s: c.delete(f"/files/{s}"),
    "path of a model": lambda c, s: c.get(f"/models/{s}"),
    "path of a model's deletion": lambda c, s: c.delete(f"/models/{s}"),
    "path of a job": lambda c, s: c.get(f"/fine_tuning/jobs/{s}/events"),
    "path of a checkpoint": lambda c, s: c.get(f"/fine_tuning/checkpoints/{s}/permissions"),
    "path of an upload": lambda c, s: c.post(f"/uploads/{s}/cancel"),
    "path of a response": lambda c, s: c.get(f"/responses/{s}"),
    "path of an evaluation": lambda c, s: c.get(f"/evals/{s}/runs"),
    "name of a file": lambda c, s: c.post("/files", data={"purpose": "batch"}, files={"file": (s or "x", b"x")}),
    "name of an upload": lambda c, s: c.post(
        "/uploads", json={"filename": s, "purpose": "batch", "bytes": 1, "mime_type": s[:255]}
    ),
    "place in a list": lambda c, s: c.get("/files", params={"after": s, "purpose": s}),
    "model of a chat": lambda c, s: c.post("/chat/completions", json={"model": s, "messages": USER}),
    "model of an embedding": lambda c, s: c.post("/embeddings", json={"model": s, "input": "x"}),
    "model of a job": lambda c, s: c.post("/fine_tuning/jobs", json=_job(model=s)),
    "file of a job": lambda c, s: c.post("/fine_tuning/jobs", json=_job(training_file=s[:64])),
    "suffix of a job": lambda c, s: c.post("/fine_tuning/jobs", json=_job(suffix=s[:64] or "x", metadata={"a": s[:512]})),
    "earlier response": lambda c, s: c.post("/responses", json={"model": "tiny", "input": "x", "previous_response_id": s[:64]}),
    "model of a grader": lambda c, s: c.post(
        "/fine_tuning/alpha/graders/validate",
        json={"grader": {"type": "score_model", "name": "j", "model": s, "input": [{"role": "user", "content": "x"}]}},
    ),
    "template of a grader": lambda c, s: c.post(
        "/fine_tuning/alpha/graders/run",
        json={"grader": {**CHECK, "reference": "{{item." + s + "}}"}, "model_sample": "a", "item": {"a": s}},
    ),
}  # fmt: skip


@pytest.fixture
def served(tmp_path: Path, hone_home: Path) -> Iterator[httpx.Client]:
    """A server of the model `tiny` in this process, and a client whose paths are sent as they are."""
    from honekit.api.engines import Engines
    from honekit.api.server import running

    base = tiny.save_base(tmp_path / "bases" / "tiny")
    headers = {"authorization": f"Bearer {create_key(scope='admin')[0]}"}
    with (
        running(Engines(device="cpu", precision="fp32", extra_bases={"tiny": str(base)})) as url,
        httpx.Client(base_url=f"{url}/v1", headers=headers, timeout=60) as client,
    ):
        yield client


def allowed(tmp_path: Path, home: Path) -> list[str]:
    """Where a server has something to look for: its data, its bases, the interpreter with its packages."""
    own = [home, tmp_path / "bases", Path(__file__).parents[2], Path(sys.prefix), Path(sys.base_prefix)]
    own += [Path(path) for path in (*site.getsitepackages(), *sysconfig.get_paths().values())]
    system = ["/proc/self", f"/proc/{os.getpid()}", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system", "/sys/fs/cgroup"]
    system += ["/dev/urandom", "/dev/null", "/etc/mime.types", "/etc/localtime", "/usr/share/zoneinfo", "/etc/hosts"]
    return [*(os.path.realpath(path) for path in own), *system]


@trials(small=16, gate=2000, night=2000)
def test_no_text_of_a_request_is_taken_for_a_path(served: httpx.Client, tmp_path: Path, hone_home: Path, trials: int) -> None:
    secret = tmp_path / "outside" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text(SECRET)
    for send in FIELDS.values():
        send(served, "x")  # what is imported and opened at a first use has to do with no text
    roots, corpus = allowed(tmp_path, hone_home), paths(trials, str(secret))
    with watched() as seen:
        for text in shown(corpus, len(corpus)):
            for name, send in FIELDS.items():
                given = quote(text, safe="") if name.startswith("path") else text
                answer = send(served, given)
                assert answer.status_code < 500, (name, text, answer.text)
                assert SECRET not in answer.text and "root:x:0" not in answer.text, (name, text)
                if answer.status_code >= 400:
                    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}, (name, text)
    # A file that is on its way lies in a nameless or numbered file of the system's own.
    scratch = os.path.join(os.path.realpath(tempfile.gettempdir()), "tmp")
    elsewhere = [path for path in seen.outside(roots) if not path.startswith(scratch) and path != os.path.dirname(scratch)]
    assert elsewhere == []
    assert seen.programs == []
    assert sorted(path.name for path in secret.parent.iterdir()) == ["secret.txt"]
    assert secret.read_text() == SECRET


def test_what_goes_elsewhere_would_be_noticed(tmp_path: Path, hone_home: Path) -> None:
    """The control."""
    elsewhere = tmp_path / "outside"
    elsewhere.mkdir()
    with watched() as seen:
        (elsewhere / "a").write_text("x")
        os.listdir(elsewhere)
        os.rename(elsewhere / "a", elsewhere / "b")
        subprocess.run([sys.executable, "-c", ""], check=True)
    found = seen.outside(allowed(tmp_path, hone_home))
    assert {str(elsewhere), str(elsewhere / "a"), str(elsewhere / "b")} <= set(found)
    assert any(one.startswith("subprocess.Popen") for one in seen.programs)


@pytest.mark.long
def test_nor_does_the_kernel_see_one(tmp_path: Path, hone_home: Path) -> None:
    """The same of a handful of strings, with all calls of the whole server, also of libraries that no audit hook sees."""
    if reason := tracing.unavailable(tmp_path):
        pytest.skip(f"no calls can be traced: {reason}")
    base = tiny.save_base(tmp_path / "bases" / "tiny")
    secret, record = tmp_path / "outside" / "secret.txt", tmp_path / "calls"
    secret.parent.mkdir()
    secret.write_text(SECRET)
    headers = {"authorization": f"Bearer {create_key(scope='admin')[0]}"}
    command = [*tracing.PREFIX, "--trace=%file", f"--output={record}", sys.executable, "-m", "honekit.cli.main"]
    command += ["serve", "--port", "0", "--json", "--device", "cpu", "--base", f"tiny={base}"]
    here = tmp_path / "here"
    here.mkdir()
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=here)
    assert process.stdout is not None
    try:
        with httpx.Client(base_url=json.loads(process.stdout.readline())["base_url"], headers=headers, timeout=60) as client:
            for send in FIELDS.values():
                send(client, "x")
            begun = time.time()
            for text in paths(TRACED, str(secret)):
                for name, send in FIELDS.items():
                    answer = send(client, quote(text, safe="") if name.startswith("path") else text)
                    assert answer.status_code < 500, (name, text, answer.text)
    finally:
        # strace itself takes no signal, and ends with what it traces.
        for server in psutil.Process(process.pid).children():
            server.kill()
        process.communicate(timeout=60)
    roots = [*allowed(tmp_path, hone_home), "/proc", "/sys"]
    roots += [os.path.join(os.path.realpath(tempfile.gettempdir()), "tmp")]
    seen = tracing.asked(record, here, since=begun)
    assert any(path.startswith(str(hone_home)) for path in seen)
    # With an ordinary text it also looks, where it runs and at the hub's, for the bases of its own list.
    outside = seen - tracing.asked(record, here, until=begun)
    outside = {path for path in outside if not any(path.startswith(root) or root.startswith(path + os.sep) for root in roots)}
    assert outside == set()
    assert not [path for path in seen if "secret" in path]
