"""Generation against a real HTTP endpoint: a small one here that answers what it is told to, and `hone serve` itself."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests import tiny
from tests.acceptance.test_fine_tuning_api import make_key, start

from honekit.cli.main import main
from honekit.data.chat import read_chat_file
from honekit.data.checks.run import check_file
from honekit.data.near.rule import near_duplicates, near_duplicates_within

WORDS = [a + b for a in "bcdfghklmnprstvz" for b in ("alon", "erit", "ivar", "opus", "udge", "ynth")]
SEEDS = [
    {
        "messages": [
            {"role": "system", "content": "Sort the request."},
            {"role": "user", "content": " ".join(random.Random(n).sample(WORDS, 8))},
            {"role": "assistant", "content": ["bug", "bill"][n % 2]},
        ]
    }
    for n in range(12)
]
Script = Callable[[int, dict[str, Any]], Any]
"""Number of the request and its body -> the text of the reply, or (status, body) as they are."""


def fresh(number: int, place: int = 0) -> dict[str, str]:
    return {"input": " ".join(random.Random(f"{number} {place}").sample(WORDS, 8)), "answer": ["bug", "bill"][number % 2]}


def reply(*examples: dict[str, Any]) -> str:
    return json.dumps({"examples": examples})


@contextmanager
def endpoint(script: Script) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    seen: list[dict[str, Any]] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                seen.append(body)
                number = len(seen) - 1
            made = script(number, body)
            status, answer = made if isinstance(made, tuple) else (200, completion(made))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError):  # the client may have been ended meanwhile, which a test does
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()


def completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "peer", "choices": [choice], "usage": usage}


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return tiny.write_jsonl(tmp_path / "seeds.jsonl", SEEDS)


def arguments(seeds: Path, url: str, *more: str, count: int = 6) -> list[str]:
    fixed = ["--endpoint", url, "--model", "gpt-4o-mini", "--count", str(count), "--out", str(seeds.with_name("new.jsonl"))]
    return ["data", "generate", "--seed", str(seeds), "--spec", "Requests.\ntone: calm | angry | brief", *fixed, "--json", *more]


def generate(capsys: pytest.CaptureFixture[str], seeds: Path, url: str, *more: str, count: int = 6) -> tuple[int, dict[str, Any]]:
    code = main(arguments(seeds, url, *more, count=count))
    return code, json.loads(capsys.readouterr().out)


def test_it_keeps_what_is_new_and_right_and_marks_it(seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def script(number: int, body: dict[str, Any]) -> str:
        shown = SEEDS[number % 12]["messages"][1]["content"]
        return reply(fresh(number), {"input": shown, "answer": "bug"}, {**fresh(number, 1), "answer": "nonsense"})

    with endpoint(script) as (url, _):
        code, document = generate(capsys, seeds, url)
    assert code == 0
    assert document["accepted"] == 6 and document["enough"]
    assert document["refused"]["near duplicate of a seed"] >= 6
    assert document["refused"]["answer misses the form"] >= 6
    assert document["input_tokens"] == 100 * document["requests"]
    assert document["cost_usd"] > 0 and "genai-prices" in document["price_from"]
    out = Path(document["out"])
    made = [example.messages for example in read_chat_file(out)]
    assert [messages[0].text for messages in made] == ["Sort the request."] * 6
    inputs = [messages[1].text for messages in made]
    assert near_duplicates_within(inputs) == []
    assert near_duplicates(inputs, [seed["messages"][1]["content"] for seed in SEEDS]) == []
    assert {finding.code for finding in check_file(out).errors} <= {"data.too_few"}
    marks = [json.loads(line) for line in Path(document["origin"]).read_text().splitlines()]
    for line, mark in zip(out.read_text().splitlines(), marks, strict=True):
        assert mark["sha256"] == hashlib.sha256(line.encode()).hexdigest()
        assert mark["synthetic"] is True and mark["model"] == "gpt-4o-mini"
        assert mark["attributes"]["tone"] in ("calm", "angry", "brief")


def test_requests_differ_in_what_they_show_and_ask_for(seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with endpoint(lambda number, body: reply(fresh(number))) as (url, seen):
        generate(capsys, seeds, url)
    prompts = [body["messages"][1]["content"] for body in seen]
    assert len(set(prompts)) == len(prompts)
    assert {tone for prompt in prompts for tone in ("calm", "angry", "brief") if f"- tone: {tone}" in prompt} == {
        "calm",
        "angry",
        "brief",
    }
    assert seen[0]["response_format"]["json_schema"]["schema"]["properties"]["examples"]["items"]["properties"]["answer"]["enum"]


def test_held_out_data_is_never_repeated(seeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held_out = {"messages": [{"role": "user", "content": fresh(0)["input"]}, {"role": "assistant", "content": "bug"}]}
    test = tiny.write_jsonl(tmp_path / "test.jsonl", [held_out])
    with endpoint(lambda number, body: reply(fresh(number))) as (url, _):
        _, document = generate(capsys, seeds, url, "--avoid", str(test))
    assert document["refused"] == {"near duplicate of held-out data": 1}
    assert fresh(0)["input"] not in Path(document["out"]).read_text()


def test_an_endpoint_without_structured_answers_is_asked_without(seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def script(number: int, body: dict[str, Any]) -> Any:
        if "response_format" in body:
            return 400, {"error": {"message": "response_format is not known here"}}
        return f"Sure!\n```json\n{reply(fresh(number))}\n```"

    with endpoint(script) as (url, _):
        code, document = generate(capsys, seeds, url)
    assert (code, document["accepted"]) == (0, 6)


def test_too_few_acceptable_ones_end_with_a_reason(seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with endpoint(lambda number, body: reply(fresh(0)) if number % 2 else "I cannot help with that.") as (url, seen):
        code = main([part for part in arguments(seeds, url) if part != "--json"])
    out = capsys.readouterr().out
    assert code == 1
    assert "Too few: the endpoint gave 1 acceptable examples of the 6 wanted in" in out
    assert "near duplicate of a generated one" in out
    assert "reply is not the JSON that was asked for" in out
    assert len(seen) < 60


def test_a_refusal_of_the_endpoint_keeps_what_there_is_and_the_next_run_goes_on(
    seeds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(number: int, body: dict[str, Any]) -> Any:
        return reply(fresh(number)) if number < 3 else (401, {"error": {"message": "the key has expired"}})

    with endpoint(script) as (url, _):
        assert main(arguments(seeds, url, "--concurrency", "1")) == 1
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == "generate.refused" and "the key has expired" in error["what"]
        first = seeds.with_name("new.jsonl").read_text().splitlines()
        assert len(first) == 3
    with endpoint(lambda number, body: reply(fresh(number))) as (url, _):
        code, document = generate(capsys, seeds, url, "--concurrency", "1")
    assert code == 0
    assert document["refused"] == {"near duplicate of a generated one": 3}
    assert Path(document["out"]).read_text().splitlines()[:3] == first
    assert document["requests"] == 9


def test_a_flaky_endpoint_is_asked_again(seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def script(number: int, body: dict[str, Any]) -> Any:
        return (503, {"error": {"message": "busy"}}) if number == 1 else reply(fresh(number))

    with endpoint(script) as (url, _):
        code, document = generate(capsys, seeds, url, "--concurrency", "2")
    assert (code, document["accepted"]) == (0, 6)


def test_ctrl_c_keeps_what_is_accepted(seeds: Path) -> None:
    def script(number: int, body: dict[str, Any]) -> str:
        time.sleep(0 if number < 2 else 30)
        return reply(fresh(number))

    with endpoint(script) as (url, seen):
        command = [sys.executable, "-m", "honekit.cli.main", *arguments(seeds, url, "--concurrency", "1")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy())
        deadline = time.monotonic() + 60
        while len(seen) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "2 examples are kept" in err
    assert len(seeds.with_name("new.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host/v1"])
def test_what_is_no_address_is_wrong_usage(url: str, seeds: Path) -> None:
    assert main(arguments(seeds, url)) == 2


def test_nobody_there_is_said_with_the_address(seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with endpoint(lambda number, body: "") as (url, _):
        pass
    assert main(arguments(seeds, url, "--concurrency", "1")) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["where"]) == ("generate.unreachable", url)


def test_multi_turn_seeds_alone_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    turns = [{"role": role, "content": "x"} for role in ("user", "assistant", "user", "assistant")]
    seeds = tiny.write_jsonl(tmp_path / "seeds.jsonl", [{"messages": turns}])
    assert main(arguments(seeds, "http://127.0.0.1:9/v1")) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "data.generate_no_seeds"


@pytest.mark.slow
def test_against_hone_s_own_server(
    seeds: Path, tmp_path: Path, tiny_base_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "serving" / "home"
    home.mkdir(parents=True)
    server = start(home, tiny_base_dir)
    try:
        monkeypatch.setenv("HONE_API_KEY", make_key(home))
        more = ["--key-env", "HONE_API_KEY", "--model", "tiny", "--per-request", "1", "--max-tokens", "160"]
        code, document = generate(capsys, seeds, f"{server.url}/v1", *more, count=2)
    finally:
        server.stop()
    # The weights are random, so its inputs are noise; but the server holds it to the schema, and the rest is as ever.
    assert code == (0 if document["accepted"] >= 2 else 1)
    assert document["output_tokens"] > 0
    assert document["cost_usd"] is None and document["price_from"].startswith("there is no list price of tiny")
    assert document["requests"] >= document["accepted"] + sum(document["refused"].values()) > 0
    for line in Path(document["out"]).read_text().splitlines():
        assert json.loads(line)["messages"][-1]["content"] in ("bug", "bill")
