"""A decision as a Markdown page to keep beside the project: answers, verdict, evidence, and the team's own argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from honekit.decide.contradiction import contradiction
from honekit.decide.costs import shown_range
from honekit.decide.questions import Answers, Option, Question, load_questions
from honekit.decide.rules import next_steps
from honekit.decide.verdict import Decision


def decision_record(
    answers: Answers,
    decision: Decision,
    *,
    date: str,
    chosen: Option | None = None,
    argument: str = "",
    measured: Mapping[str, Any] | None = None,
) -> str:
    """The page. `chosen` is what the team does where that is not the recommendation, and `argument` why.

    `measured` is the document of `hone decide measure`, where there is one.
    """
    what = chosen or decision.recommendation
    lines = [
        f"# Decision: {what}",
        "",
        f"{date}. Hone recommends **{decision.recommendation}** (confidence: {decision.confidence}).",
        f"{decision.confidence_reason[0].upper()}{decision.confidence_reason[1:]}.",
        "",
        *(f"- Contradiction: {text}" for text in decision.conflicts),
        *[""] * bool(decision.conflicts),
    ]
    against = contradictions(decision, chosen, measured)
    if against:
        lines += [*(f"- **Interview and measurement differ.** {text}" for text in against), ""]
    if chosen and chosen != decision.recommendation:
        lines += [f"The team decided otherwise: **{chosen}**.", ""]
        if not argument:
            lines += ["No argument was given.", ""]
    if argument:
        lines += ["## Argument", "", argument, ""]
    if measured:
        lines += _evidence(measured)
    next_step = decision.next_step if what == decision.recommendation else next_steps()[what]
    lines += ["## Next step", "", next_step, "", "## Evidence to collect", ""]
    lines += [*(f"- {one}" for one in decision.evidence), "", "## Rules that fired", ""]
    for rule in decision.rules:
        sides = [f"for {', '.join(rule.speaks_for)}"] * bool(rule.speaks_for)
        sides += [f"against {', '.join(rule.speaks_against)}"] * bool(rule.speaks_against)
        lines.append(f"- `{rule.id}` ({'; '.join(sides)}): {rule.reason} Source: {rule.source}")
    lines += ["", "## What would turn it", ""]
    lines += [f"- {flip.question} = {_shown(flip.answer)}: **{flip.recommendation}**" for flip in decision.flips] or [
        "- no single answer"
    ]
    lines += ["", "## What each option costs", ""]
    lines += ["| option | score | first version, USD | working days | a month, USD | rests on |", "|---|---|---|---|---|---|"]
    costs = {cost.option: cost for cost in decision.costs}
    for one in decision.ranking:
        cost = costs[one.option]
        month = shown_range(cost.per_month_usd) if cost.per_month_usd else "-"
        cells = [f"{one.score:g}", shown_range(cost.first_version_usd), shown_range(cost.days), month, cost.rests_on]
        lines.append(f"| {one.option} | {' | '.join(cells)} |")
    lines += ["", "## Answers", ""]
    for question in load_questions():
        given = answers.get(question.id)
        lines.append(f"- {question.text} **{'not known' if given is None else _shown(given)}**{_meaning(question, given)}")
    return "\n".join(lines) + "\n"


def contradictions(decision: Decision, chosen: Option | None, measured: Mapping[str, Any] | None) -> list[str]:
    """Where the measurement says otherwise than the recommendation, and than what the team chose."""
    if not measured:
        return []
    options = {decision.recommendation: "Hone's interview recommends"}
    if chosen and chosen != decision.recommendation:
        options[chosen] = "The team chose"
    found = (contradiction(who, option, measured) for option, who in options.items())
    return [text for text in found if text]


def _evidence(measured: Mapping[str, Any]) -> list[str]:
    """What was measured, the cheapest arm first."""
    metric, examples = measured["primary_metric"], measured["examples"]
    lines = [
        "## Measured evidence",
        "",
        f"`{measured['command']}` on {measured['created_at'][:10]}, data {measured['data']}, base {measured['base']['id']}: "
        f"**{measured['choice'] or 'not enough evidence'}**.",
        "",
        *(f"- {reason}" for reason in measured["reasons"]),
    ]
    if measured["confirmation"]:
        lines.append(f"- {measured['confirmation']['sentence']}")
    lines += [
        "",
        f"{metric} with 95 % intervals on {examples['validation']} validation and {examples['test']} test examples:",
        "",
        f"| arm | validation | test | standing | {measured['currency']} per 1,000 requests | training |",
        "|---|---|---|---|---|---|",
    ]
    standings = {standing["arm"]: standing["status"] for standing in measured["selection"]["standings"]}
    for name, arm in sorted(measured["arms"].items(), key=lambda item: item[1]["cost"]["over_requests"]):
        cells = [_score(arm[part], metric) for part in ("validation", "test")]
        cost = arm["cost"]
        cells += [standings[name], f"{cost['per_1000_requests']:.4f}", f"{cost['training']:.4f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    curve = measured["learning_curve"]
    if curve and curve["gains"]:
        lines += ["", f"Forecast: {'; '.join(gain['sentence'] for gain in curve['gains'])}. {curve['note']}"]
    return [*lines, ""]


def _score(part: Mapping[str, Any], metric: str) -> str:
    lo, hi = part["intervals"][metric]
    return f"{part['scores'][metric]:.3f} ({lo:.2f} to {hi:.2f})"


def _meaning(question: Question, given: object) -> str:
    """What the chosen values mean, in brackets."""
    values = [str(value) for value in (given if isinstance(given, tuple) else (given,))]
    told = [question.values[value] for value in values if value in question.values]
    return f" ({'; '.join(told)})" if told else ""


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
