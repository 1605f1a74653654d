"""What stands in the rows of a job is in its uploaded files, and in no log, no table and nothing else that it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.reliability.conftest import NewJob, attempt, close_attempt
from tests.reliability.test_system_faults import home_of

from honekit import jobs

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
SECRET = "zebra-4711-quill"


def faulty() -> None:
    raise RuntimeError("a fault of Hone itself, whose traceback is kept")


@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_the_rows_of_a_job_stand_in_its_files_alone(new_job: NewJob, hone_home: Path, end: str) -> None:
    asked, answered = {"role": "user", "content": f"What is {SECRET}?"}, {"role": "assistant", "content": f"It is {SECRET}."}
    job, boundaries = new_job([{"messages": [asked, answered]}] * 12), None
    if end == "failed":
        boundaries = home_of(job)
        boundaries.at, boundaries.act = 60, faulty
    close_attempt(job, attempt(job, boundaries))
    assert jobs.get_job(job.id).status == end
    files = {str(file.relative_to(hone_home)): file.read_bytes() for file in hone_home.rglob("*") if file.is_file()}
    if end == "failed":
        assert b"a fault of Hone itself" in files[f"jobs/{job.id}/worker.log"]
    holding = [name for name, content in files.items() if SECRET.encode() in content]
    assert len(holding) == 1 and holding[0].startswith("blobs/")


def test_what_a_job_leaves_is_closed_to_others_in_a_folder_that_is_open_to_them(new_job: NewJob, hone_home: Path) -> None:
    hone_home.mkdir(mode=0o755)
    job = new_job()
    close_attempt(job, attempt(job))
    entries = {entry.name: entry.stat().st_mode & 0o077 for entry in hone_home.iterdir()}
    assert {"hone.db", "jobs", "blobs"} <= set(entries)
    # Hashes of bases, and a lock without content.
    assert {name for name, rights in entries.items() if rights} <= {"fingerprints", "hone.db.migrate.lock"}
