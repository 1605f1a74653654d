from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from honekit.data import read_examples
from honekit.data.prompts import reference
from honekit.project import load_project
from honekit.retrieval import Index, Passage, load_passages
from honekit.retrieval.index import tokenize
from honekit.settings import examples_dir


def index_of(*texts: str) -> Index:
    return Index([Passage(str(n), text, text) for n, text in enumerate(texts)])


def refs(passages: list[Passage]) -> list[str]:
    return [passage.ref for passage in passages]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("GW-2107", ["gw2107", "gw", "2107"]),
        ("gw_2107:", ["gw2107", "gw", "2107"]),
        ("E5031", ["e5031", "5031"]),
        ("0x7C12", ["0x7c12"]),
        ("P 310", ["p", "310", "p310"]),
        ("Kühlraum-Süd", ["kühlraumsüd", "kühlraum", "süd"]),
        ("", []),
    ],
)
def test_codes_give_themselves_and_their_parts(text: str, tokens: list[str]) -> None:
    assert sorted(tokenize(text)) == sorted(tokens)


@pytest.mark.parametrize("query", ["P-310", "p310", "code P 310 on the display", "err=P_310;"])
def test_a_code_is_found_however_the_log_writes_it(query: str) -> None:
    index = index_of("Code P-301. Valve shut.", "Code P-310. Impeller blocked.", "Code P-130. Pump dry.")
    assert refs(index.search(query, 1)) == ["1"]


def test_equal_passages_come_in_their_order_and_unrelated_ones_not_at_all() -> None:
    index = index_of("pump stopped", "fan stopped", "pump stopped", "door open")
    assert refs(index.search("the pump", 3)) == ["0", "2"]
    assert index.search("nothing in common", 3) == []
    assert index.search("", 3) == []


def test_a_code_outweighs_the_words_around_it() -> None:
    index = index_of("Supply air too warm.", "Bus mute. Code N-88.", "Fan worn. Code H-17.")
    assert refs(index.search("N88 seg 2, supply air 2 K up", 2)) == ["1", "0"]
    assert refs(index.search("bus seg 2, supply air 2 K up", 2)) == ["0", "1"]


def test_so_many_of_each_document_best_first_whatever_the_others_score() -> None:
    texts = {"manual": ["pump dry", "pump stopped", "fan stopped"], "signs": ["pump of the fan", "door open"]}
    index = Index([Passage(f"{name}{n}", "", text, name) for name in texts for n, text in enumerate(texts[name])])
    assert refs(index.search("pump stopped", 3)) == ["manual1", "manual2", "manual0"]
    assert refs(index.search("pump stopped", {"manual": 2, "signs": 2})) == ["manual1", "manual2", "signs0"]
    assert refs(index.search("pump stopped", {"signs": 1, "manual": 1})) == ["manual1", "signs0"]
    assert refs(index.search("pump stopped", {"signs": 1})) == ["signs0"]


def test_a_section_is_found_by_its_keywords_and_shows_the_rarest_that_match() -> None:
    phrases = "no reply, brown-out, reset by BOR, BOR in rst, undervoltage, nobody in"
    others = [Passage(f"o{n}", f"Other {n}", f"Other {n}. No reply to it, so no one was there in time.") for n in range(40)]
    index = Index([Passage("a", "Supply dips", "Supply dips. Call the fitter.", keywords=phrases), *others])
    (found,) = index.search("BOR undervoltage brownout", 1)
    assert found.text == "Supply dips (brown-out, reset by BOR, BOR in rst). Call the fitter."
    (found,) = index.search("no reply in time after an undervoltage", 1)
    assert found.text == "Supply dips (undervoltage). Call the fitter."
    assert index.passages[0].text == "Supply dips. Call the fitter."
    assert index.search("supply", 1)[0].text == "Supply dips. Call the fitter."


def test_an_index_of_nothing_finds_nothing() -> None:
    assert Index([]).search("pump", 3) == []


def test_results_do_not_depend_on_the_process() -> None:
    code = (
        "from honekit.retrieval import *; p=[Passage(str(i),'',f'alpha word{i % 7} beta{i % 5} gamma') for i in range(60)];"
        "print([x.ref for x in Index(p).search('beta3 alpha word2 gamma', 20)])"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1
    assert len(answers.pop()) > 20


@pytest.mark.parametrize("split", ["train", "validation"])
def test_the_bundled_manual_is_searched_well_enough(split: str) -> None:
    project = load_project(examples_dir() / "iot-diagnostics")
    index = Index(load_passages(project))
    examples = read_examples(project, f"{split}.jsonl")
    wanted = [(reference(project, e.answer), refs(index.search(e.input, {"manual.md": 2}))) for e in examples]
    found = [ref in passages for ref, passages in wanted if ref is not None]
    assert len(found) >= 14
    assert all(found)


def test_jax_is_not_started_where_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("raise SystemExit('JAX was started')")
    program = """
from honekit.retrieval import Index, Passage
found = Index([Passage("1", "", "pump"), Passage("2", "", "valve")]).search("pump", 1)
assert [passage.ref for passage in found] == ["1"]
import jax
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, "JAX was started")
