"""A job as a terminal shows it."""

from __future__ import annotations

import time

from honekit.cli.job_view import Screen


def test_the_frame_shows_time_left_only_while_it_runs() -> None:
    from rich.console import Console

    screen = Screen(Console(width=80, force_terminal=True, color_system=None))

    def shown() -> str:
        with screen.console.capture() as captured:
            screen.console.print(screen.frame())
        return captured.get()

    screen.job({"id": "ftjob-x", "model": "tiny", "status": "queued"})
    assert "step" not in shown()
    data = {"step": 2, "total_steps": 10, "eta_s": 90.0, "tokens_per_s": 1234.0, "train_loss": 0.5}
    event = {"id": "e", "created_at": time.time(), "level": "info", "type": "metrics", "message": "Step 2"}
    screen.event({**event, "type": "message", "data": {"status": "running"}})
    screen.event({**event, "data": data})
    assert "1,234 tokens/s" in shown()
    assert "left" in shown()
    screen.event({**event, "type": "message", "message": "Job paused", "data": {"status": "paused"}})
    assert "left" not in shown()
    assert "Job paused" in shown()
