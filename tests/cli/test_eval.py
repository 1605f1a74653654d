"""`hone eval` from suite to comparison, with tiny models in this process, and the gate on a run's results."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests import tiny

from honekit import deploy, registry
from honekit.cli.eval_compare import line
from honekit.cli.eval_models import address, at_endpoint, version_behind
from honekit.cli.eval_run import begin
from honekit.cli.main import main
from honekit.evals.compare_runs import Compared
from honekit.evals.suites import load_suite
from honekit.store import evals

SUITE = """
name = "boxes"
data = "items.jsonl"
[sampling]
max_completion_tokens = 4
[[criteria]]
type = "regex"
name = "has text"
pattern = "."
[[criteria]]
type = "classification"
name = "label"
reference = "{{item.label}}"
labels = ["a", "b"]
lenient = true
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    rows = [{"input": f"box {number}", "label": "ab"[number % 2], "slices": ["one"]} for number in range(8)]
    tiny.write_jsonl(tmp_path / "items.jsonl", rows)
    (tmp_path / "suite.toml").write_text(SUITE)
    return tmp_path / "suite.toml"


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main(["eval", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_run_keeps_the_whole_path_of_its_model(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tiny.save_base(tmp_path / "one")
    monkeypatch.chdir(tmp_path)
    assert said(capsys, "run", str(suite), "--model", "one", "--limit", "1")["model"] == str(base)


def test_no_run_is_begun_for_a_model_that_is_not_whole(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = tiny.save_base(tmp_path / "one")
    weights, template = base / "model.safetensors", base / "chat_template.jinja"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    for code in ("model.weights_damaged", "model.no_chat_template"):
        assert main(["eval", "run", str(suite), "--model", str(base), "--json"]) == 1
        told = capsys.readouterr()
        assert json.loads(told.out)["error"]["code"] == code
        assert "--resume" not in told.err
        weights.write_bytes(whole)
        template.unlink(missing_ok=True)
    assert not evals.list_evals("default", limit=9)


def test_no_run_is_begun_for_a_tuned_model_whose_base_is_gone(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    name = registry.create_version("", "ftjob-x", str(gone), "x", tmp_path, "y", name="ft:gone").name
    assert main(["eval", "run", str(suite), "--model", name, "--json"]) == 2
    fault = json.loads(capsys.readouterr().out)["error"]
    assert (fault["code"], fault["where"]) == ("model.no_such_directory", str(gone))
    assert not evals.list_evals("default", limit=9)


def test_two_models_on_a_suite_are_compared_item_by_item(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = []
    for name in ("one", "two"):
        base = tiny.save_base(tmp_path / name, seed=len(runs))
        runs.append(said(capsys, "run", str(suite), "--model", str(base)))
    assert [run["status"] for run in runs] == ["completed"] * 2
    assert runs[0]["result_counts"]["total"] == 8 and runs[0]["eval_id"] == runs[1]["eval_id"]
    assert set(runs[0]["metrics"]) == {"has text", "label"}
    assert runs[0]["metrics"]["label"]["classification"]["accuracy"] <= 1
    listed = said(capsys, "list")["runs"]
    assert [run["id"] for run in listed] == [runs[1]["id"], runs[0]["id"]]
    compared = said(capsys, "compare", runs[0]["id"], "last", "--show", "2")
    assert [(one["criterion"], one["metric"], one["slice"]) for one in compared["compared"]] == [
        (*of, part) for of in (("has text", "score"), ("label", "score"), ("label", "macro_f1")) for part in (None, "one")
    ]
    plain = said(capsys, "compare", runs[0]["id"], "last", "--metrics", "none")
    assert {one["metric"] for one in plain["compared"]} == {"score"}
    assert said(capsys, "compare", runs[0]["id"], "last", "--metrics", "auc", code=2)["error"]["code"] == "cli.usage"
    assert len(compared["side_by_side"]) == 2
    same = said(capsys, "run", str(suite), "--model", str(tmp_path / "one"))
    assert all(used["invocation_count"] == 0 for used in same["per_model_usage"].values())


def test_robustness_asks_every_form_again_and_alone(tmp_path: Path, suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = tiny.save_base(tmp_path / "base")
    found = said(capsys, "robustness", str(suite), "--model", str(base), "--limit", "3")
    by_name = {one["form"]: one for one in found["forms"]}
    assert {"case", "injection", "again", "alone"} <= set(by_name) and "names" in found["unchanged"]
    assert (by_name["again"]["items"], by_name["again"]["texts"], by_name["alone"]["texts"]) == (3, 6, 3)
    assert by_name["again"]["same_answer"] == by_name["alone"]["same_answer"] == 1.0
    assert main(["eval", "robustness", str(suite), "--model", str(base), "--limit", "3"]) == 0
    assert "the same text, one at a time (alone): 3 items" in capsys.readouterr().out


def test_a_project_is_asked_with_its_passages_and_compared_with_itself_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from honekit.settings import examples_dir
    from honekit.store import eval_items

    base = tiny.save_base(tmp_path / "base", max_position_embeddings=16384)
    project = tmp_path / "p"
    shutil.copytree(examples_dir() / "iot-diagnostics", project, ignore=shutil.ignore_patterns(".hone"))
    toml = project / "hone.toml"
    toml.write_text(toml.read_text().replace("max_new_tokens = 128", "max_new_tokens = 4"))
    asked = [str(project), "--model", str(base), "--limit", "2"]
    plain, shown = said(capsys, "run", *asked), said(capsys, "run", *asked, "--retrieval", "--few-shot", "1")
    assert shown["name"].endswith("with passages, 1-shot")
    one, other = (eval_items.list_items(run["id"])[0].item["hone_messages"] for run in (plain, shown))
    assert [len(one), len(other)] == [2, 4]
    assert one[-1]["content"] != other[-1]["content"] and other[-1]["content"].endswith(one[-1]["content"])
    assert said(capsys, "compare", shown["id"], plain["id"])["items"] == 2
    routing = str(examples_dir() / "support-routing")
    assert said(capsys, "run", routing, "--model", "m", "--retrieval", code=2)["error"]["code"] == "eval.no_retrieval"


def test_answers_that_are_there_need_no_model(tmp_path: Path, suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"item": {"label": "a"}, "sample": {"output_text": text}} for text in ("a", "the b", "")]
    tiny.write_jsonl(tmp_path / "items.jsonl", rows)
    run = said(capsys, "run", str(suite))
    assert run["result_counts"] == {"total": 3, "passed": 1, "failed": 2, "errored": 0}
    shown = said(capsys, "show", "last", "--items", "5")
    assert [item["position"] for item in shown["items"]] == [1, 2]


def test_a_run_of_faults_alone_says_why_and_fails(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = '[[messages]]\nrole = "user"\ncontent = "{{item.question}}"\n[sampling]'
    suite.write_text(SUITE.replace("[sampling]", asked))
    base = str(tiny.save_base(tmp_path / "base"))
    rows = [{"label": "a"}, {"label": "b"}]
    tiny.write_jsonl(tmp_path / "items.jsonl", rows)
    run = said(capsys, "run", str(suite), "--model", base, code=1)
    assert run["result_counts"]["errored"] == 2
    (fault,) = run["faults"]
    assert fault["items"] == 2 and "question" in fault["fault"]
    assert main(["eval", "run", str(suite), "--model", base]) == 1
    assert f"2 could not be graded: {fault['fault']}" in capsys.readouterr().out
    assert main(["eval", "show", "last", "--items", "1"]) == 0
    assert "not answered: " in capsys.readouterr().out
    tiny.write_jsonl(tmp_path / "items.jsonl", [*rows, {"label": "b", "question": "which box?"}])
    assert said(capsys, "run", str(suite), "--model", base)["faults"] == [fault]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (('labels = ["a", "b"]', 'labels = ["a"]'), "evals.suite_invalid"),
        (('pattern = "."', 'pattern = "("'), "evals.suite_invalid"),
        (('data = "items.jsonl"', 'data = "none.jsonl"'), "evals.suite_missing"),
        (('name = "boxes"', "name = "), "evals.suite_syntax"),
    ],
)
def test_a_suite_that_does_not_fit_is_refused(
    suite: Path, change: tuple[str, str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.write_text(SUITE.replace(*change))
    assert said(capsys, "run", str(suite), "--model", "m", code=2)["error"]["code"] == code


def test_wrong_usage_is_told(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "run", code=2)["error"]["code"] == "cli.usage"
    assert said(capsys, "run", str(suite), code=2)["error"]["code"] == "cli.usage"
    assert said(capsys, "run", str(suite), "--model", "", code=2)["error"]["code"] == "cli.usage"
    assert said(capsys, "run", str(suite), "--model", "m", "--endpoint", "x", code=2)["error"]["code"] == "settings.endpoint"
    assert said(capsys, "show", "evalrun_none", code=2)["error"]["code"] == "evals.unknown_run"
    assert said(capsys, "run", "--resume", "evalrun_none", code=2)["error"]["code"] == "evals.unknown_run"


def test_what_can_be_told_before_a_run_begins_none(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "run", "--resume", "evalrun_x", "--limit", "3", code=2)["error"]["code"] == "cli.usage"
    wrong = [str(suite), "--model", "m", "--endpoint", "http://127.0.0.1:1"]
    assert said(capsys, "run", *wrong, "--judge", "here", code=2)["error"]["code"] == "settings.endpoint"
    suite.write_text(SUITE + '[[criteria]]\ntype = "function"\nname = "own"\nfunction = "absent"\n')
    assert said(capsys, "run", *wrong, code=1)["error"]["code"] == "graders.unknown_function"
    assert said(capsys, "list")["runs"] == []


@pytest.mark.parametrize(
    ("given", "address_"),
    [
        ("http://vllm:8000", "http://vllm:8000/v1"), ("http://x/v1/", "http://x/v1"), ("http://x", "http://x/v1"),
        ("https://x/v1beta/openai", "https://x/v1beta/openai"), ("https://x/video", "https://x/video/v1"),
    ],
)  # fmt: skip
def test_an_address_without_a_version_gets_one(given: str, address_: str) -> None:
    assert address(given) == address_


def test_the_connections_of_a_run_are_closed_with_it() -> None:
    async def clients() -> list[bool]:
        async with at_endpoint("http://127.0.0.1:1", "HONE_ENDPOINT_KEY") as found:
            open_ = found.client.is_closed()
        return [open_, found.client.is_closed()]

    assert asyncio.run(clients()) == [False, True]


def test_no_run_is_begun_for_a_model_that_there_is_not(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "run", str(suite), "--model", "nosuch", code=2)["error"]["code"] == "serve.unknown_model"
    assert said(capsys, "list")["runs"] == []


def test_of_an_alias_the_version_that_it_named_at_the_start_answers_to_the_end(suite: Path) -> None:
    first, second = (
        registry.create_version("bot", f"ftjob-{number}", "base", "x", Path("/a"), f"y{number}").name for number in range(2)
    )
    deploy.promote("bot@production", first, "ship")
    loaded = load_suite(suite)
    run = begin(loaded, loaded.rows, "bot@production", None, None)
    deploy.promote("bot@production", second, "better")
    found = evals.get_run(run.owner, run.id)
    assert found is not None and found.model == first and "bot@production" in found.name


@pytest.mark.parametrize(("status", "expected"), [(200, "ft:bot:1"), (404, "bot@production")])
def test_a_server_of_hones_is_asked_what_an_alias_names(status: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(status, json={"id": "bot@production", "model": "ft:bot:1", "updated_at": 0})

    async def call(work: Any) -> str:
        http: Any = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        return str(await work(openai.AsyncOpenAI(base_url="http://stub/v1", api_key="k", http_client=http, max_retries=0)))

    monkeypatch.setenv("HONE_BASE_URL", "http://stub")
    monkeypatch.setattr("honekit.cli.connection.call", lambda work: asyncio.run(call(work)))
    assert version_behind("bot@production", None) == expected
    assert asked == ["/v1/aliases/bot@production"]
    assert version_behind("bot@production", "http://other/v1") == "bot@production" and len(asked) == 1


def given_answers(folder: Path, name: str, numbers: range, right: int) -> Path:
    """A suite whose answers are there: those below `right` are the label."""
    rows = [
        {
            "item": {"input": f"box {number}", "label": "ab"[number % 2]},
            "sample": {"output_text": "ab"[(number + (number >= right)) % 2]},
        }
        for number in numbers
    ]
    tiny.write_jsonl(folder / f"{name}.jsonl", rows)
    (folder / f"{name}.toml").write_text(SUITE.replace("items.jsonl", f"{name}.jsonl"))
    return folder / f"{name}.toml"


def test_runs_on_different_data_are_compared_where_they_meet_and_the_rest_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = said(capsys, "run", str(given_answers(tmp_path, "first", range(12), 9)))["id"]
    second = said(capsys, "run", str(given_answers(tmp_path, "second", range(4, 30), 20)))["id"]
    other = said(capsys, "run", str(given_answers(tmp_path, "other", range(90, 99), 95)))["id"]
    compared = said(capsys, "compare", first, second)
    assert (compared["items"], compared["only_in_a"], compared["only_in_b"]) == (8, 4, 18)
    assert main(["eval", "compare", first, second]) == 0
    assert "8 items in both; left out: 4 that only A has, 18 that only B has" in capsys.readouterr().out
    assert main(["eval", "compare", first, first]) == 0
    assert "left out" not in capsys.readouterr().out
    for page in ("c.html", "c.md"):
        said(capsys, "report", first, second, "--out", str(tmp_path / page))
        assert "left out: 4 that only A has, 18 that only B has" in (tmp_path / page).read_text()
    refused = said(capsys, "compare", first, other, code=1)["error"]
    assert refused["code"] == "evals.not_paired" and "12 and 9" in refused["what"]
    # A wrong metric is told before a run is looked for.
    assert said(capsys, "compare", "nope", "nope", "--metrics", "auc", code=2)["error"]["code"] == "cli.usage"


def test_a_result_outside_a_project_asks_for_the_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "result.json").write_text("{}")
    assert said(capsys, "gate", str(tmp_path), code=2)["error"]["code"] == "gate.no_project"
    assert said(capsys, "cost", str(tmp_path / "result.json"), code=2)["error"]["code"] == "gate.no_project"
    assert "no such folder" in said(capsys, "gate", str(tmp_path / "nowhere"), code=2)["error"]["what"]


@pytest.mark.slow
def test_an_endpoint_that_is_away_leaves_a_run_to_resume(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = said(capsys, "run", str(suite), "--model", "m", "--endpoint", "http://127.0.0.1:9", code=1)
    assert failed["error"]["code"] == "evals.endpoint_gone"
    left = said(capsys, "list")["runs"][0]
    assert left["status"] == "in_progress" and left["result_counts"] == {}
    again = said(capsys, "run", "--resume", left["id"], code=1)
    assert again["error"]["code"] == "evals.endpoint_gone"


def test_a_projects_test_set_is_a_suite() -> None:
    from honekit.evals.suites import load_suite
    from honekit.settings import examples_dir

    for name, kinds in (
        ("support-routing", {"classification"}),
        ("iot-diagnostics", {"json_schema", "classification", "string_check", "phrase", "set_f1"}),
    ):
        loaded = load_suite(examples_dir() / name)
        assert {one["type"] for one in loaded.criteria} >= kinds
        assert len(loaded.rows) >= 80 and loaded.rows[0].item["slices"]


def test_the_gate_says_by_its_exit_code_whether_rules_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from honekit.settings import examples_dir

    project = tmp_path / "p"
    shutil.copytree(examples_dir() / "support-routing", project, ignore=shutil.ignore_patterns(".hone"))
    arms: dict[str, dict[str, float]] = {"tuned": {}, "base": {}, "base_few_shot": {}}
    items = []
    for number in range(60):
        right = {"tuned": True, "base": number % 2 == 0, "base_few_shot": number % 3 == 0}
        items.append(
            {
                "id": str(number), "input": "x", "expected": {"topic": "bug"}, "slices": [],
                "answers": {arm: "bug" if right[arm] else "other" for arm in arms},
                "scores": {arm: {"schema_validity": 1.0} for arm in arms},
                "right": {arm: {"topic": right[arm]} for arm in arms},
            }
        )  # fmt: skip
    for arm in arms:
        arms[arm] = {"schema_validity": 1.0, "topic_macro_f1": 0.1}
    run = project / ".hone" / "runs" / "20260101-000000"
    run.mkdir(parents=True)
    costs = {"tokens_per_request": 90.0, "answer_tokens_per_request": 3.0, "seconds_per_request": 0.5, "correct_rate": 0.5}
    document = {"arms": arms, "chosen_arm": "tuned", "guard": {"forgetting": 0.01}}
    document |= {"data": {"counts": {"train": 60, "validation": 30}}}
    document |= {"cost": {"training": {"seconds": 60.0}, "arms": dict.fromkeys(arms, costs)}}
    (run / "result.json").write_text(json.dumps(document))
    (run / "items.json").write_text(json.dumps(items))
    passed = said(capsys, "gate", str(project))
    assert passed["outcome"] == "passed" and len(passed["rules"]) == 3
    assert main(["eval", "cost", str(project)]) == 0
    assert "hosted: 0.6 USD a million tokens, alternative_per_million_tokens of [cost]." in capsys.readouterr().out
    toml = (project / "hone.toml").read_text()
    (project / "hone.toml").write_text(toml + '\n[gate]\nrules = ["forgetting <= 0.001"]\n')
    failed = said(capsys, "gate", str(run), code=1)
    assert [one["outcome"] for one in failed["rules"]][-1] == "failed"
    (project / "hone.toml").write_text(toml + '\n[gate]\nrules = ["forgetting <= "]\n')
    assert said(capsys, "gate", str(project), code=2)["error"]["code"] == "gate.rule_syntax"
    (project / "hone.toml").write_text(toml + '\n[gate]\nrules = ["tuned.topic_f1 > 0.5"]\n')
    for command in ("eval gate", "run"):  # before anything is read, let alone trained
        assert main([*command.split(), str(project), "--json"]) == 2
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == "gate.rule_unknown" and "topic_macro_f1" in error["mend"]


def test_a_comparison_is_told_with_effect_size_and_no_p_of_zero() -> None:
    one = Compared(
        criterion="part",
        metric="score",
        slice=None,
        items=60,
        value_a=0.95,
        value_b=0.7,
        difference=0.25,
        interval=(0.12, 0.38),
        only_a=17,
        only_b=2,
        mcnemar_p=None,
        p=0.00001,
        effect_size=0.49,
        detectable=0.18,
        word="better",
    )
    assert "p < 0.001; A is better; effect size +0.49; 60 items would show 0.180" in line(one)
