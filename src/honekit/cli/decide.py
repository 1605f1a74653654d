"""`hone decide`: whether to fine-tune at all, from an interview or a file of answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.decide_cases import cases
from honekit.cli.decide_curve import curve
from honekit.cli.decide_measure import measure
from honekit.cli.decide_record import record

if TYPE_CHECKING:
    from honekit.decide import Answers, Decision
    from honekit.decide.flips import Flip

MOST_EVIDENCE = 6
"""Lines of what to find out; the rest stands in the document."""

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


@app.callback()
def decide(
    context: typer.Context,
    answers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON or TOML with answers, in place of the interview.")
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the answers of the interview as JSON.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew where an interview was interrupted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prompt, retrieve, fine-tune, something else, or nothing: a verdict with its reasons.

    Asks about the task, then says what to try first and why. Unknown answers are fine: the verdict names those that matter.
    An interview that is interrupted goes on at the same question the next time.

    Examples:

        hone decide --save answers.json

        hone decide --answers answers.json --json

        hone decide questions

        hone decide record --answers answers.json --project my-project

        hone decide measure my-project
    """
    if context.invoked_subcommand is not None:
        return
    from honekit.cli.decide_interview import read_or_ask
    from honekit.cli.render import print_json
    from honekit.decide import decide as verdict_on

    given = read_or_ask(answers, save, restart=restart)
    decision = verdict_on(given)
    if as_json:
        print_json(decision.as_dict())
    else:
        _print(decision, given)


app.command("measure")(measure)
app.command("record")(record)
app.command("cases")(cases)
app.command("curve")(curve)


@app.command("questions")
def questions(as_json: AsJson = False) -> None:
    """Print the questions with their ids, types and allowed values. Leave out what you do not know, or answer "unknown".

    Example:

        hone decide questions --json
    """
    from honekit.cli.render import print_json
    from honekit.decide import load_questions, questions_document

    if as_json:
        print_json(questions_document())
        return
    for question in load_questions():
        print(f"{question.id} ({question.type}): {question.text}")
        if question.help:
            print(f"    {question.help}")
        for value, meaning in question.values.items():
            print(f"    {value:<16} {meaning}")


def _print(decision: Decision, answers: Answers) -> None:
    from rich.console import Console
    from rich.table import Table

    from honekit.decide.costs import shown_range

    console = Console()

    def say(text: str) -> None:
        console.print(text, soft_wrap=True, highlight=False)

    say(f"\n[bold]{decision.recommendation}[/bold]   (confidence: {decision.confidence})")
    say(f"{decision.confidence_reason[0].upper()}{decision.confidence_reason[1:]}.")
    for text in decision.conflicts:
        say(f"[yellow]Contradiction:[/yellow] {text}")
    say(f"Next: {decision.next_step}")
    _print_reasons(decision, say)
    say("\n[bold]What would turn it[/bold]")
    known = [flip for flip in decision.flips if flip.question not in decision.unknown]
    for flip in known:
        say(f"  {changed_answer(flip, answers)}: {flip.recommendation}")
    if not known:
        say("  no single one of your answers")
    say("\n[bold]What to find out[/bold]")
    for line in decision.evidence[:MOST_EVIDENCE]:
        say(f"  {line}")
    if decision.evidence[MOST_EVIDENCE:]:
        say(f"  [dim]and {len(decision.evidence) - MOST_EVIDENCE} more of the questions left open; --json names them[/dim]")
    costs = {cost.option: cost for cost in decision.costs}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("option", "score", "first version, USD", "days", "a month, USD", ""):
        table.add_column(heading, justify="left" if heading in ("option", "") else "right")
    for one in decision.ranking:
        cost = costs[one.option]
        table.add_row(
            one.option,
            f"{one.score:g}",
            shown_range(cost.first_version_usd),
            shown_range(cost.days),
            "-" if cost.per_month_usd is None else shown_range(cost.per_month_usd),
            f"out: {', '.join(one.excluded_by)}" if one.excluded_by else "",
        )
    console.print("\n[bold]All options[/bold]")
    console.print(table)
    rests_on = costs[decision.recommendation].rests_on
    say(f"[dim]{decision.recommendation}: {rests_on}. Orders of magnitude, people's time included.[/dim]")


def _print_reasons(decision: Decision, say: Callable[[str], None]) -> None:
    """What speaks for the verdict, what against it, and what against others."""
    best = decision.recommendation
    weights = [(rule.weights.get(best, 0.0), rule) for rule in decision.rules]
    groups = {
        f"Why {best}": sorted((one for one in weights if one[0] > 0), key=lambda one: -one[0]),
        "What speaks against it": sorted((one for one in weights if one[0] < 0), key=lambda one: one[0]),
        "About the others": [one for one in weights if one[0] == 0],
    }
    for title, group in groups.items():
        if group:
            say(f"\n[bold]{title}[/bold]")
        for _, rule in group:
            sides = [f"for {', '.join(rule.speaks_for)}"] * bool(rule.speaks_for)
            sides += [f"against {', '.join(rule.speaks_against)}"] * bool(rule.speaks_against)
            say(f"  {rule.reason} [dim]({'; '.join(sides)})[/dim]")
    if not groups[f"Why {best}"]:
        say(f"\nNo rule speaks for {best}: it is what is cheapest to try.")


def changed_answer(flip: Flip, answers: Answers) -> str:
    """The one answer that would be another, beside what it is now."""
    given = answers.get(flip.question)
    if isinstance(flip.answer, list):
        before = given if isinstance(given, tuple) else ()
        more, less = [one for one in flip.answer if one not in before], [one for one in before if one not in flip.answer]
        if "nothing" in (*flip.answer, *before) or not before:
            return f"{flip.question} = {', '.join(flip.answer)}" + (f" (now {', '.join(before)})" if before else "")
        return f"{flip.question}, {' and '.join([f'with {one} too' for one in more] + [f'without {one}' for one in less])}"
    shown, now = (f"{one:,}" if isinstance(one, int) else one for one in (flip.answer, given))
    return f"{flip.question} = {shown}" + ("" if given is None else f" (now {now})")
