"""The page in a real browser, with a real `hone data label` behind it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests import tiny
from tests.browser import chromium

from honekit.data.chat import check_chat_file, read_chat_file


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@contextmanager
def labelling(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "honekit.cli.main", "data", "label", *map(str, arguments), "--json", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy())
    assert process.stdout
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def visit(browser: Any, url: str) -> Any:
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.faults = []
    page.on("pageerror", lambda fault: page.faults.append(str(fault)))
    page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    return page


def says(page: Any, text: str) -> None:
    page.wait_for_function("text => document.getElementById('status').textContent.includes(text)", arg=text)


def at(page: Any, place: str) -> None:
    page.wait_for_function("text => document.getElementById('place').textContent.startsWith(text)", arg=place)


def chat(user: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]}


def test_a_file_is_reviewed_relabelled_and_edited_by_keys_alone(browser: Any, tmp_path: Path) -> None:
    records = [chat(f"request {n} <b>bold</b>", ["bug", "bill"][n % 2]) for n in range(12)]
    source = tiny.write_jsonl(tmp_path / "train.jsonl", records)
    before = source.read_bytes()
    with labelling(source) as (process, info):
        page = visit(browser, info["url"])
        assert page.locator(".message pre").first.text_content() == "request 0 <b>bold</b>"
        page.keyboard.press("a")
        at(page, "2 of 12")
        page.keyboard.press("1")  # line 2 was `bill`; the first of the labels is `bug`
        page.wait_for_function("() => document.querySelector('[aria-checked=true]').textContent === '1bug'")
        page.keyboard.press("a")
        at(page, "3 of 12")
        page.keyboard.press("r")
        at(page, "4 of 12")
        page.keyboard.press("e")
        page.keyboard.press("Control+A")
        page.keyboard.type("a request, written anew")
        page.keyboard.press("Escape")
        page.keyboard.press("a")
        at(page, "5 of 12")
        page.select_option("#filter", "undecided")
        at(page, "1 of 8, line 5")
        page.keyboard.press("?")
        assert page.locator("#keys").is_visible()
        page.keyboard.press("Escape")
        page.click("#finish")
        page.click("#only-accepted")
        page.click("#write")
        page.wait_for_selector("body[data-finished]")
        assert process.wait(10) == 0
        assert page.faults == []
        page.close()
    written = [[m.text for m in e.messages] for e in read_chat_file(Path(info["out"]))]
    assert written == [["request 0 <b>bold</b>", "bug"], ["request 1 <b>bold</b>", "bug"], ["a request, written anew", "bill"]]
    assert source.read_bytes() == before


def test_a_fast_hand_s_keys_mean_the_example_that_comes_up(browser: Any, tmp_path: Path) -> None:
    source = tiny.write_jsonl(tmp_path / "train.jsonl", [chat(f"request {n}", ["bug", "bill"][n % 2]) for n in range(12)])
    with labelling(source) as (process, info):
        page = visit(browser, info["url"])
        page.evaluate(
            "for (const key of 'a1aa2ar') document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))"
        )
        at(page, "6 of 12")
        page.click("#finish")
        page.click("#only-accepted")
        page.click("#write")
        assert process.wait(10) == 0
        page.close()
    answers = [example.messages[-1].text for example in read_chat_file(Path(info["out"]))]
    assert answers == ["bug", "bug", "bug", "bill"]


def test_a_kill_loses_no_decision_and_the_same_command_goes_on(browser: Any, tmp_path: Path) -> None:
    source = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(6))
    with labelling(source) as (process, info):
        page = visit(browser, info["url"])
        page.keyboard.press("a")
        at(page, "2 of 6")
        page.keyboard.press("r")
        at(page, "3 of 6")
        process.send_signal(signal.SIGKILL)
        process.wait()
        page.keyboard.press("a")
        says(page, "nothing more is saved")
        page.close()
    with labelling(source) as (_, info):
        assert (info["accepted"], info["rejected"], info["undecided"]) == (1, 1, 4)
        page = visit(browser, info["url"])
        at(page, "3 of 6")
        page.close()


def test_raw_log_lines_get_answers_through_the_schema_s_form(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "gw.log").write_text("gw-1 lost its uplink\ngw-2 lost its uplink\nbattery of sensor seven is low\n")
    schema = {
        "type": "object",
        "properties": {
            "category": {"enum": ["Power", "Network"]},
            "level": {"type": "integer"},
            "actions": {"type": "array", "items": {"enum": ["check", "wait"]}, "minItems": 1},
            "cause": {"type": "string", "minLength": 1},
        },
        "required": ["category", "level", "actions", "cause"],
        "additionalProperties": False,
    }
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    with labelling("--from-log", tmp_path / "gw.log", "--schema", tmp_path / "schema.json") as (process, info):
        assert info["examples"] == 2
        page = visit(browser, info["url"])
        page.keyboard.press("2")
        says(page, "saved")
        page.keyboard.press("a")
        page.wait_for_selector("#problems li")
        assert "'level' is a required property" in page.locator("#problems").inner_text()
        page.fill("#field-1", "3")
        page.keyboard.press("Escape")
        page.keyboard.press("f")
        page.keyboard.press("1")
        page.fill("#field-3", "antenna <loose>")
        page.keyboard.press("Escape")
        page.keyboard.press("a")
        at(page, "2 of 2")
        page.click("#finish")
        page.click("#write")
        assert process.wait(10) == 0
        page.close()
    (example,) = read_chat_file(Path(info["out"]))
    answer = {"category": "Network", "level": 3, "actions": ["check"], "cause": "antenna <loose>"}
    assert example.messages[-1].text == json.dumps(answer, separators=(",", ":"))


LATE = """() => { window.prompt_fetch = window.fetch; window.fetch = async (...given) => {
  const answer = await prompt_fetch(...given);
  await new Promise((arrive) => { window.arrive = arrive; });
  return answer;
}; }"""


def test_what_is_typed_while_something_is_saved_stays(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "gw.log").write_text("gw-1 lost its uplink\nbattery of sensor seven is low\n")
    properties = {"category": {"enum": ["Power", "Network"]}, "cause": {"type": "string", "minLength": 1}}
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    with labelling("--from-log", tmp_path / "gw.log", "--schema", tmp_path / "schema.json") as (process, info):
        page = visit(browser, info["url"])
        page.evaluate(LATE)

        def arrives() -> None:
            page.wait_for_function("() => window.arrive")
            page.evaluate("() => { const arrive = window.arrive; window.arrive = null; arrive(); }")

        page.keyboard.press("2")
        page.wait_for_function("() => window.arrive")
        page.focus("#field-1")
        arrives()
        says(page, "saved")
        page.keyboard.type("antenna")
        page.keyboard.press("Escape")
        arrives()
        page.keyboard.press("a")
        page.wait_for_function("() => window.arrive")
        page.fill("#field-1", "antenna <loose>")
        for _ in ("the decision", "the next example", "the text"):
            arrives()
        says(page, "saved")
        at(page, "2 of 2")
        page.evaluate("() => { window.fetch = prompt_fetch; }")
        page.click("#finish")
        page.click("#only-accepted")
        page.click("#write")
        assert process.wait(10) == 0
        assert page.faults == []
        page.close()
    (example,) = read_chat_file(Path(info["out"]))
    assert json.loads(example.messages[-1].text) == {"category": "Network", "cause": "antenna <loose>"}


def test_examples_are_written_from_nothing(browser: Any, tmp_path: Path) -> None:
    with labelling("--new", "--out", tmp_path / "mine.jsonl") as (process, info):
        page = visit(browser, info["url"])
        for number in range(2):
            page.keyboard.press("n")
            page.fill("#input", f"Question {number}?")
            page.click("#add")
            at(page, f"{number + 1} of {number + 1}")
            page.fill("#field-0", f"Answer {number}.")
            page.keyboard.press("Escape")
            page.keyboard.press("a")
            says(page, "accepted")
        page.click("#finish")
        page.click("#write")
        assert process.wait(10) == 0
        page.close()
    assert [[m.text for m in e.messages] for e in read_chat_file(tmp_path / "mine.jsonl")] == [
        ["Question 0?", "Answer 0."],
        ["Question 1?", "Answer 1."],
    ]


def test_a_suspect_s_suggestion_is_taken_and_its_findings_stand_beside_it(browser: Any, tmp_path: Path) -> None:
    records = [chat(f"request {n} of many", ["bug", "bill"][n % 2]) for n in range(10)]
    records[6] = records[5]
    source = tiny.write_jsonl(tmp_path / "train.jsonl", records)
    assert check_chat_file(source).warnings[0].line == 7
    review = tmp_path / "suspects.jsonl"
    review.write_text('{"line": 7, "given": "bill", "suggested": "bug", "score": 0.93}\n')
    with labelling(source, "--review", review) as (process, info):
        page = visit(browser, info["url"])
        assert "Given: bill. Suggested: bug (score 0.93)." in page.locator("#suggestion").inner_text()
        assert "the same conversation as on line 6" in page.locator("#findings").inner_text()
        page.keyboard.press("t")
        page.wait_for_selector("#edited:visible")
        assert page.locator("[aria-checked=true]").text_content() == "2bug"  # the rarer of the two
        page.keyboard.press("z")
        page.wait_for_function("() => document.querySelector('[aria-checked=true]').textContent.endsWith('bill')")
        page.keyboard.press("t")
        page.wait_for_function("() => document.querySelector('[aria-checked=true]').textContent.endsWith('bug')")
        page.keyboard.press("a")
        says(page, "accepted")
        page.click("#finish")
        page.click("#write")
        assert process.wait(10) == 0
        page.close()
    answers = [example.messages[-1].text for example in read_chat_file(Path(info["out"]))]
    given = [record["messages"][-1]["content"] for record in records]
    assert answers == [*given[:6], "bug", *given[7:]]


def test_every_control_has_a_name_and_colours_have_contrast_in_both_schemes(browser: Any, tmp_path: Path) -> None:
    source = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(12))
    with labelling(source) as (_, info):
        for scheme in ("light", "dark"):
            page = browser.new_context(color_scheme=scheme, viewport={"width": 420, "height": 800}).new_page()
            page.goto(info["url"])
            page.wait_for_selector("body[data-ready]")
            assert page.evaluate(UNNAMED) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= 420
            assert page.evaluate(FAINT) == []
            page.close()


UNNAMED = """[...document.querySelectorAll('button, select, input, textarea')]
  .filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || (e.labels && e.labels.length))).map(e => e.outerHTML)"""
FAINT = """(() => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const parts = s => s.match(/[\\d.]+/g).map(Number);
  const light = s => { const [r, g, b] = parts(s).map(channel); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if ((parts(c)[3] ?? 1) > 0) return c; } return getComputedStyle(document.body).backgroundColor; };
  return [...document.querySelectorAll('body *')].filter(e => e.offsetParent && !e.disabled && e.tagName !== 'KBD' &&
    [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).filter(e => {
      const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5; }).map(e => e.outerHTML); })()"""
