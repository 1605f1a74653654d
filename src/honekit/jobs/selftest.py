"""A harmless job that counts, with checkpoints: proves on this machine that jobs stop, resume and survive a crash."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from typing import Any

from honekit.jobs.context import JobContext, Stopped
from honekit.jobs.records import CHECKPOINTS
from honekit.store.atomic import replace_dir


def run_job(context: JobContext) -> dict[str, Any]:
    """Count to `spec["steps"]`, pausing `spec["step_s"]` seconds a step, with a checkpoint every `spec["checkpoint_steps"]`.

    The digest chains over all steps, so that a run which lost or repeated one after a resume ends with another value.
    """
    steps = int(context.spec["steps"])
    step_s = float(context.spec.get("step_s", 0.0))
    every = int(context.spec.get("checkpoint_steps", 1))
    step, digest = 0, ""
    if found := context.last_checkpoint():
        state = json.loads((found.path / "state.json").read_text())
        step, digest = state["step"], state["digest"]
        context.event("info", f"Resumed at step {step}")
    while step < steps:
        if reason := context.stop_requested():
            _save(context, step, digest)
            raise Stopped(reason)
        time.sleep(step_s)
        step += 1
        digest = chain(digest, step)
        context.metrics(step, {"total_steps": steps})
        context.progress({"step": step, "total_steps": steps})
        if step % every == 0:
            _save(context, step, digest)
    return {"steps": step, "digest": digest}


def chain(digest: str, step: int) -> str:
    """The digest after one more step."""
    return hashlib.sha256(f"{digest}{step}".encode()).hexdigest()


def _save(context: JobContext, step: int, digest: str) -> None:
    temporary = context.dir / ".checkpoint.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    (temporary / "state.json").write_text(json.dumps({"step": step, "digest": digest}))
    final = context.dir / CHECKPOINTS / f"step-{step}"
    replace_dir(temporary, final)
    context.checkpoint(step, final, {"step": step})
