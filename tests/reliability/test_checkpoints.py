"""A checkpoint's save is crashed at every boundary and its files are cut anywhere: what is found is the old one or the new."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tests.faults import Boundaries, Crash, crash, refuse, watching
from tests.tiers import trials
from torch import nn

from honekit import jobs
from honekit.jobs import JobContext, leases, queue
from honekit.project import TrainSection
from honekit.store import atomic
from honekit.store.atomic import system_error
from honekit.train import hooks, state
from honekit.train.hooks import JobHooks
from honekit.train.state import Progress, TrainState, write_state


@dataclass
class Saving:
    """A job in a worker's hands, and a model whose state is a function of the step."""

    context: JobContext
    state: TrainState
    hooks: JobHooks

    def save(self, step: int) -> None:
        with torch.no_grad():
            for master in self.state.masters:
                master.fill_(step)
        self.hooks.save(Progress(step=step, history=[{"step": step}]))
        self.hooks.settle()
        # Older ones are deleted beside what comes next. Here that is a power cut, and may not meet them half deleted.
        self.hooks._writer.submit(int).result()

    def found(self) -> int:
        """The step that a resume would go on from, its state read and compared; 0 when there is none."""
        found = self.context.last_checkpoint()
        if found is None:
            return 0
        read = self.state.read(found.path)
        assert all((master == found.step).all() for master in self.state.masters)
        assert read.step == found.step
        return read.step


def saving() -> Saving:
    job = queue.create_job("train", {})
    lease = leases.claim(job.id, f"elsewhere:1:{job.id}", lease_s=3600)
    assert lease
    context = JobContext(jobs.get_job(job.id), lease)
    torch.manual_seed(0)
    model = nn.Linear(40, 40)
    state = TrainState(model, TrainSection())
    model(torch.ones(1, 40)).sum().backward()
    state.step(0.1)  # so that there are moments to save
    return Saving(context, state, JobHooks(context, state, 9, Progress(), None))


def boundaries_of_a_save() -> int:
    one = saving()
    one.save(2)
    with watching(Boundaries(one.context.dir.parents[1])) as counted:
        one.save(4)
    return len(counted.crossed)


@pytest.mark.parametrize("power", ["stays", "is cut"])
def test_a_crash_at_every_boundary_of_a_save_leaves_the_old_or_the_new(power: str) -> None:
    count, draw, seen = boundaries_of_a_save(), random.Random(1), set()
    assert count > 20
    for at in range(1, count + 1):
        one = saving()
        one.save(2)
        boundaries = Boundaries(one.context.dir.parents[1], at, crash)
        with pytest.raises(Crash), watching(boundaries):
            one.save(4)
        if power == "is cut":
            boundaries.tear(draw)
        found = one.found()
        assert found == (4 if "after commit" in boundaries.crossed else 2), boundaries.crossed
        seen.add(found)
        assert not any("damaged" in event.message for event in queue.events(one.context.job_id))
        one.save(4)  # the next attempt comes to the same step
        one.save(6)
        assert one.found() == 6
    assert seen == {2, 4}


def test_without_the_syncs_a_power_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a save that forces nothing to the disk loses what it has said to be there."""
    monkeypatch.setattr(atomic, "fsync_path", lambda _path: None)
    one, lost = saving(), 0
    one.save(2)
    for at, step in enumerate(range(4, 20, 2)):
        with watching(Boundaries(one.context.dir.parents[1])) as boundaries:
            one.save(step)
        boundaries.tear(random.Random(at))
        lost += one.found() != step
    assert lost > 0


def test_a_checkpoint_is_written_beside_the_next_step_and_holds_what_was_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one, going_on = saving(), threading.Event()

    def waiting(*arguments: object) -> None:
        assert going_on.wait(60)
        write_state(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(hooks, "write_state", waiting)
    with torch.no_grad():
        for master in one.state.masters:
            master.fill_(2)
        one.hooks.save(Progress(step=2, history=[{"step": 2}]))
    assert jobs.checkpoints(one.context.job_id) == []
    for parameter in one.state.parameters:
        parameter.grad = torch.ones_like(parameter)
    one.state.step(0.1)
    assert not any((master == 2).any() for master in one.state.masters)
    going_on.set()
    one.hooks.on_step({"step": 3})
    assert one.found() == 2
    said = [event.message for event in queue.events(one.context.job_id)]
    assert said[-2:] == ["Checkpoint at step 2", "Step 3"]


def test_a_state_too_large_for_a_copy_is_written_before_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    one = saving()
    monkeypatch.setattr(state, "COPIED_BYTES", 100)
    assert one.state.snapshot()["master.weight"].data_ptr() == one.state.masters[0].data_ptr()
    with torch.no_grad():
        for master in one.state.masters:
            master.fill_(2)
        one.hooks.save(Progress(step=2, history=[{"step": 2}]))
        for master in one.state.masters:
            master.fill_(3)
    assert one.found() == 2


def test_a_disk_that_is_full_beside_a_step_is_told_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = saving()
    one.save(2)
    with watching(Boundaries(one.context.dir.parents[1], 3, refuse(errno.ENOSPC))):
        one.hooks.save(Progress(step=4, history=[{"step": 4}]))
        with pytest.raises(OSError, match="No space left") as told:
            one.hooks.on_step({"step": 5})
    refused = system_error(told.value, one.context.dir)
    assert refused
    assert refused.code == "store.disk_full"
    assert one.found() == 2


Damage = Callable[[Path, random.Random], None]


def cut(file: Path, draw: random.Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: draw.randrange(len(content))])


def flip(file: Path, draw: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    file.write_bytes(content)


def empty(file: Path, _draw: random.Random) -> None:
    file.write_bytes(b"")


def remove(file: Path, _draw: random.Random) -> None:
    file.unlink()


@trials(small=100, gate=1000, night=100_000)
def test_a_checkpoint_damaged_anywhere_is_never_read_and_the_fallback_is_said(trials: int) -> None:
    one, draw = saving(), random.Random(trials)
    one.save(2)
    one.save(4)
    folder = next(found.path for found in jobs.checkpoints(one.context.job_id) if found.step == 4)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    assert len(files) == 3
    kept = {file: file.read_bytes() for file in files}
    at_the_ends: list[tuple[Damage, Path]] = [(damage, file) for damage in (empty, remove) for file in files]
    at_random: list[tuple[Damage, Path]] = [(draw.choice([cut, flip]), draw.choice(files)) for _ in range(trials)]
    for damage, file in at_the_ends + at_random:
        before = queue.last_seq(one.context.job_id)
        damage(file, draw)
        found = one.found()
        # A changed letter in the manifest may leave its meaning as it was: then the checkpoint is whole.
        assert found == 2 or (found == 4 and file.name == atomic.MANIFEST)
        said = [event.message for event in queue.events(one.context.job_id, after=before) if event.level == "warn"]
        assert said == ([] if found == 4 else ["The checkpoint at step 4 is damaged or gone; an older one takes its place"])
        file.write_bytes(kept[file])
    assert one.found() == 4
