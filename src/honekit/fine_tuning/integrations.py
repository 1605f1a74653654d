"""Weights & Biases, the one integration of the contract: the job's metrics as a run there.

What is sent are the job's own events, read from the database beside the training: a server that cannot be reached, or a
fault in the client, costs the integration, never the job.
"""

from __future__ import annotations

import importlib.util
import netrc
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from honekit.fine_tuning.records import Asked
from honekit.jobs import JobContext, events

POLL_S = 1.0
FINISH_S = 30.0
"""So long the end of a job waits for what is still to be sent."""
MAX_TAG = 64
"""Characters of a tag that Weights & Biases takes."""
_OF_NO_INTEREST = frozenset({"step", "eta_s"})
_WANDB = "https://api.wandb.ai"


def unavailable() -> str | None:
    """Why no run can be made on this machine, or None. Loads nothing."""
    if importlib.util.find_spec("wandb") is None:
        return "the server has no package `wandb`; its administrator can run `pip install 'honekit[wandb]'`"
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_MODE") == "offline":
        return None
    host = urlsplit(os.environ.get("WANDB_BASE_URL", _WANDB)).hostname or ""
    try:
        known = netrc.netrc().authenticators(host)
    except (OSError, netrc.NetrcParseError):
        known = None
    return None if known else "the server has no key for Weights & Biases; its administrator can set WANDB_API_KEY"


@contextmanager
def followed(context: JobContext, asked: Asked) -> Iterator[None]:
    """While the block trains, its metrics go to every run that the job was asked to make."""
    done = threading.Event()
    threads = [
        threading.Thread(target=_follow, args=(context, asked, integration["wandb"], done), daemon=True)
        for integration in asked.integrations or ()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join(FINISH_S)
            if thread.is_alive():
                context.event("warn", f"Weights & Biases did not take everything within {FINISH_S:.0f} s; the job goes on")


def _follow(context: JobContext, asked: Asked, wanted: Mapping[str, Any], done: threading.Event) -> None:
    try:
        _send(context, asked, wanted, done)
    except Exception as fault:  # of a foreign client over a network: whatever it is, the job goes on
        context.event("warn", f"Weights & Biases: {type(fault).__name__}: {str(fault)[:300]}; the job goes on without it")


def _send(context: JobContext, asked: Asked, wanted: Mapping[str, Any], done: threading.Event) -> None:
    import wandb

    run = wandb.init(
        project=wanted["project"],
        entity=wanted.get("entity"),
        name=wanted.get("name") or context.job_id,
        tags=_tags(context, asked, wanted.get("tags") or ()),
        id=context.job_id,
        resume="allow",
        reinit="create_new",
        dir=context.dir,
        config={"model": asked.model, "seed": asked.seed, "training_file": asked.training_file, "method": asked.method},
        settings=wandb.Settings(console="off", disable_git=True, disable_code=True, silent=True, finish_timeout=FINISH_S),
    )
    context.event("info", f"Followed in Weights & Biases: {run.url or 'offline, to be sent by `wandb sync`'}")
    seen, is_over = 0, False
    while not is_over:
        # Asked before the events are read, so that the last ones are read after the training is over.
        is_over = done.wait(POLL_S)
        for event in events(context.job_id, after=seen):
            seen = event.seq
            data = event.data or {}
            # A run that goes on has the steps before; it refuses to hear of them again.
            if data.get("step", -1) >= run.starting_step:
                run.log({name: value for name, value in data.items() if name not in _OF_NO_INTEREST}, step=data["step"])
    run.finish()


def _tags(context: JobContext, asked: Asked, given: Sequence[str]) -> list[str]:
    own = ["hone/finetune", f"hone/{asked.model}"[:MAX_TAG], f"hone/{context.job_id}"]
    return list(dict.fromkeys([*given, *own]))
