"""`hone eval report`: two runs of given answers as a page, read and clicked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import tiny
from tests.browser import chromium

from honekit.cli.main import main

SUITE = """
name = "pumps"
data = "items.jsonl"
[[criteria]]
type = "regex"
name = "names its pump"
pattern = "pump"
"""
EVIL = "</pre><script>document.title='owned'</script>\u202e"


@pytest.fixture
def runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Twelve items; the first run passes the even ones, the second none but the first."""
    (tmp_path / "suite.toml").write_text(SUITE)
    ids = []
    for passes in (lambda n: n % 2 == 0, lambda n: n == 1):
        rows = [
            {
                "item": {"id": f"i{n}", "log": f"line {n} {EVIL}", "slices": ["dry" if n < 6 else "wet"]},
                "sample": {"output_text": f"the {'pump' if passes(n) else 'valve'} of {n} {EVIL}"},
            }
            for n in range(12)
        ]
        tiny.write_jsonl(tmp_path / "items.jsonl", rows)
        assert main(["eval", "run", str(tmp_path / "suite.toml"), "--json"]) == 0
        ids.append(json.loads(capsys.readouterr().out)["id"])
    return ids


def test_the_page_filters_by_outcome_and_slice_and_marks_what_differs(runs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert main(["eval", "report", *runs, "--out", str(out)]) == 0
    assert out.read_text().count("<script>") == 1
    assert "[U+202E]" in out.read_text() and "\u202e" not in out.read_text()
    assert '<span class="teaser">line 1 ' in out.read_text() and "pumps: answers of items.jsonl" in out.read_text()
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 800})
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.goto(out.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

        def shown() -> int:
            return int(page.locator("details.example:visible").count())

        assert shown() == 12
        page.select_option("select[aria-label=Outcome]", "won")
        assert shown() == 6
        page.select_option("select[aria-label=Slice]", "dry")
        assert shown() == 3
        assert page.locator(".tools output").inner_text() == "3 of 12 shown"
        page.select_option("select[aria-label=Outcome]", "lost")
        assert shown() == 1
        page.click("details.example:visible summary")
        assert page.locator("details.example:visible mark").all_inner_texts() == ["valve", "pump"]
        page.select_option("select[aria-label=Slice]", "")
        page.fill("input[type=search]", "nothing says this")
        assert shown() == 0
        page.click("table.sortable th:nth-child(2) button")
        assert page.locator("table.sortable tbody tr").first.locator("td").first.inner_text() == "dry"
        page.click("table.sortable th:nth-child(2) button")
        assert page.locator("table.sortable tbody tr").first.locator("td").first.inner_text() == "wet"
        assert faults == [] and page.title() != "owned"


def test_the_same_in_markdown_with_fences_that_no_answer_closes(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.md"
    assert main(["eval", "report", *runs, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    text = out.read_text()
    assert text.startswith(f"# {told['verdict']}\n") and "A won 6, lost 1, tied 5" in text
    assert "### Item 1, A lost" in text and text.count("```") % 2 == 0
    assert "[U+202E]" in text and "\u202e" not in text


def test_a_criterions_name_is_a_text_in_markdown_too(tmp_path: Path) -> None:
    (tmp_path / "suite.toml").write_text(SUITE.replace("names its pump", "<img src=x> *all*"))
    tiny.write_jsonl(tmp_path / "items.jsonl", [{"item": {"log": "x"}, "sample": {"output_text": "pump"}}])
    assert main(["eval", "run", str(tmp_path / "suite.toml")]) == 0
    assert main(["eval", "report", "last", "last", "--out", str(tmp_path / "report.md")]) == 0
    text = (tmp_path / "report.md").read_text()
    assert r"\<img src=x\> \*all\*" in text and "<img" not in text.replace(r"\<img", "")


def test_a_file_of_another_kind_is_refused(runs: list[str], tmp_path: Path) -> None:
    assert main(["eval", "report", *runs, "--out", str(tmp_path / "report.pdf")]) == 2


def test_criteria_of_one_name_that_measure_otherwise_are_told(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "suite.toml").write_text(SUITE.replace('"pump"', '"valve"'))
    assert main(["eval", "run", str(tmp_path / "suite.toml")]) == 0
    capsys.readouterr()
    for arguments in (["compare", runs[0], "last"], ["report", runs[0], "last", "--out", str(tmp_path / "report.html")]):
        assert main(["eval", *arguments]) == 0
        assert "“names its pump” is another criterion in A than in B (pattern)" in capsys.readouterr().out
    assert "is another criterion in A than in B" in (tmp_path / "report.html").read_text()
    assert main(["eval", "compare", *runs, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed_criteria"] == []
