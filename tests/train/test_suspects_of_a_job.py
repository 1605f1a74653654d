"""What a real job records is enough to find the examples that do not belong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import tiny
from tests.train.test_run import here, job_for

from honekit.cli.main import main


def test_answers_unlike_the_others_have_the_largest_losses_of_a_job(
    tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tiny.conversations(40)
    odd = (4, 17, 30)
    for index in odd:
        records[index]["messages"][-1]["content"] = f"Zq{index}? 7-77"
    job = here(job_for(tiny_base, tmp_path, records, epochs=3))
    assert job.status == "succeeded", job.error
    capsys.readouterr()
    assert (
        main(["data", "suspects", str(tmp_path / "train.jsonl"), "--field", "answer", "--job", job.id, "--top", "0.1", "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert {index + 1 for index in odd} <= {suspect["line"] for suspect in found["suspects"]}
    assert all(suspect["loss"] > 0 for suspect in found["suspects"][:3])
