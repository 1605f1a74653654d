"""Ways out of the sandbox, tried for real. A machine without isolation shows the refusal, and skips what needs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from honekit.errors import GraderError
from honekit.graders import sandbox
from honekit.graders.sandbox import Limits, Ran, check_source, run_python


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_PYTHON_GRADERS", "1")


@pytest.fixture
def isolated() -> None:
    try:
        sandbox.probe()
    except GraderError as fault:
        pytest.skip(fault.what)


def graded(body: str, limits: Limits | None = None, *, item: dict[str, object] | None = None) -> Ran:
    """`body` is the inside of `grade`."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    source = f"import os, socket, sys\ndef grade(sample, item):\n{lines}"
    return run_python(source, {"output_text": "seven"}, item or {"answer": "seven"}, limits)


def test_nothing_runs_unless_an_administrator_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "", "0", "yes"):
        if value is None:
            monkeypatch.delenv("HONE_PYTHON_GRADERS")
        else:
            monkeypatch.setenv("HONE_PYTHON_GRADERS", value)
        with pytest.raises(GraderError) as caught:
            graded("return 1")
        assert caught.value.code == "graders.python_not_allowed"
        assert "HONE_PYTHON_GRADERS=1" in str(caught.value.mend)


@pytest.mark.skipif(not Path("/proc/sys/user/max_user_namespaces").exists(), reason="no user namespaces to take away")
def test_a_machine_without_namespaces_refuses_with_the_step_that_failed() -> None:
    """Inside a user namespace of its own that allows no further one, as hardened machines and containers are."""
    script = (
        'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -c \''
        "from honekit.graders import sandbox\n"
        "from honekit.errors import GraderError\n"
        "try:\n    sandbox.probe()\n"
        "except GraderError as fault:\n    print(fault.code, fault.what)'"
    )
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, sys.executable]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare command")
    if "max_user_namespaces" in done.stderr or "unshare" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stdout.startswith("graders.no_isolation"), done.stderr
    assert "namespaces: " in done.stdout


