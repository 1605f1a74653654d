"""`hone decide`: whether to fine-tune at all, from an interview or a file of answers."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.cli.decide_curve import curve
from honekit.cli.decide_measure import measure
from honekit.errors import SettingsError

if TYPE_CHECKING:
    from honekit.decide import Answers, Decision, Question

app = typer.Typer(
    invoke_without_command=True,
    no_args_is_help=False,
    help="Prompt, retrieve, fine-tune, something else, or nothing: a verdict with its reasons.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
AnswersFile = Annotated[
    Path | None, typer.Option("--answers", metavar="FILE", help="JSON or TOML with answers, in place of the interview.")
]


@app.callback()
def decide(
    context: typer.Context,
    answers: AnswersFile = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the answers of the interview as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask about the task, then say what to try first and why. Unknown answers are fine: the verdict names those that matter.

    Examples:

        hone decide

        hone decide --answers answers.json --json

        hone decide questions

        hone decide measure my-project

        hone decide record --answers answers.json > docs/decision.md
    """
    if context.invoked_subcommand is not None:
        return
    from honekit.cli.render import print_json
    from honekit.decide import decide as verdict_on

    given = _answers(answers, save)
    decision = verdict_on(given)
    if as_json:
        print_json(decision.as_dict())
    else:
        _print(decision)


app.command("measure")(measure)
app.command("curve")(curve)


@app.command("questions")
def questions(as_json: AsJson = False) -> None:
    """Print the questions with their ids, types and allowed values.

    Example:

        hone decide questions --json
    """
    from honekit.cli.render import print_json
    from honekit.decide import load_questions

    if as_json:
        print_json({"questions": [question.as_dict() for question in load_questions()]})
        return
    for question in load_questions():
        print(f"{question.id} ({question.type}): {question.text}")
        for value, meaning in question.values.items():
            print(f"    {value:<16} {meaning}")


@app.command("record")
def record(
    answers: AnswersFile = None,
    chosen: Annotated[str | None, typer.Option(help="What you do, where that is not the recommendation.")] = None,
    argument: Annotated[str, typer.Option(help="Your own reasons, kept with the record.")] = "",
    project: Annotated[
        Path,
        typer.Option(help="Folder with hone.toml; its last `hone decide measure`, if any, goes into the record."),
    ] = Path(),
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write there instead of stdout.")] = None,
) -> None:
    """Write the decision as a Markdown page to keep beside the project, with the measured evidence where there is some.

    Examples:

        hone decide record --answers answers.json -o docs/decision.md

        hone decide record --answers answers.json --chosen prompt --argument "no budget before spring"
    """
    from honekit.decide import OPTIONS, decision_record
    from honekit.decide import decide as verdict_on
    from honekit.store.atomic import write_atomic

    if chosen is not None and chosen not in OPTIONS:
        raise SettingsError("decide.option", what=f"{chosen!r} is no option", mend=f"use one of: {', '.join(OPTIONS)}")
    given = _answers(answers, None)
    page = decision_record(
        given,
        verdict_on(given),
        date=time.strftime("%Y-%m-%d"),
        chosen=chosen,
        argument=argument,
        measured=_measured(project),
    )
    if output is None:
        print(page, end="")
    else:
        write_atomic(output, page)
        print(f"written: {output}", file=sys.stderr)


@app.command("cases")
def cases(
    case: Annotated[str | None, typer.Argument(metavar="[CASE]", help="Tell one case with its verdict and reason.")] = None,
    as_json: AsJson = False,
) -> None:
    """Worked use cases with an expert's verdict, and how often the rules agree, on each half apart.

    Examples:

        hone decide cases

        hone decide cases brand-voice --json
    """
    from honekit.cli.render import print_json
    from honekit.decide import agreement, load_cases
    from honekit.decide.cases import HALVES

    if case is not None:
        found = next((one for half in HALVES for one in load_cases(half) if one.id == case), None)
        if found is None:
            raise SettingsError("decide.case", what=f"there is no case {case!r}", mend="`hone decide cases` lists them")
        if as_json:
            print_json({**vars(found), "answers": dict(found.answers)})
            return
        print(f"{found.title}\n\n{found.story.strip()}\n\nVerdict: {found.verdict}")
        if found.also_right:
            print(f"Also right: {', '.join(found.also_right)}")
        print(f"\n{found.reason.strip()}\n\nSource: {found.source}")
        return
    measured = [agreement(half) for half in HALVES]
    if as_json:
        print_json({"agreement": [one.as_dict() for one in measured]})
        return
    for one in measured:
        print(
            f"{one.half}: {one.cases} cases; the rules give the expert's verdict in {one.same}, an accepted one in {one.accepted}"
        )
    for half in HALVES:
        print(f"\n{half}")
        for known in load_cases(half):
            print(f"  {known.id:<36} {known.verdict:<14} {known.title}")


