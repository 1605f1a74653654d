"""The report of runs whose answers are drawn at random, but graded, counted and judged by the real code."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.browser import chromium

import honekit
from honekit.data import Example
from honekit.data.prepare import prepare
from honekit.data.prompts import serialise_answer
from honekit.evals.arms import Prompting
from honekit.evals.correction import holm
from honekit.evals.report import render_report
from honekit.evals.run import Evaluator, Subject
from honekit.graders import grade, grade_values
from honekit.models.floor import Shape
from honekit.models.precision import Measured
from honekit.pipeline.parity import Certificate
from honekit.pipeline.run import _document, _write
from honekit.project import Project, load_project
from honekit.registry.versions import Version
from honekit.stages import Reading, Stage, Stages

EXAMPLES = Path(__file__).parents[2] / "examples"
QUALITY = {"base": 0.05, "base_few_shot": 0.35, "base_few_shot_rag": 0.4, "tuned": 0.8, "tuned_rag": 0.88}
VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
Run = tuple[Project, dict[str, Any], list[dict[str, Any]], Path]


def project_copy(tmp_path: Path, name: str = "iot-diagnostics") -> Project:
    root = shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns(".hone", "parts"))
    project = load_project(root)
    return project.model_copy(update={"evaluate": project.evaluate.model_copy(update={"bootstrap_resamples": 200})})


def made_run(
    project: Project,
    *,
    quality: dict[str, float] = QUALITY,
    share: float = 0.5,
    classical: bool = True,
    parity: tuple[int, int] = (20, 20),
    change: Callable[[list[Example]], list[Example]] = lambda examples: examples,
) -> Run:
    """A whole run's project, document, items and report file; only the answers themselves are invented."""
    source = random.Random(7)
    prepared = prepare(project, use_more=False)
    prepared = replace(prepared, test=change(prepared.test))
    measured = Measured(98.0, 41.0, 14.0, 2)
    stages = Stages(lambda: measured)
    evaluator = Evaluator(
        project,
        train=prepared.train,
        validation=prepared.validation,
        test=prepared.test,
        share=share,
        load=None,  # type: ignore[arg-type]  # no model answers here
        index=None,
        shape=Shape(106_000_000, 28_000_000),
        stages=stages,
    )
    result = evaluator.result
    if classical:
        evaluator._classical()
    for arm, right in quality.items():
        texts = [answer(project, example, right, source) for example in evaluator.test]
        result.answers[arm] = texts
        result.graded[arm] = [grade(project, example, text) for example, text in zip(evaluator.test, texts, strict=True)]
        prompting = Prompting(project.system_prompt, project.task.instructions, arm.endswith("_rag"))
        few = {"demonstrations": ["tr-001", "tr-017"]} if "few_shot" in arm else {}
        result.arms[arm] = {
            "latency_ms_p50": 9000 * (1.1 - right),
            "latency_sample": 4,
            "tokens_per_request": 900.0 if "few_shot" in arm else 240.5,
            "answer_tokens_per_request": 40.5,
            "cut_at_the_cap": 3,
            "fingerprint": "f" * 16,
            "prompt_fingerprint": "a1b2c3d4e5f60718",
            "prompting": prompting.as_dict() | few,
        }
        if not arm.startswith("tuned"):
            scores = {project.task.primary_metric: right, "schema_validity": 0.5}
            tried = {**prompting.as_dict(), **few}
            result.choices[arm] = {
                "chosen": tried,
                "tried": [{**tried, "scores": scores}, {**tried, "prompt": "prompts/full.txt", "scores": scores}],
            }
        readings = [Reading(97.6, 14.2), Reading(181.2, 19.9)]
        stages.stages.append(Stage(arm, 41.5, 30.25, "batches of 64", readings))
    tuned = [arm for arm in quality if arm.startswith("tuned")]
    result.choices["tuned"] = {
        "chosen": tuned[-1],
        "validation": {arm: {project.task.primary_metric: quality[arm]} for arm in tuned},
    }
    evaluator._conclude(Subject("version", Path("adapter"), "b" * 64, "c" * 64, 777.0), "b" * 64, "d" * 64)
    version = Version(
        f"{project.project.name}-v3", "default", project.project.name, "job", "smollm2-135m", "b", Path("m"), "c", {}, 0.0
    )
    assert result.verdict is not None
    holds = parity[0] == parity[1]
    certificate = Certificate(*reversed(parity), [] if holds else [{"id": "va-1", "served": "<i>x</i>", "evaluated": "y"}])
    alias = f"{project.project.name}@production" if result.verdict.verdict == "ship" and holds else None
    document = _document(
        project, prepared, result, evaluator, version, training(), certificate, alias, stages, 900.0, measured, share, "hone demo"
    )
    document = json.loads(json.dumps(document))
    report = _write(project, document, result)
    return project, document, json.loads((report.parent / "items.json").read_text(encoding="utf-8")), report


