"""Tasks of other libraries: their names, what comes back, and what is told where a library is not there.

The adapters are tried against stand-ins with the shape of the libraries' results (lm-eval 0.4, Inspect 0.3); the libraries
themselves are not among the dependencies.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from honekit.cli.main import main
from honekit.errors import EvalError
from honekit.evals import external_inspect, external_lm_eval
from honekit.evals.external import (
    ExternalResult,
    Figure,
    Scored,
    Subject,
    as_suite,
    parse_task,
    require,
    right_or_wrong,
    run_external,
)

SUBJECT = Subject("m", "http://x/v1", "k")


def test_a_task_is_named_with_its_library() -> None:
    assert parse_task("lm-eval:ifeval") == ("lm-eval", "ifeval")
    assert parse_task("inspect:tasks.py@sums") == ("inspect", "tasks.py@sums")
    for wrong in ("ifeval", "lm-eval:", "other:task"):
        with pytest.raises(EvalError) as caught:
            parse_task(wrong)
        assert caught.value.code == "evals.external_task"


@pytest.mark.parametrize(("name", "package"), [("lm-eval", "lm-eval[api]"), ("inspect", "inspect-ai")])
def test_a_library_that_is_not_there_is_told_with_the_command_that_installs_it(
    name: Any, package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(EvalError) as caught:
        require(name)
    assert (caught.value.code, caught.value.mend) == ("evals.not_installed", f"pip install '{package}'")
    asked = ["eval", "external", f"{name}:t", "--model", "m", "--endpoint", "http://127.0.0.1:9", "--json"]
    assert main(asked) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "evals.not_installed"


@pytest.mark.parametrize("name", ["lm-eval", "inspect"])
def test_a_library_without_one_that_it_needs_is_told_likewise(name: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> None:
        raise ModuleNotFoundError(f"No module named 'aiohttp', for {module}")

    monkeypatch.setattr(importlib.util, "find_spec", lambda module: object())
    monkeypatch.setattr(external_inspect, "import_module", missing)
    monkeypatch.setattr(external_lm_eval, "import_module", missing)
    with pytest.raises(EvalError) as caught:
        run_external(name, "t", SUBJECT, Path())
    assert caught.value.code == "evals.not_installed" and "aiohttp" in caught.value.what


def test_without_a_server_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "external", "ifeval", "--model", "m", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "evals.external_task"
    assert main(["eval", "external", "lm-eval:ifeval", "--model", "m", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "settings.endpoint"


def test_samples_become_a_run_whose_answers_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    from honekit.cli.eval_run import begin, work

    samples = [Scored(str(n), f"q {n}", "a", {"exact_match": float(n < 6)}) for n in range(10)]
    suite = as_suite("lm-eval", ExternalResult("sums", "lm-eval 0", [], samples), "m")
    assert suite is not None
    run = work(begin(suite, suite.rows, None, None, None), 4)
    assert run.tallies["counts"] == {"total": 10, "passed": 6, "failed": 4, "errored": 0}
    assert run.name == "lm-eval:sums: given, m"
    assert as_suite("lm-eval", ExternalResult("sums", "lm-eval 0", [], [Scored("0", "q", "a", {})]), "m") is None


def test_only_right_and_wrong_are_scores_of_samples() -> None:
    assert right_or_wrong({"a": True, "b": 0.0, "c": 0.5, "d": "C", "e": None}) == {"a": 1.0, "b": 0.0}


def test_lm_evals_figures_keep_their_filter_and_their_error(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"alias": "sums", "exact_match,none": 0.5, "exact_match_stderr,none": 0.1, "f1,strict": 0.25}
    sample = {
        "doc_id": 3,
        "arguments": {"gen_args_0": {"arg_0": "1+1?"}},
        "filtered_resps": ["2"],
        "exact_match": 1.0,
        "metrics": ["exact_match"],
    }
    given: dict[str, Any] = {}

    def simple_evaluate(**options: Any) -> dict[str, Any]:
        given.update(options)
        return {"results": {"sums": values}, "samples": {"sums": [sample]}}

    stand_in = SimpleNamespace(simple_evaluate=simple_evaluate, TaskManager=lambda include_path: include_path)
    monkeypatch.setattr(external_lm_eval, "import_module", lambda name: stand_in)
    monkeypatch.setattr(external_lm_eval, "version", lambda name: "0.4")
    (found,) = external_lm_eval.run_task("sums", SUBJECT, limit=2, tasks_dir=Path("own"))
    assert found.figures == [Figure("exact_match", 0.5, 0.1), Figure("f1 (strict)", 0.25, None)]
    assert found.samples == [Scored("3", "1+1?", "2", {"exact_match": 1.0})]
    assert given["model_args"]["base_url"] == "http://x/v1/chat/completions" and given["task_manager"] == "own"


def test_inspects_letters_are_right_and_wrong_and_a_failed_log_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def log(status: str) -> SimpleNamespace:
        metrics = {"accuracy": SimpleNamespace(value=0.5), "stderr": SimpleNamespace(value=0.2)}
        sample = SimpleNamespace(
            id=1, epoch=1, input="1+1?", output=SimpleNamespace(completion="2"), scores={"match": SimpleNamespace(value="C")}
        )
        results = SimpleNamespace(scores=[SimpleNamespace(name="match", metrics=metrics)])
        error = SimpleNamespace(message="the model was away")
        return SimpleNamespace(
            status=status, results=results, samples=[sample], error=error, eval=SimpleNamespace(task="sums"), location="l.eval"
        )

    logs: list[SimpleNamespace] = [log("success")]
    given: dict[str, Any] = {}
    stand_in = SimpleNamespace(eval=lambda *a, **o: given.update(o) or logs, get_model=lambda *a, **o: "model")
    monkeypatch.setattr(external_inspect, "import_module", lambda name: stand_in)
    monkeypatch.setattr(external_inspect, "version", lambda name: "0.3")
    (found,) = external_inspect.run_inspect("t.py", SUBJECT, Path("logs"), limit=None)
    assert found.figures == [Figure("match accuracy", 0.5, 0.2)]
    assert found.samples == [Scored("1", "1+1?", "2", {"match": 1.0})]
    assert given["max_retries"] > 0  # by itself it asks a server that is away for ever
    logs[:] = [log("error")]
    with pytest.raises(EvalError) as caught:
        external_inspect.run_inspect("t.py", SUBJECT, Path("logs"), limit=None)
    assert caught.value.code == "evals.external_failed" and "away" in caught.value.what
