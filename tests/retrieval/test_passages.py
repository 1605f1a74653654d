from __future__ import annotations

from pathlib import Path

import pytest

from honekit.errors import DataError, SettingsError
from honekit.project import Project, load_project
from honekit.retrieval import load_passages
from honekit.retrieval.passages import split_markdown

TOML = """
[project]
name = "p"
[task]
instructions = "system.txt"
primary_metric = "ref_accuracy"
[[task.fields]]
name = "ref"
type = "string"
from_retrieval = true
[data]
train = "a"
validation = "b"
test = "c"
"""


def project_with(root: Path, **documents: str) -> Project:
    names = [f"{name}.md" for name in documents]
    (root / "hone.toml").write_text(f"{TOML}\n[retrieval]\ndocuments = {names}\n")
    for name, text in documents.items():
        (root / f"{name}.md").write_text(text, encoding="utf-8")
    return load_project(root)


def test_numbered_sections_keep_their_number_and_lose_it_in_the_title(tmp_path: Path) -> None:
    text = "# Book\nIntro.\n\n# 1 First\n## 1.1 Code A-1\nOne.\nTwo.\n\n## 1.2. Is it on?\nYes.\n# 2 Next\nA chapter.\n"
    passages = load_passages(project_with(tmp_path, book=text))
    assert [(p.ref, p.title, p.text) for p in passages] == [
        ("1.1", "Code A-1", "Code A-1. One. Two."),
        ("1.2", "Is it on?", "Is it on? Yes."),
    ]


def test_sections_without_numbers_are_counted_by_document(tmp_path: Path) -> None:
    passages = load_passages(project_with(tmp_path, faq="## How?\nSo.\n## Why?\nThus.\n", more="## Who?\n"))
    assert [p.ref for p in passages] == ["faq#1", "faq#2", "more#1"]
    assert passages[2].text == "Who?"


def test_keywords_are_no_part_of_a_section_s_text(tmp_path: Path) -> None:
    text = "## Supply gone\nKeywords: brownout, BOR\nCall the fitter.\nKeywords: Netzausfall\n## Keywords: none\n"
    text += "```\nKeywords: code\n```\n"
    passages = load_passages(project_with(tmp_path, signs=text, other="## Else\nNot that.\n"))
    assert [p.text for p in passages] == [
        "Supply gone. Call the fitter.",
        "Keywords: none. ``` Keywords: code ```",
        "Else. Not that.",
    ]
    assert [p.keywords for p in passages] == ["brownout, BOR, Netzausfall", "", ""]
    assert [p.document for p in passages] == ["signs.md", "signs.md", "other.md"]


def test_headings_inside_code_blocks_are_text() -> None:
    (passage,) = split_markdown("## 1 Setup\n```\n# comment\n## not a heading\n```\nDone.\n", "doc")
    assert passage.text == "Setup. ``` # comment ## not a heading ``` Done."


def test_a_number_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_passages(project_with(tmp_path, one="## 1 A\n", two="## 1 B\n"))
    assert caught.value.code == "data.passage_duplicate"
    assert "one.md" in caught.value.what


def test_documents_without_sections_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_passages(project_with(tmp_path, empty="Just text.\n"))
    assert caught.value.code == "data.passages_missing"


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    project = project_with(tmp_path, gone="## 1 A\n")
    (tmp_path / "gone.md").unlink()
    with pytest.raises(SettingsError) as caught:
        load_passages(project)
    assert "gone.md" in str(caught.value.where)


def test_a_project_without_retrieval_has_no_passages(tmp_path: Path) -> None:
    (tmp_path / "hone.toml").write_text(TOML)
    assert load_passages(load_project(tmp_path)) == []
