"""Hostile inputs, made by rule from fixed seeds: as many as a tier asks for, the same ones each time."""

from __future__ import annotations

import io
import itertools
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

STEPS = ("../", "..\\", "..//", ".././", "....//", "..;/", "..%2f", "%2e%2e/", "%2e%2e%2f", "%252e%252e%252f", "..%c0%af",
         "..%u2215", "\u2025/", "\uff0e\uff0e/", "..\u2215", "..\u2044", "..\\/")  # fmt: skip
HEADS = ("", "/", "//", "\\\\host\\share\\", "file://", "file:///", "~/", "~root/", "C:\\", "./", "\x00", "jobs/",
         "blobs/../", "a/b/")  # fmt: skip
TAILS = ("", "/", "\x00", "\x00.jsonl", "#frag", "?x=1", "%00", ".", " ", "\n", ":stream", "/.", "\u202e")
PLACES = ("etc/passwd", "etc/shadow", "proc/self/environ", "proc/self/mem", "proc/1/root/etc/passwd", "dev/stdin", "dev/random",
          "dev/full", "hone.db", "CON", "NUL.txt", ".ssh/id_rsa", "sys/kernel/notes")  # fmt: skip


def paths(count: int, secret: str) -> list[str]:
    """Strings that mean a file outside of a server's data directory to code that takes them for a path; `secret` is one."""
    draw = random.Random(count)
    places = (*PLACES, secret.lstrip("/"))
    made = [secret, "file://" + secret, quote(secret, safe=""), "..", ".", "~", "/", "\\", "\x00", "", "%", "a" * 300]
    while len(made) < count:
        depth = draw.choice([0, 1, 2, 3, 5, 8, 12, 20])
        step = draw.choice(STEPS)
        one = draw.choice(HEADS) + step * depth + draw.choice(places) + draw.choice(TAILS)
        made.append(quote(one, safe="") if draw.random() < 0.15 else one)
    return made[:count]


def regexes(count: int) -> list[str]:
    """Patterns that take a backtracking engine for ever, or mean an automaton beyond any memory."""
    atoms = ("a", "(a|a)", "(a|aa)", "[a-z]", ".", "\\w", "(a?)", "(?:a|b|ab)", "\\s", "[^b]")
    times = ("+", "*", "{1,}", "+?", "{2,100}", "{0,1000}", "{500}")
    wraps = ("({0}{1}){1}$", "^({0}{1}){1}b", "(({0}{1}){1}){1}x", "({0}){1}({0}){1}({0}){1}z", "^(?:{0}{1})*(?:{0}{1})*$",
             "{0}{1}{1}", "(?i)({0}{1}){1}!", "(({0}){1}|b)*c", "(?=({0}{1}){1})q", "({0}{1})\\1{1}")  # fmt: skip
    every = [wrap.format(atom, often) for wrap, atom, often in itertools.product(wraps, atoms, times)]
    random.Random(1).shuffle(every)
    return every[:count]