def _measured(project: Path) -> dict[str, Any] | None:
    """The document of the project's last measurement. Raises: SettingsError[decide.measurement] when it cannot be read."""
    root = project if project.is_dir() else project.parent
    file = root / ".hone" / "measure" / "result.json"
    if not file.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError) as fault:
        raise SettingsError(
            "decide.measurement",
            what=f"the measurement cannot be read: {fault}",
            where=str(file),
            mend="run `hone decide measure` again, it repeats nothing that is done",
        ) from fault


def _answers(file: Path | None, save: Path | None) -> Answers:
    from honekit.decide import load_questions, read_answers
    from honekit.decide.questions import check_answers
    from honekit.store.atomic import write_atomic

    if file is not None:
        return read_answers(file)
    if not sys.stdin.isatty():
        raise SettingsError(
            "decide.no_terminal",
            what="there is no terminal to ask in",
            mend="give --answers FILE; `hone decide questions --json` prints the questions",
        )
    given: dict[str, Any] = {}
    print("Enter leaves a question open; Ctrl-C ends.\n", file=sys.stderr)
    for number, question in enumerate(load_questions(), 1):
        value = _ask(question, f"{number}/{len(load_questions())}")
        if value is not None:
            given[question.id] = value
    if save is not None:
        write_atomic(save, json.dumps(given, indent=2, ensure_ascii=False) + "\n")
    return check_answers(given, "the interview")


def _ask(question: Question, counter: str) -> Any:
    """One answer from the terminal; None leaves it open."""
    print(f"{counter}  {question.text}", file=sys.stderr)
    if question.help:
        print(f"     {question.help}", file=sys.stderr)
    values = list(question.values)
    for index, value in enumerate(values, 1):
        print(f"  {index:>2}  {question.values[value]}", file=sys.stderr)
    while True:
        print("> ", end="", file=sys.stderr, flush=True)
        typed = sys.stdin.readline().strip()
        if not typed:
            return None
        parts = typed.replace(",", " ").split()
        if question.type == "text":
            return typed
        if question.type == "integer" and typed.replace(",", "").isdigit():
            return int(typed.replace(",", ""))
        chosen = [_value(part, values) for part in parts]
        if question.type in ("choice", "choices") and all(chosen) and (question.type == "choices" or len(chosen) == 1):
            return chosen if question.type == "choices" else chosen[0]
        wanted = {"integer": "a whole number", "choice": "one number of the list", "choices": "numbers of the list"}
        print(f"  please type {wanted[question.type]}", file=sys.stderr)


def _value(typed: str, values: list[str]) -> str | None:
    if typed.isdigit() and 1 <= int(typed) <= len(values):
        return values[int(typed) - 1]
    return typed if typed in values else None


def _print(decision: Decision) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"\n[bold]{decision.recommendation}[/bold]   (confidence: {decision.confidence})")
    console.print(f"Next: {decision.next_step}\n", soft_wrap=True)
    costs = {cost.option: cost for cost in decision.costs}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("option", "score", "first version, USD", "days", "a month, USD", ""):
        table.add_column(heading, justify="left" if heading in ("option", "") else "right")
    for one in decision.ranking:
        cost = costs.get(one.option)
        month = "-" if cost is None or cost.per_month_usd is None else _range(cost.per_month_usd)
        table.add_row(
            one.option,
            f"{one.score:g}",
            _range(cost.first_version_usd) if cost else "-",
            _range(cost.days) if cost else "-",
            month,
            f"out: {', '.join(one.excluded_by)}" if one.excluded_by else "",
        )
    console.print(table)
    console.print("\n[bold]Why[/bold]")
    for rule in decision.rules:
        sides = [f"for {', '.join(rule.speaks_for)}"] * bool(rule.speaks_for)
        sides += [f"against {', '.join(rule.speaks_against)}"] * bool(rule.speaks_against)
        console.print(f"  {rule.reason} [dim]({'; '.join(sides)})[/dim]", soft_wrap=True, highlight=False)
    console.print("\n[bold]What would turn it[/bold]")
    known = [flip for flip in decision.flips if flip.question not in decision.unknown]
    for flip in known:
        answer = ", ".join(flip.answer) if isinstance(flip.answer, list) else flip.answer
        console.print(f"  {flip.question} = {answer}: {flip.recommendation}", highlight=False)
    if not known:
        console.print("  no single one of your answers")
    if decision.unknown:
        console.print(f"\nWorth finding out, since it could turn the verdict: {', '.join(decision.unknown)}", soft_wrap=True)


def _range(pair: tuple[float, float]) -> str:
    low, high = pair
    return f"{low:,g}" if low == high else f"{low:,g} to {high:,g}"