@pytest.mark.usefixtures("isolated")
class TestIsolated:
    def test_a_grader_gets_sample_and_item_and_its_number_comes_back(self) -> None:
        assert graded("return 0.25 + (sample['output_text'] == item['answer'])") == Ran(1.25)

    def test_the_standard_library_is_there(self) -> None:
        modules = "json, re, difflib, statistics, decimal, hashlib, random, tempfile, datetime, collections, unicodedata"
        assert graded(
            f"import {modules}\nrandom.random()\nwith tempfile.TemporaryFile() as f:\n    return f.write(b'abc')"
        ) == Ran(3.0)

    def test_packages_are_not(self) -> None:
        assert "No module named 'pydantic'" in str(graded("import pydantic").fault)
        folder = "path = os.path.dirname(os.__file__) + '/site-packages'\n"
        assert graded(f"{folder}return len(os.listdir(path)) if os.path.exists(path) else 0") == Ran(0.0)

    @pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_VSOCK"])
    def test_no_socket(self, family: str) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.settimeout(0)
            ran = graded(
                f"socket.socket(socket.{family}).connect(('127.0.0.1', item['port']))", item={"port": listener.getsockname()[1]}
            )
            assert "PermissionError" in str(ran.fault)
            with pytest.raises(BlockingIOError):
                listener.accept()

    def test_no_file_of_the_user(self, tmp_path: Path, hone_home: Path) -> None:
        hone_home.mkdir()
        files = [tmp_path / "secret", hone_home / "secret", Path.home() / ".hone-test-secret"]
        try:
            for file in files:
                file.write_text("secret", encoding="utf-8")
            for file in [*files, Path(__file__), Path("/etc/passwd"), Path("/proc/1/environ"), Path("/proc/self/environ")]:
                assert "FileNotFoundError" in str(graded("open(item['path']).read()", item={"path": str(file)}).fault)
        finally:
            files[-1].unlink()

    def test_the_old_root_is_out_of_reach(self) -> None:
        climb = (
            "for _ in range(50):\n    os.chdir('..')\nreturn len(set(os.listdir()) - {'tmp', 'lib', 'lib64', 'usr', item['top']})"
        )
        assert graded(climb, item={"top": Path(os.path.realpath(sys.base_prefix)).parts[1]}) == Ran(0.0)
        assert "PermissionError" in str(graded("os.chroot('/tmp')").fault)

    def test_no_environment_and_no_open_file_of_the_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
        count = "for n in range(200):\n    try:\n        found += bool(os.fstat(n))\n    except OSError:\n        pass"
        assert graded(f"found = 0\n{count}\nreturn found * 100 + len(os.environ)") == Ran(400.0)

    def test_writing_is_possible_in_tmp_alone(self) -> None:
        for path in ("/x", "/usr/x", "/usr/lib/x", os.path.dirname(os.__file__) + "/x"):
            assert "Error" in str(graded("open(item['path'], 'w')", item={"path": path}).fault)
        assert graded("return open('/tmp/x', 'w').write('abc')") == Ran(3.0)

    def test_no_process_and_no_thread(self) -> None:
        assert "PermissionError" in str(graded("while True:\n    os.fork()").fault)
        assert "Error" in str(graded("import subprocess\nsubprocess.run(['/bin/true'])").fault)
        assert "can't start new thread" in str(graded("import threading\nthreading.Thread(target=print).start()").fault)
        assert "PermissionError" in str(graded("os.execv(sys.executable or '/usr/bin/python3', ['x'])").fault)

    def test_no_namespace_no_mount_no_tracing_no_hidden_memory(self) -> None:
        call = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nreturn 100 if {} != -1 else ctypes.get_errno()"
        for attempt in (
            "libc.unshare(0x10000000)",
            "libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None)",
            "libc.ptrace(16, 1, 0, 0)",
            "libc.memfd_create(b'x', 0)",
            "libc.shmget(0, 1 << 20, 0o1600)",
            "libc.syscall(425, 8, 0)",
        ):
            assert graded(call.format(attempt)) == Ran(1.0), attempt

    def test_an_endless_loop_is_stopped_by_the_wall_clock(self) -> None:
        for loop in ("while True: pass", "import time\nwhile True: time.sleep(1)"):
            ran = graded(loop, Limits(wall_s=1))
            assert ran.unresponsive and "limit: 1 seconds" in str(ran.fault)

    def test_and_by_processor_time(self) -> None:
        ran = graded("while True: pass", Limits(wall_s=60, cpu_s=1))
        assert ran.unresponsive and "SIGKILL" in str(ran.fault)

    def test_a_grader_stands_back_behind_the_server(self) -> None:
        before = _jails()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(graded, "while True: pass", Limits(wall_s=3))
            _until(lambda: min(19, os.nice(0) + 10) in {_niceness(process) for process in _jails() - before})
            assert running.result().unresponsive

    def test_a_stopped_grader_leaves_no_process(self) -> None:
        before = _jails()
        graded("while True: pass", Limits(wall_s=1))
        _until(lambda: not _jails() - before)

    def test_a_grader_ends_with_the_server_that_started_it(self) -> None:
        before = _jails()
        script = "from honekit.graders.sandbox import run_python; run_python('def grade(s, i):\\n    while True: pass', {}, {})"
        with subprocess.Popen([sys.executable, "-c", script]) as server:
            _until(lambda: len(_jails() - before) >= 3)  # three processes: the probe's are gone by then, or on their way
            server.kill()
        _until(lambda: not _jails() - before)

    def test_a_memory_hog_is_stopped(self) -> None:
        assert "MemoryError" in str(graded("hog = []\nwhile True: hog.append(bytes(10**8))").fault)
        assert "MemoryError" in str(graded("return len(b'x' * 300_000_000)", Limits(memory_bytes=200_000_000)).fault)

    def test_a_full_disk_is_its_own(self) -> None:
        fill = "for n in range(100):\n    with open(f'/tmp/{n}', 'wb') as f: f.write(bytes(10**7))"
        assert "No space left" in str(graded(fill).fault)

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("return sample['nothing']", "KeyError: 'nothing'"),
            ("return 'seven'", "no finite number"),
            ("return float('nan')", "no finite number"),
            ("return None", "no finite number"),
            ("raise SystemExit(0)", "SystemExit"),
            ("os._exit(0)", "instead of returning a number"),
            ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
            ("os.write(3, b'x' * 10**6)", "something else"),
            ("""os.write(3, b'{"refused": "no"}')\nos._exit(0)""", "something else"),
            ("os.write(3, b'[' * 50000)\nos._exit(0)", "something else"),
            ("""os.write(3, b'{"reward": NaN}')\nos._exit(0)""", "something else"),
            ("""os.write(3, b'{"reward": 1e999}')\nos._exit(0)""", "something else"),
            ("""os.write(3, b'{"reward": 1' + b'0' * 400 + b'}')\nos._exit(0)""", "something else"),
            ("os.write(3, b'null')\nos._exit(0)", "something else"),
            ("os._exit(250)", "instead of returning a number"),
            ("os.close(3)\nreturn 1", "instead of returning a number"),
        ],
    )
    def test_faults_of_the_code_are_told(self, body: str, told: str) -> None:
        ran = graded(body, Limits(wall_s=20))
        assert ran.reward is None
        assert told in str(ran.fault)

    def test_a_traceback_names_the_line_and_no_file_of_the_server(self) -> None:
        fault = str(graded("return 1 / 0").fault)
        assert 'File "grader.py", line 3' in fault
        assert "return 1 / 0" in fault
        assert "jail" not in fault

    def test_checking_finds_what_is_no_grader(self) -> None:
        assert check_source("def grade(sample, item):\n    return 1") is None
        assert "SyntaxError" in str(check_source("def grade(sample"))
        assert "no function grade" in str(check_source("def mark(sample, item): return 1"))
        assert check_source("(" * 100_000) is not None
        wants = "import json, numpy.linalg\nfrom yaml import load\n"
        grade = "def grade(sample, item):\n    import scipy\n    return 1\n"
        assert "it imports numpy, yaml," in str(check_source(wants + grade))
        assert check_source("try:\n    import numpy\nexcept ImportError:\n    numpy = None\n" + grade) is None

    def test_a_source_over_the_limit_is_refused(self) -> None:
        with pytest.raises(GraderError) as caught:
            run_python("#" * (sandbox.MAX_SOURCE_BYTES + 1), {}, {})
        assert caught.value.code == "graders.source_too_long"
        assert run_python("def grade(s, i): return 1".ljust(sandbox.MAX_SOURCE_BYTES), {}, {}) == Ran(1.0)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _niceness(process: str) -> int | None:
    try:
        return os.getpriority(os.PRIO_PROCESS, int(process))
    except ProcessLookupError:
        return None


def _jails() -> set[str]:
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(sandbox.JAIL).encode() in (process / "cmdline").read_bytes():
                found.add(process.name)
        except OSError:
            continue
    return found
