"""`hone decide`: whether to fine-tune at all, from an interview or a file of answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.decide_cases import cases
from honekit.cli.decide_curve import curve
from honekit.cli.decide_measure import measure
from honekit.cli.decide_record import record

if TYPE_CHECKING:
    from honekit.decide import Decision

app = typer.Typer(
    invoke_without_command=True,
    no_args_is_help=False,
    help="Prompt, retrieve, fine-tune, something else, or nothing: a verdict with its reasons.",
)

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
    """Ask about the task, then say what to try first and why. Unknown answers are fine: the verdict names those that matter.

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

    decision = verdict_on(read_or_ask(answers, save, restart=restart))
    if as_json:
        print_json(decision.as_dict())
    else:
        _print(decision)


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


def _print(decision: Decision) -> None:
    from rich.console import Console
    from rich.table import Table

    from honekit.decide.costs import shown_range

    console = Console()
    console.print(f"\n[bold]{decision.recommendation}[/bold]   (confidence: {decision.confidence})")
    console.print(f"{decision.confidence_reason[0].upper()}{decision.confidence_reason[1:]}.", soft_wrap=True, highlight=False)
    for text in decision.conflicts:
        console.print(f"[yellow]Contradiction:[/yellow] {text}", soft_wrap=True, highlight=False)
    console.print(f"Next: {decision.next_step}\n", soft_wrap=True)
    costs = {cost.option: cost for cost in decision.costs}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("option", "score", "first version, USD", "days", "a month, USD", ""):
        table.add_column(heading, justify="left" if heading in ("option", "") else "right")
    for one in decision.ranking:
        cost = costs.get(one.option)
        month = "-" if cost is None or cost.per_month_usd is None else shown_range(cost.per_month_usd)
        table.add_row(
            one.option,
            f"{one.score:g}",
            shown_range(cost.first_version_usd) if cost else "-",
            shown_range(cost.days) if cost else "-",
            month,
            f"out: {', '.join(one.excluded_by)}" if one.excluded_by else "",
        )
    console.print(table)
    console.print("\n[bold]Why[/bold]")
    for rule in decision.rules:
        sides = [f"for {', '.join(rule.speaks_for)}"] * bool(rule.speaks_for)
        sides += [f"against {', '.join(rule.speaks_against)}"] * bool(rule.speaks_against)
        console.print(f"  {rule.reason} [dim]({'; '.join(sides)})[/dim]", soft_wrap=True, highlight=False)
    if not decision.rules:
        console.print("  no rule fires: it is the cheapest thing to try")
    console.print("\n[bold]What would turn it[/bold]")
    known = [flip for flip in decision.flips if flip.question not in decision.unknown]
    for flip in known:
        answer = ", ".join(flip.answer) if isinstance(flip.answer, list) else flip.answer
        console.print(f"  {flip.question} = {answer}: {flip.recommendation}", highlight=False)
    if not known:
        console.print("  no single one of your answers")
    console.print("\n[bold]What to find out[/bold]")
    for line in decision.evidence:
        console.print(f"  {line}", soft_wrap=True, highlight=False)
