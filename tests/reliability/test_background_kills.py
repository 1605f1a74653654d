"""`hone serve` is killed while it makes responses in the background: the next one makes them, and says what was said before."""

from __future__ import annotations

import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import openai
from tests.acceptance.test_fine_tuning_api import make_key, start
from tests.tiers import Note, shown, trials

from honekit.api.openai.responses_background import AT_ONCE

GUARD_S = 120.0
AT_A_TIME = AT_ONCE + 4
"""Some are over, some begun and some still queued when the server is killed."""
ASKED: dict[str, Any] = {"model": "tiny", "max_output_tokens": 160, "temperature": 1, "background": True}


def follow(stream: Any, seen: list[Any]) -> None:
    """Until the server goes."""
    with suppress(httpx.HTTPError, openai.APIError):
        for event in stream:
            seen.append(event)


@trials(small=1, gate=40, night=200)
def test_a_killed_server_loses_no_response_and_takes_nothing_back(
    tmp_path: Path, tiny_base_dir: Path, trials: int, record_property: Note
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    key, draw = make_key(home), random.Random(trials)
    record_property("trials", trials * AT_A_TIME)
    broken_off = 0
    for _ in shown(range(trials), trials):
        server = start(home, tiny_base_dir)
        client = server.client(key)
        list(client.responses.create(**ASKED, input="to load the model", stream=True))
        streams = [client.responses.create(**ASKED, input=f"tell {number}", stream=True) for number in range(AT_A_TIME)]
        seen: list[list[Any]] = [[] for _ in streams]
        threads = [threading.Thread(target=follow, args=pair) for pair in zip(streams, seen, strict=True)]
        for thread in threads:
            thread.start()
        while not all(seen):
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.6))
        server.stop(signal.SIGKILL)
        for thread in threads:
            thread.join(GUARD_S)
        server = start(home, tiny_base_dir)
        client = server.client(key)
        for events in seen:
            response_id = events[0].response.id
            after = events[-1].sequence_number
            rest = list(client.responses.retrieve(response_id, stream=True, starting_after=after))
            broken_off += bool(rest)
            told = [*events, *rest]
            assert [event.sequence_number for event in told] == list(range(len(told)))
            final = client.responses.retrieve(response_id)
            assert final.status in ("completed", "incomplete"), final.error
            assert told[-1].response == final
            deltas = [event.delta for event in told if event.type == "response.output_text.delta"]
            assert "".join(deltas) == final.output_text
        server.stop()
    assert broken_off >= trials  # else nothing was tried
