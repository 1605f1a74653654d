"""What the arms of a measurement train on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from honekit import settings
from honekit.data.prepare import prepare
from honekit.pipeline.measure import _part
from honekit.project import load_project


def test_the_lines_of_a_part_are_told_as_the_user_wrote_them(tmp_path: Path) -> None:
    root = tmp_path / "support"
    shutil.copytree(settings.examples_dir() / "support-routing", root, ignore=shutil.ignore_patterns(".hone"))
    project = load_project(root)
    (project.state_dir / "measure").mkdir(parents=True)
    run = cast("Any", SimpleNamespace(project=project, prepared=prepare(project, use_more=False)))
    part = _part(run, "tuned_25", 0.25)
    written = part.train_file.read_text(encoding="utf-8").splitlines()
    assert len(part.train) == round(0.25 * len(run.prepared.train))
    assert len(written) == part.forms * len(part.train)
    for number, line in enumerate(written[: len(part.train)], 1):
        ((path, (place,)),) = part.origin(part.train_file, [number]).items()
        raw = json.loads(path.read_text(encoding="utf-8").splitlines()[place - 1])
        assert raw[project.task.input] in json.loads(line)["messages"][1]["content"]
