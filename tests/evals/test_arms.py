"""What the untuned arms choose among on validation data."""

from __future__ import annotations

from honekit import settings
from honekit.data.examples import read_examples
from honekit.evals.arms import demonstration_candidates
from honekit.evals.prompting import Prompting
from honekit.project import load_project


def test_each_number_of_demonstrations_is_tried_in_each_draw() -> None:
    project = load_project(settings.examples_dir() / "iot-diagnostics")
    train = list(read_examples(project, "train.jsonl"))
    for retrieval in (False, True):
        shown = [one.demonstrations for one in demonstration_candidates(project, Prompting("s", "p"), train, retrieval=retrieval)]
        assert [len(examples) for examples in shown] == [2, 2, 4, 4]
        assert len({tuple(one.id for one in examples) for examples in shown}) == 4
        assert shown[0] != shown[1] and shown[2] != shown[3]
        assert all(len({one.answer["category"] for one in examples}) == len(examples) for examples in shown)
        assert all(bool(one.passages) == retrieval for examples in shown for one in examples)
