"""Which models an evaluation refuses to compare."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from honekit.errors import EvalError
from honekit.evals.run import Evaluator, Subject
from honekit.project import load_project
from honekit.stages import Stages

PROJECT = load_project(Path(__file__).parents[2] / "examples" / "support-routing")


@pytest.mark.parametrize(
    ("made_on", "tuned", "code"), [("base", "base", "eval.tuned_is_base"), ("other", "tuned", "eval.other_base")]
)
def test_a_tuned_arm_that_is_the_base_or_of_another_base_is_an_error(
    made_on: str, tuned: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Evaluator, "_classical", lambda self: None)
    monkeypatch.setattr(Evaluator, "_untuned", lambda self, runner: None)
    monkeypatch.setattr(Evaluator, "_runner", lambda self, engine: None)
    nothing: Any = None

    def load(adapter: Path | None) -> Any:
        return SimpleNamespace(fingerprint=tuned if adapter else "base")

    evaluator = Evaluator(
        PROJECT, train=[], validation=[], test=[], share=1.0, load=load, index=None, shape=nothing, stages=Stages(nothing)
    )
    with pytest.raises(EvalError) as refused:
        evaluator.run(Subject("ft:x", Path("adapter"), made_on, "print", 1.0))
    assert (refused.value.code, refused.value.where) == (code, "adapter")
    assert refused.value.mend
