"""On sets that were made with care, leaks and private data give no errors and hardly a warning."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from honekit.data.chat import readable_conversations
from honekit.data.checks import CheckOptions
from honekit.data.checks.leakage.held_out import LeakageCheck
from honekit.data.checks.privacy.personal_data import PrivacyCheck
from honekit.data.lines import Finding
from honekit.data.prepare import prepare
from honekit.project import load_project

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("name", ["iot-diagnostics", "support-routing"])
def test_an_example_project_has_no_leak_and_few_private_data(tmp_path: Path, name: str) -> None:
    shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns(".hone"))
    prepared = prepare(load_project(tmp_path / name), use_more=False)
    options = CheckOptions(validation=prepared.validation_file)
    leakage, privacy = LeakageCheck(options), PrivacyCheck(options)
    leaks: list[Finding] = []
    private: list[Finding] = []
    records = 0
    for example in readable_conversations(prepared.train_file):
        records += 1
        leaks.extend(leakage.see(example))
        private.extend(privacy.see(example))
    assert [*leaks, *leakage.finish()] == []
    warned = [finding for finding in (*private, *privacy.finish()) if finding.severity != "advice"]
    assert not [finding for finding in warned if finding.severity == "error"]
    assert len(warned) <= records / 100