def schemas(count: int) -> Iterator[dict[str, Any]]:
    """Schemas that are cheap to send and dear to compile, or that reach out of themselves."""
    makers: list[Callable[[int], dict[str, Any]]] = [
        lambda n: {"type": "string", "pattern": regexes(200)[n % 200]},
        lambda n: {"type": "string", "minLength": 10**n, "maxLength": 10 ** (n + 3)},
        lambda n: {"type": "array", "items": {"type": "array", "items": {}, "minItems": 10**n}, "minItems": 10**n},
        lambda n: {"$ref": "#"} if n == 0 else {"allOf": [{"$ref": "#"}] * n},
        lambda n: {"$ref": ["file:///etc/passwd", "http://169.254.169.254/", "http://127.0.0.1:1/x", "//host/s"][n % 4]},
        lambda n: {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}] * (n + 2)}}, "$ref": "#/$defs/a"},
        lambda n: {"type": "object", "properties": {f"k{i}": {"enum": list(range(n * 9))} for i in range(100)}},
        lambda n: {"enum": ["x" * 10 ** min(n, 5)] * 900},
        lambda n: {"type": "integer", "multipleOf": 10 ** -(n * 40), "minimum": -(10**300), "maximum": 10**300},
        lambda n: {"anyOf": [{"properties": {f"a{i}": {"const": i}}, "required": [f"a{i}"]} for i in range(10 * n + 1)]},
        lambda n: {"patternProperties": {p: {} for p in regexes(10 + n)}},
        lambda n: {"not": {"not": {"type": "string"}}, "if": {}, "dependentSchemas": {str(n): {"$dynamicRef": "#x"}}},
    ]
    for number in range(count):
        yield makers[number % len(makers)](number // len(makers))


def python_graders(count: int, secret: str) -> list[str]:
    """Bodies of `grade` that try to get out, to stay, or to take everything; each returns 1 where it came through.

    None of them can return 1 without an escape.
    """
    reads = [secret, "/etc/shadow", "/proc/1/environ", "/proc/1/root/etc/passwd", "/proc/self/root/" + secret, "/dev/mem",
             "/dev/kmsg", "/var/run/docker.sock", "/proc/kcore", "/sys/firmware/efi"]  # fmt: skip
    made = [f"return 1 if open({path!r}, 'rb').read(1) else 0" for path in reads]
    hosts = ["127.0.0.1", "169.254.169.254", "10.0.0.1", "8.8.8.8", "::1"]
    made += [f"import socket\nsocket.create_connection(({host!r}, {port}), 0.5)\nreturn 1" for host in hosts for port in (53, 80)]
    runs = ["os.system('true')", "os.execv('/bin/sh', ['sh', '-c', 'exit 0'])", "os.posix_spawn('/bin/true', ['true'], {})",
            "__import__('subprocess').run(['true'], check=True).returncode", "os.fork()", "os.chroot('/')",
            "__import__('ctypes').CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, 0)",
            "os.mknod('/tmp/x', 0o60600, os.makedev(8, 0)) or len(open('/tmp/x', 'rb').read(1)) - 1"]  # fmt: skip
    made += [f"if {run} not in (0, None):\n    raise OSError\nreturn 1" for run in runs]
    calls = {"ptrace": 101, "process_vm_readv": 310, "bpf": 321, "userfaultfd": 323, "keyctl": 250, "unshare": 272,
             "setns": 308, "open_by_handle_at": 304, "io_uring_setup": 425, "memfd_create": 319, "perf_event_open": 298,
             "kexec_load": 246}  # fmt: skip
    made += [f"import ctypes\nr = ctypes.CDLL(None).syscall({number}, 0, 0, 0, 0, 0)\nif r < 0: raise OSError\nreturn 1"
             for number in calls.values()]  # fmt: skip
    made += [
        "while True: pass",
        "x = []\nwhile True: x.append(bytearray(1 << 24))",
        "import threading\nwhile True: threading.Thread(target=lambda: __import__('time').sleep(99)).start()",
        "return [os.dup(0) for _ in range(10**6)] and 1",
        "with open('/tmp/f', 'wb') as f:\n    while True: f.write(b'x' * (1 << 20))",
        "sys.setrecursionlimit(10**9)\ndef f(): return f()\nreturn f()",
        "for fd in os.listdir('/proc/self/fd'):\n    if 'socket' in os.readlink('/proc/self/fd/' + fd): return 1\nraise OSError",
        "import gc\nraise SystemExit(1)",
        "os.kill(os.getpid(), 19)",
        "sys.stdout.write('{\"reward\": 1}' * 10**6)\nsys.stdout.flush()\nos._exit(0)",
    ]
    random.Random(2).shuffle(made)
    return made[:count]


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A file of this header; `length`: what the file says that the header's length is."""
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(content) if length is None else length) + content + data


def archive(content: bytes) -> bytes:
    """As torch writes its weights; its readers look for the table at the end, whatever stands before."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("archive/data.pkl", content)
    return made.getvalue()


def weights_files(count: int, good: bytes) -> Iterator[tuple[str, bytes]]:
    """(what is wrong, content) of a file of weights; `good` is one that is right."""
    draw = random.Random(count)
    (size,) = struct.unpack("<Q", good[:8])
    header, data = json.loads(good[8 : 8 + size]), good[8 + size :]
    first = next(name for name in header if name != "__metadata__")

    def changed(**fields: Any) -> bytes:
        return safetensors({**header, first: {**header[first], **fields}}, data)

    named = {name: entry for name, entry in header.items() if name != "__metadata__"}
    lengths = [0, 1, 2**63 - 1, 2**64 - 1, len(good) * 2, 10**12]
    shapes = [[-1, 4], [2**62, 4], [10**6, 10**6], [0, 0], [4], "x", [1.5, 2], None]
    offsets = [[0, 2**40], [-8, 8], [8, 0], [0, 1], [len(data), len(data) + 64]]
    pickles = [b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR.", b"PK\x03\x04" + bytes(60), b"\x93NUMPY"]
    numbers = [struct.pack("<f", value) * (len(data) // 4) for value in (float("nan"), float("inf"), float("-inf"))]
    makers: list[Callable[[], tuple[str, bytes]]] = [
        lambda: ("cut", good[: draw.randrange(len(good))]),
        lambda: ("header length", safetensors(header, data, draw.choice(lengths))),
        lambda: ("shape", changed(shape=draw.choice(shapes))),
        lambda: ("offsets", changed(data_offsets=draw.choice(offsets))),
        lambda: ("dtype", changed(dtype=draw.choice(["F65", "", "PICKLE", None, 7, "U8"]))),
        lambda: ("overlap", safetensors({name: {**entry, "data_offsets": [0, 64]} for name, entry in named.items()}, data)),
        lambda: ("pickle", draw.choice(pickles)),
        lambda: ("a file of weights that is an archive, too", good + archive(draw.choice(pickles))),
        lambda: ("json bomb", safetensors(b"[" * draw.choice([10**3, 10**5, 10**6]))),
        lambda: ("garbled", draw.randbytes(draw.randrange(1, 4000))),
        lambda: ("no tensors", safetensors({})),
        lambda: ("names", safetensors({f"../../{name}": entry for name, entry in named.items()}, data)),
        lambda: ("not finite", good[: 8 + size] + draw.choice(numbers)),
    ]
    for number in range(count):
        yield makers[number % len(makers)]()
