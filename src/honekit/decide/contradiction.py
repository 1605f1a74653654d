"""Where a measurement at hand says otherwise than the interview, or than the team.

The interview argues from answers, a measurement from data: where both speak of the same option, the measurement is the better
evidence for quality and price, and a record that holds both says that they differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from honekit.decide.questions import Option

AT_PROVIDER = "api_"
"""Begins the name of an arm at a provider."""
NEVER_MEASURED = frozenset({"tools", "not-yet", "nothing"})
"""Options that no arm is of."""


def contradiction(who: str, option: Option, measured: Mapping[str, Any]) -> str | None:
    """A sentence where the document of `hone decide measure` contradicts the option; None where it does not.

    who: whose option it is, as the sentence begins ("Hone recommends", "The team chose").
    """
    arms = arms_of(option, measured["arms"])
    chosen, standings = measured["choice"], {one["arm"]: one for one in measured["selection"]["standings"]}
    if chosen in arms:
        return None
    says = f"{who} {option}"
    if not arms:
        if chosen is None or option == "nothing":
            return None
        why = "which no arm is of" if option in NEVER_MEASURED else "of which no arm was measured"
        return f"{says}, {why}, while the measurement chose {chosen}: it is no evidence for {option}."
    metric, best = measured["primary_metric"], standings[measured["selection"]["best"]]
    scores = _listed([f"{name} {standings[name]['score']:.3f}" for name in arms])
    measured_so = f"on {metric}: {scores} against {best['arm']} {best['score']:.3f}"
    if all(standings[name]["status"] == "worse" for name in arms):
        end = f"the measurement chose {chosen}" if chosen else "the measurement chose none"
        return f"{says}, but measured it is worse than the best by more than {measured['margin']:g} {measured_so}; {end}."
    if chosen is None:
        return None
    if not any(standings[name]["complete"] for name in arms):
        return f"{says}, but the measurement chose {chosen}: {_listed(arms)} cannot answer all fields of the task."
    good = [name for name in arms if standings[name]["status"] == "not worse" and standings[name]["complete"]]
    if not good:
        return f"{says}, but the measurement chose {chosen} and leaves open whether {option} is as good {measured_so}."
    cheapest = min(good, key=lambda name: float(standings[name]["cost"]))
    if standings[cheapest]["cost"] <= standings[chosen]["cost"]:
        return None  # as good and as cheap: chosen for what it is more
    price = f"{standings[cheapest]['cost']:.2f} against {standings[chosen]['cost']:.2f} {measured['currency']}"
    return f"{says}, but measured {chosen} is as good and cheaper than {cheapest}: {price} for {measured['requests']:,} requests."


def arms_of(option: Option, names: Mapping[str, Any]) -> list[str]:
    """The measured arms that are of an option; one at a provider is of another model and of its way to ask, too."""
    return [name for name in names if option in _options_of(name)]


def _options_of(arm: str) -> tuple[str, ...]:
    elsewhere = ("other-model",) if arm.startswith(AT_PROVIDER) else ()
    name = arm.removeprefix(AT_PROVIDER)
    if name.startswith("tuned"):
        return ("fine-tune+rag" if name.endswith("_rag") else "fine-tune", *elsewhere)
    if name.endswith("rag"):
        return ("rag", *elsewhere)
    if name.startswith("few_shot"):
        return ("few-shot", *elsewhere)
    return ("classical" if name == "classical" else "prompt", *elsewhere)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
