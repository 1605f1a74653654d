"""What each option costs about: a range for the first version, and for a month at the volume given.

Rough on purpose: the ranges say which order of magnitude to expect, and name what they rest on. They decide nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from honekit.decide.questions import Answers, Option

HOUR = (40.0, 120.0)
"""US dollars for an hour of a person's work."""
TOKENS = {"small": (0.1, 0.8), "large": (1.5, 10.0)}
"""US dollars for a million tokens of a hosted model, in and out together; a test holds them against list prices
(`data.prices`)."""
MACHINE_MONTH = {"none": (50.0, 700.0), "laptop": (20.0, 80.0), "gpu": (150.0, 900.0), "cluster": (150.0, 900.0)}
"""US dollars a month for a machine that serves a small model of one's own, by what there is already."""
REQUESTS_PER_MACHINE = {"laptop": 10_000, "gpu": 300_000}
"""A day's requests that one machine answers with a small model: without a GPU one in eight seconds, with one three or
four in a second."""
SOUND_MINUTE = (0.003, 0.03)
"""US dollars for a minute of sound at hosted recognisers (OpenAI lists 0.006 for whisper-1)."""
_HOURS: dict[Option, tuple[float, float]] = {
    "prompt": (2, 16),
    "few-shot": (4, 24),
    "rag": (24, 160),
    "fine-tune": (16, 120),
    "fine-tune+rag": (40, 240),
    "tools": (16, 160),
    "classical": (4, 60),
    "other-model": (2, 24),
    "not-yet": (4, 40),
    "nothing": (0, 0),
}
_DAYS: dict[Option, tuple[float, float]] = {
    "prompt": (0.5, 3),
    "few-shot": (1, 5),
    "rag": (5, 40),
    "fine-tune": (3, 30),
    "fine-tune+rag": (10, 60),
    "tools": (3, 40),
    "classical": (1, 15),
    "other-model": (0.5, 5),
    "not-yet": (2, 20),
    "nothing": (0, 0),
}
_LARGE = ("other-model", "tools")
DEFAULT_TOKENS: dict[str, int] = {"prompt": 600, "few-shot": 2_000, "rag": 2_500, "tools": 2_500, "other-model": 800}
LONG_PROMPT = 3_000
"""Tokens of a prompt that is said to be very long, where nobody counted them; five pages."""


@dataclass(frozen=True)
class Cost:
    """Ranges from low to high; dollars and working days."""

    option: Option
    first_version_usd: tuple[int, int]
    days: tuple[float, float]
    per_month_usd: tuple[int, int] | None
    """None when the number of requests is not known, or nothing new runs."""
    rests_on: str


def cost_of(option: Option, answers: Answers) -> Cost:
    """The ranges for one option at the volume and prompt length that the answers give."""
    low, high = _HOURS[option]
    first = (round(low * HOUR[0]), round(high * HOUR[1]))
    requests = answers.get("requests_per_day")
    if option in ("not-yet", "nothing"):
        rests_on = "people's time alone" if option == "not-yet" else "what it costs today goes on"
        return Cost(option, first, _DAYS[option], None, rests_on)
    own = option in ("fine-tune", "fine-tune+rag", "classical") or answers.get("data_may_leave") == "no"
    if own:
        own_hardware = "laptop" if option == "classical" else str(answers.get("hardware", "none"))
        hardware, count = (own_hardware, 1) if option == "classical" else _machines(own_hardware, requests)
        low, high = (round(count * price) for price in MACHINE_MONTH[hardware])
        kind = "of your own" if hardware == own_hardware else "with a GPU"
        rests_on = f"a machine {kind}" if count == 1 else f"{count:,} machines {kind} for {requests:,} requests a day"
        return Cost(option, first, _DAYS[option], (low, high), rests_on)
    if option == "other-model" and answers.get("input") == "sound":
        price = f"{SOUND_MINUTE[0]:g} to {SOUND_MINUTE[1]:g} USD"
        return Cost(option, first, _DAYS[option], None, f"sound is paid by the minute, {price} each at a hosted recogniser")
    if not isinstance(requests, int):
        return Cost(option, first, _DAYS[option], None, "answer `requests_per_day` for the cost of a month")
    given = answers.get("prompt_tokens")
    usual = LONG_PROMPT if answers.get("prompting_result") == "long" else 0
    tokens = given if isinstance(given, int) else max(usual, DEFAULT_TOKENS[option])
    size = "large" if option in _LARGE and not (option == "other-model" and _wants_smaller(answers)) else "small"
    monthly = requests * 30 * (tokens + 200) / 1e6
    return Cost(
        option,
        first,
        _DAYS[option],
        (round(monthly * TOKENS[size][0]), round(monthly * TOKENS[size][1])),
        f"{requests:,} requests a day of {tokens + 200:,} tokens at a hosted {size} model's price, "
        f"{TOKENS[size][0]:g} to {TOKENS[size][1]:g} USD a million tokens",
    )


def _wants_smaller(answers: Answers) -> bool:
    """Whether another model would be a smaller one: what there is costs too much or answers too slowly."""
    missing = answers.get("missing", ())
    return isinstance(missing, tuple) and bool({"cost", "latency"} & set(missing))


def _machines(hardware: str, requests: object) -> tuple[str, int]:
    """What kind of machine, and how many; more than a machine without a GPU can answer is for one that has a GPU."""
    if not isinstance(requests, int):
        return hardware, 1
    if hardware in ("none", "laptop") and requests > REQUESTS_PER_MACHINE["laptop"]:
        hardware = "gpu"
    a_day = REQUESTS_PER_MACHINE["gpu" if hardware in ("gpu", "cluster") else "laptop"]
    return hardware, max(1, math.ceil(requests / a_day))


def shown_range(pair: tuple[float, float]) -> str:
    """`80 to 1,920`, or the one number where both are the same."""
    low, high = pair
    return f"{low:,g}" if low == high else f"{low:,g} to {high:,g}"
