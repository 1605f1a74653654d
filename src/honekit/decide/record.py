"""A decision as a Markdown page to keep beside the project: answers, verdict, evidence, and the team's own argument."""

from __future__ import annotations

from honekit.decide.questions import Answers, load_questions
from honekit.decide.verdict import Decision


def decision_record(answers: Answers, decision: Decision, *, date: str, chosen: str | None = None, argument: str = "") -> str:
    """The page. `chosen` is what the team does where that is not the recommendation, and `argument` why."""
    what = chosen or decision.recommendation
    lines = [
        f"# Decision: {what}",
        "",
        f"{date}. Hone recommends **{decision.recommendation}** (confidence: {decision.confidence}).",
        "",
    ]
    if chosen and chosen != decision.recommendation:
        lines += [f"The team decided otherwise: **{chosen}**.", ""]
    if argument:
        lines += ["## Argument", "", argument, ""]
    lines += ["## Next step", "", decision.next_step, "", "## Rules that fired", ""]
    for rule in decision.rules:
        sides = [f"for {', '.join(rule.speaks_for)}"] * bool(rule.speaks_for)
        sides += [f"against {', '.join(rule.speaks_against)}"] * bool(rule.speaks_against)
        lines.append(f"- `{rule.id}` ({'; '.join(sides)}): {rule.reason} Source: {rule.source}")
    lines += ["", "## What would turn it", ""]
    lines += [f"- {flip.question} = {_shown(flip.answer)}: **{flip.recommendation}**" for flip in decision.flips] or [
        "- no single answer"
    ]
    lines += ["", "## Answers", ""]
    for question in load_questions():
        given = answers.get(question.id)
        lines.append(f"- {question.text} **{'not known' if given is None else _shown(given)}**")
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