def answer(project: Project, example: Example, right: float, source: random.Random) -> str:
    """The expected answer with each field right by chance; weak arms often write no schema at all."""
    if source.random() > right + 0.5:
        return source.choice(["I am a helpful assistant. The device is fine.", "", '{"category": "Power"}'])
    values = dict(example.answer)
    for field in project.task.fields:
        if source.random() > right:
            wrong = source.choice(field.values) if field.values else "no idea"
            values[field.name] = [wrong] if field.type == "list" else wrong
    return serialise_answer(project, values, True)


def training(epochs: int = 5, steps: int = 13) -> dict[str, Any]:
    """What a training job returns, with a loss that falls and a validation loss that rises again."""
    source = random.Random(3)
    history: list[dict[str, Any]] = []
    for step in range(1, epochs * steps + 1):
        loss = 2.1 * 0.93**step + 0.18 + 0.06 * source.random()
        history.append({"step": step, "total_steps": epochs * steps, "epoch": (step - 1) // steps + 1, "train_loss": loss})
    for epoch, loss in zip(range(1, epochs + 1), [0.71, 0.44, 0.372, 0.38, 0.41], strict=False):
        history[epoch * steps - 1] |= {"valid_loss": loss, "valid_accuracy": 0.9}
    return {
        "base": "smollm2-135m",
        "train_seconds": 777.0,
        "tokens_per_s": 181.4,
        "steps": epochs * steps,
        "epochs": epochs,
        "best_step": 3 * steps,
        "held_out_loss": 0.372,
        "base_held_out_loss": 2.314,
        "worse_than_base": False,
        "history": history,
        "environment": {"precision": "fp32", "threads": 2, "device": "cpu", "gflops": 98.0, "torch_version": "2.13.0"},
    }


class Page(HTMLParser):
    """Checks that tags nest, and collects what a test asks for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            if self.tags[-1] == "wbr" and self.words:
                self.words[-1] += data
            else:
                self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run(project_copy(tmp_path_factory.mktemp("shipped")))


def test_a_run_of_all_six_arms_makes_a_page_that_nests_and_holds_its_figures(shipped: Run) -> None:
    _, document, _, report = shipped
    page = Page(report.read_text(encoding="utf-8"))
    text = page.text
    assert document["verdict"] == "ship"
    assert text.index("✓ Ship") < text.index("Call the model") < text.index("Arms and metrics")
    sections = ["arms", "differences", "training", "confusion", "examples", "slices", "data", "choices", "cost", "time", "origin"]
    assert [value for name, value in page.attributes if name == "id"] == sections
    for arm, values in document["arms"].items():
        for metric in document["metrics"]:
            if values.get(metric) is not None:
                lo, hi = values["intervals"][metric]
                assert f"{values[metric]:.3f}" in text, (arm, metric)
                assert f"{lo:.3f} to {hi:.3f}" in text, (arm, metric)
    for reason in document["reasons"]:
        assert reason in text
    assert "127 of 254 test examples" in text
    assert "read once" in text
    assert "20 of 20 validation answers" in text
    assert "built-in method" not in text
    assert "iot-diagnostics@production" in text
    assert "4-bit file" in text
    assert "share of an answer's fields that are exactly right" in text and "every field right" not in text
    assert document["test"]["sha256"] in text
    assert f"after {document['cost']['break_even']['tuned']['requests']:,}" in text
    assert "98 → 181" in text and "14 → 20" in text  # speeds beside a stage


def test_every_heading_of_a_table_says_what_it_heads(shipped: Run) -> None:
    package = Path(honekit.__file__).parent
    files = [shipped[3], *(package / "evals/templates").glob("*.html"), *(package / "data/report/templates").glob("*.html")]
    headings = [one for file in files for one in re.findall(r"<th[\s>{][^>]*", file.read_text(encoding="utf-8"))]
    assert len(headings) > 200
    assert [one for one in headings if not re.match(r'<th scope="(col|row|colgroup)"', one)] == []


def test_the_page_asks_for_nothing_from_anywhere(shipped: Run) -> None:
    html = shipped[3].read_text(encoding="utf-8")
    page = Page(html)
    assert not {"link", "img", "iframe", "object", "embed", "base", "video", "audio", "form"} & set(page.tags)
    loading = {"src", "srcset", "data", "action", "xlink:href", "background", "poster", "ping"}
    assert not [name for name, _ in page.attributes if name in loading or name.startswith("on")]
    assert all((value or "").startswith("#") for name, value in page.attributes if name == "href")
    assert "@import" not in html
    assert "url(" not in html
    assert set(re.findall(r"https?://[^/\"&' ]+", html)) == {"http://127.0.0.1:8000"}
    assert "default-src 'none'" in html


def test_a_browser_shows_every_column_and_filters_the_examples(shipped: Run) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        faults: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(shipped[3].as_uri())
        cut = page.locator(".scroll:visible").evaluate_all(
            "found => found.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
        )
        assert cut == []
        shown = page.locator("details.example:visible")
        before = shown.count()
        page.select_option("select[aria-label=Slice]", "unseen_codes")
        assert 0 < shown.count() < before
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert (faults, asked) == ([], [shipped[3].as_uri()])


def test_texts_of_data_and_models_stay_texts(tmp_path: Path) -> None:
    attack = "</pre></details><script>alert(1)</script><img src=x onerror=alert(2)>"

    def poison(examples: list[Example]) -> list[Example]:
        return [
            replace(e, id=f"{e.id}'\"><b>", input=attack + e.input, slices=(*e.slices, "<svg/onload=alert(3)>")) for e in examples
        ]

    *_, report = made_run(project_copy(tmp_path), classical=False, change=poison, parity=(19, 20))
    html = report.read_text(encoding="utf-8")
    page = Page(html)
    assert "<script>alert" not in html
    assert html.count("<script>") == 1
    assert "img" not in page.tags
    assert "&lt;script&gt;alert(1)" in html
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_confusion_examples_and_slices_come_with_their_counts(shipped: Run) -> None:
    project, document, items, report = shipped
    html = report.read_text(encoding="utf-8")
    text = Page(html).text
    for arm in ("base_few_shot", "classical", "tuned", "tuned_rag"):
        for row in document["arms"][arm]["confusion"]["category"]["matrix"]:
            assert " ".join(map(str, row)) in text, arm
    assert "no answer" in text
    chosen = document["chosen_arm"]
    rival = max(
        ("base", "base_few_shot", "base_few_shot_rag"), key=lambda arm: document["arms"][arm][project.task.primary_metric]
    )
    won = sum(item["right"][chosen]["category"] and not item["right"][rival]["category"] for item in items)
    lost = sum(item["right"][rival]["category"] and not item["right"][chosen]["category"] for item in items)
    assert f"{chosen} is right, {rival} is wrong {won} of {len(items)}" in text
    assert f"{chosen} is wrong, {rival} is right {lost} of {len(items)}" in text
    assert html.count('<details class="example"') <= 36
    sizes = {name: sum(name in item["slices"] for item in items) for name in project.data.slices}
    for name, size in sizes.items():
        assert f"{name} {size} examples" in text


def test_a_text_task_without_retrieval_and_without_a_decision_reads_well_too(tmp_path: Path) -> None:
    quality = {"base": 0.5, "base_few_shot": 0.77, "tuned": 0.8}
    *_, document, _, report = made_run(project_copy(tmp_path, "support-routing"), quality=quality, share=1.0)
    text = Page(report.read_text(encoding="utf-8")).text
    assert document["verdict"] == "not enough evidence"
    assert "? Not enough evidence" in text
    assert "json_validity" not in text
    assert "Evaluated on all 80 test examples" in text
    assert "can be called as version support-routing-v3" in text
    needed = next(check for check in document["tests"]["checks"] if check["arm"] == "base_few_shot")["examples_needed"]
    assert needed is not None
    assert f"about {needed:,}" in text


def test_a_model_worse_than_the_base_is_told_in_plain_words(tmp_path: Path) -> None:
    quality = {"base": 0.9, "base_few_shot": 0.95, "tuned": 0.3}
    _, document, _, report = made_run(project_copy(tmp_path, "support-routing"), quality=quality, share=1.0, classical=False)
    text = Page(report.read_text(encoding="utf-8")).text
    assert document["verdict"] == "don't ship"
    assert "✕ Don't ship" in text
    assert "Nothing was promoted" in text
    assert "classical baseline" not in text


def test_a_passed_gate_with_other_answers_through_the_served_path_names_them(tmp_path: Path) -> None:
    *_, report = made_run(project_copy(tmp_path), classical=False, parity=(18, 20))
    text = Page(report.read_text(encoding="utf-8")).text
    assert "18 of 20 validation answers" in text
    assert "Nothing was promoted" in text
    assert "<i>x</i>" in text


def test_values_that_were_not_measured_are_dashes(shipped: Run) -> None:
    project, document, items, _ = shipped
    document = json.loads(json.dumps(document))
    for values in document["arms"].values():
        values["latency_ms_p50"] = None
        values |= {"slices": {}, "slice_intervals": {}, "confusion": {}}
    document["train"] |= {"held_out_loss": None, "base_held_out_loss": None, "best_step": 0, "history": []}
    document["floor"] = {"seconds": 0, "ratio": None, "reading_seconds": 0.0}
    document["tests"] |= {"by_slice": {}, "mcnemar": {}, "differences": {}, "checks": []}
    document["cost"] |= {"alternative": None, "arms": {}, "break_even": {"tuned": {"requests": None, "reason": "no reason"}}}
    document["test"]["sha256"] = None
    html = render_report(project, document, [{**item, "slices": []} for item in items])
    text = Page(html).text
    assert "Validation loss – at the best checkpoint" in text
    assert "None" not in text
    assert "nan" not in re.findall(r"\w+", text)
    assert "Confusion matrices" not in text
    assert "no break-even volume: no reason" in text


def test_differences_of_all_slices_are_one_family_and_those_of_all_items_another(shipped: Run) -> None:
    _, document, _, _ = shipped
    parts = document["tests"]["by_slice"]
    whole = {("all", row): one for row, one in parts["all"].items()}
    sliced = {(part, row): one for part, rows in parts.items() if part != "all" for row, one in rows.items()}
    assert len(sliced) > len(whole) > 1
    for family in (whole, sliced):
        expected = holm({name: one["p"] for name, one in family.items()})
        assert {name: one["p_holm"] for name, one in family.items()} == pytest.approx(expected)
        for one in family.values():
            is_undecided = one["p_holm"] >= 0.05 or one["lo"] <= 0 <= one["hi"]
            assert (one["examples_needed"] is not None) == (is_undecided and abs(one["mean"]) > 1e-12)


def test_a_single_arm_with_one_slice_is_enough(shipped: Run) -> None:
    project, document, items, _ = shipped
    document = json.loads(json.dumps(document))
    document["arms"] = {"tuned_rag": document["arms"]["tuned_rag"]}
    document["arms"]["tuned_rag"]["slices"] = {"seen_devices": document["arms"]["tuned_rag"]["slices"]["seen_devices"]}
    document["tests"] |= {"by_slice": {}, "mcnemar": {}, "differences": {}, "checks": []}
    text = Page(render_report(project, document, items)).text
    assert "no untuned arm to compare answers with" in text
    assert "There was no other arm to compare with" in text


def test_a_huge_input_is_folded_and_cut(shipped: Run) -> None:
    project, document, items, report = shipped
    start, end = "BEGINNING " + "x" * 5_000_000, " ENDING"
    html = render_report(project, document, [{**item, "input": start + end} for item in items])
    assert "ENDING" not in html
    assert len(html) < report.stat().st_size + 36 * 25_000
    text = Page(html).text
    assert "the rest of 5,000,017 characters" in text
    assert "4,980,017 more characters stand in items.json" in text


def test_right_answers_of_an_arm_without_fields_of_the_primary_metric_are_those_that_score_one(shipped: Run) -> None:
    project, document, items, _ = shipped
    task = project.task.model_copy(update={"primary_metric": "field_exact_match"})
    document = {**document, "primary_metric": "field_exact_match"}
    text = Page(render_report(project.model_copy(update={"task": task}), document, items)).text
    chosen = document["chosen_arm"]
    both = sum(
        item["scores"][chosen]["field_exact_match"] == 1 and item["scores"]["base_few_shot_rag"]["field_exact_match"] == 1
        for item in items
    )
    assert f"both are right on {both} of" in text


def test_grades_of_the_made_runs_are_the_real_ones(shipped: Run) -> None:
    project, _, items, _ = shipped
    example = next(e for e in prepare(project, use_more=False).test if e.id == items[0]["id"])
    assert grade(project, example, items[0]["answers"]["tuned"]).right == items[0]["right"]["tuned"]
    assert grade_values(project, example, dict(example.answer)).right["category"] is True


def test_a_version_that_a_rule_of_the_project_held_back_is_not_called_ship(shipped: Run) -> None:
    project, document, items, _ = shipped
    rule = {"rule": "forgetting <= 0.02", "outcome": "failed", "evidence": "0.041"}
    document = {**document, "alias": None, "gate": {"outcome": "failed", "rules": [rule]}, "guard": None}
    text = Page(render_report(project, document, items)).text
    assert "! Passed, but not promoted" in text and "✓ Ship" not in text
    assert "1 of the project's own rules did not pass" in text
    assert "forgetting <= 0.02 failed 0.041" in text
