from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import tiny
from tests.browser import chromium

from honekit.cli.main import main
from honekit.data.clusters import cluster_map
from honekit.data.report.collect import SAMPLE, bin_of, bin_start, collect
from honekit.data.report.render import data_report

EVIL = "</title></pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"\u202egnp.exe\u2066"
TOPICS = {
    "billing": ["invoice", "refund", "payment", "price", "voucher", "card"],
    "delivery": ["parcel", "courier", "tracking", "late", "depot", "address"],
    "login": ["password", "account", "code", "locked", "reset", "mail"],
}


def record(number: int, label: str) -> dict[str, Any]:
    words = TOPICS[label]
    text = " ".join(words[(number + step * (1 + number % 5)) % len(words)] for step in range(4))
    return {"messages": [{"role": "user", "content": f"{text} case"}, {"role": "assistant", "content": label}]}


def records(count: int) -> list[dict[str, Any]]:
    return [record(n, list(TOPICS)[n % 3]) for n in range(count)]


def test_nothing_of_the_data_becomes_markup(tmp_path: Path) -> None:
    made = records(30)
    for place in (3, 4):
        made[place] = {"messages": [{"role": "user", "content": EVIL}, {"role": "assistant", "content": EVIL}]}
    for place in range(10, 18):
        made[place]["messages"][-1]["content"] = EVIL  # often enough to become a label
    made[20]["<b>key"] = 1
    file = tiny.write_jsonl(tmp_path / "<i>train.jsonl", made)
    html, _ = data_report(file, test=file)
    assert html.count("<script>") == 1
    assert "<img" not in html and "<b>key" not in html and "<i>" not in html
    assert "&lt;script&gt;document.title=" in html
    assert "[U+202E]gnp.exe[U+2066]" in html and "\u202e" not in html and "\u2066" not in html


def test_every_finding_is_told_by_code_and_by_example(tmp_path: Path) -> None:
    made = records(20)
    made[2]["messages"][-1]["content"] = ""
    made[5] = made[4]
    made[7]["mesages"] = []
    file = tiny.write_jsonl(tmp_path / "train.jsonl", made)
    html, figures = data_report(file)
    for code in ("data.assistant.empty", "data.duplicate", "data.key_unknown"):
        assert len(re.findall(rf"<th scope=.row.>{code}</th>", html)) == 1
    assert figures["errors"] >= 1
    lines = set(re.findall(r"<summary><span class=\"soft\">line (\d+)", html))
    assert {"3", "6", "8"} <= lines
    marked = re.search(r'class="message marked error"><h3>assistant <code>(.*?)</code>', html)
    assert marked and marked[1] == "messages[1].content"


def test_the_same_file_gives_the_same_report(tmp_path: Path) -> None:
    file = tiny.write_jsonl(tmp_path / "train.jsonl", records(60))
    assert data_report(file)[0] == data_report(file)[0]


def test_a_large_file_is_sampled_and_says_so(tmp_path: Path) -> None:
    file = tiny.write_jsonl(tmp_path / "train.jsonl", records(SAMPLE + 500))
    found = collect(file)
    assert (found.examples, len(found.sample)) == (SAMPLE + 500, SAMPLE)
    assert sum(found.answer_lengths.values()) == SAMPLE + 500
    html, figures = data_report(file)
    assert figures["sampled"]
    assert "more than 3,000 examples" in html


@pytest.mark.parametrize("content", ["", "\n", "nonsense\n", '{"messages": []}\n', '{"messages": [{"role": "user"}]}\n'])
def test_a_file_without_a_usable_example_still_gets_its_report(content: str, tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text(content)
    html, figures = data_report(file)
    assert "Not usable yet" in html
    assert figures["errors"] > 0


@given(st.integers(0, 10_000_000))
def test_a_length_lies_between_the_starts_of_its_bin_and_the_next(length: int) -> None:
    assert bin_start(bin_of(length)) <= length < max(bin_start(bin_of(length) + 1), 1)


def test_the_map_puts_texts_of_one_topic_into_one_cluster() -> None:
    texts = [made["messages"][0]["content"] for made in records(90)]
    found = cluster_map(texts)
    assert found is not None
    of_topic = [{found.clusters[n] for n in range(90) if n % 3 == topic} for topic in range(3)]
    assert all(not (a & b) for i, a in enumerate(of_topic) for b in of_topic[:i])
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in found.points)
    assert any("parcel" in name or "courier" in name or "tracking" in name or "depot" in name for name in found.names)


@pytest.mark.parametrize("texts", [[], ["a b"] * 5, ["?!"] * 40, ["the same words"] * 40, [str(n) for n in range(40)]])
def test_texts_without_anything_to_see_give_no_map_or_one_that_stands(texts: list[str]) -> None:
    found = cluster_map(texts)
    assert found is None or len(found.points) == len(texts)


def test_the_command_writes_the_file_and_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tiny.write_jsonl(tmp_path / "train.jsonl", records(20))
    assert main(["data", "report", str(file), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["records"] == 20
    assert Path(document["out"]).read_text().startswith("<!doctype html>")
    assert main(["data", "report", str(file), "--out", str(file)]) == 2


def test_in_a_browser_it_filters_recolours_and_runs_nothing_of_the_data(tmp_path: Path) -> None:
    made = records(40)
    made[2]["messages"][-1]["content"] = ""
    made[5] = made[4]
    made[6]["messages"][0]["content"] = EVIL
    file = tiny.write_jsonl(tmp_path / "train.jsonl", made)
    (tmp_path / "report.html").write_text(data_report(file)[0])
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 420, "height": 800})
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda message: faults.append(message.text))
        page.goto((tmp_path / "report.html").as_uri())
        assert page.title() == "Data: train.jsonl"
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        everything = page.locator("details.example:visible").count()
        page.select_option("select[aria-label=Code]", "data.assistant.empty")
        assert 0 < page.locator("details.example:visible").count() < everything
        page.select_option("select[aria-label='Colour the map by']", "l")
        assert page.locator(".map").first.get_attribute("data-by") == "l"
        assert page.locator(".map-legend[data-of=l]").is_visible()
        assert faults == []
        assert page.title() == "Data: train.jsonl"


def test_a_small_held_out_file_has_no_error_for_being_small(tmp_path: Path) -> None:
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    train.write_text("".join(json.dumps(one) + "\n" for one in records(30)))
    test.write_text(
        json.dumps({"messages": [{"role": "user", "content": "where is it"}, {"role": "assistant", "content": "login"}]})
    )
    html, _ = data_report(train, test=test)
    row = re.search(r'<tr><th scope="row">test</th>.*?</tr>', html, re.DOTALL)
    assert row
    assert re.findall(r">\s*(\d+)\s*</td>", row[0])[-2:] == ["0", "0"]
