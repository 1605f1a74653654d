"""`hone data check` and `hone data explain`: what is wrong with a training file, and what that means."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli import completion
from honekit.cli.data_given import Columns, FromFormat, Pattern, Split, given, options_of
from honekit.cli.render import console, print_json, progress

if TYPE_CHECKING:
    from honekit.data import CheckResult, Finding
    from honekit.data.checks.passes import Progress
    from honekit.data.formats.detect import Given

MAX_PLACES = 5
"""So many places of each code are printed; `--json` has up to a thousand."""
BAR_FROM_BYTES = 20 << 20
TIMED_FROM_S = 2.0
"""Of a quicker check nobody asks where its time went."""


class Only(StrEnum):
    """What `--only` takes."""

    structure = "structure"


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of any format, plain or packed with gzip or zstd.")],
    validation: Annotated[Path | None, typer.Option(metavar="FILE", help="The validation file, to look for leaks.")] = None,
    test: Annotated[Path | None, typer.Option(metavar="FILE", help="The test file, to look for leaks.")] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="A base model: are the examples too long for its context?", autocompletion=completion.base
        ),
    ] = None,
    names: Annotated[
        str | None, typer.Option(metavar="PIPELINE", help="Look for names of persons with this spaCy pipeline.")
    ] = None,
    only: Annotated[Only | None, typer.Option(help="Look at JSON, roles, turns, tools and exact duplicates alone.")] = None,
    format: FromFormat = None,
    columns: Columns = None,
    pattern: Pattern = None,
    split: Split = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Check a file of training records as a careful reader would; exit 1 when it has errors.

    Chat, preference and reinforcement JSONL, and whatever `hone data convert` reads.

    Findings are grouped by their code, worst first, each with its first lines and the remedy. Warnings and advice do not fail
    the check. `hone data explain CODE` says more about a code.

    Examples:

        hone data check train.jsonl --validation valid.jsonl --test test.jsonl

        hone data check train.jsonl.gz --base smollm2-135m --json

        hone data check big.jsonl --only structure

        hone data check tickets.xlsx --map input=message --map answer=queue
    """
    from honekit.cli.known_names import base_from
    from honekit.data.checks import CheckOptions
    from honekit.data.checks.run import check_file
    from honekit.data.formats.check import check_any

    options = CheckOptions(validation=validation, test=test, base=base, names=names)
    with _progress(file) as report:
        run = partial(check_file, checks=() if only else None, progress=report, tell=_tell)
        said = given(format, columns, pattern, split)
        with base_from("--base", base or ""):
            result = check_any(file, options, said, run, structure_only=only is not None)
    if as_json:
        print_json(result.as_dict())
    else:
        for line in _text(result, said):
            print(line)
    raise typer.Exit(0 if result.is_good else 1)


def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="As the check prints it: data.roles.order.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """What a finding means, why it matters for training, and how to mend it.

    Examples:

        hone data explain data.roles.order
    """
    from honekit.data.explain import explain as explanation

    text = explanation(code)
    if as_json:
        print_json({"code": code, "text": text})
    else:
        print(f"{code}\n\n{text.replace('**', '')}")


@contextmanager
def _progress(file: Path) -> Iterator[Progress | None]:
    """A bar for big files. Bytes are counted first, then conversations: the bar begins anew."""
    if not file.is_file() or file.stat().st_size < BAR_FROM_BYTES:
        yield None
        return
    with progress(f"checking {file.name}") as bar:
        yield lambda what, done, total: bar(int(done), int(total), what)


def _tell(text: str) -> None:
    console.print(f"  {text}", markup=False)


def _text(result: CheckResult, said: Given) -> Iterator[str]:
    from honekit.data import holds_completions

    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in (*result.errors, *result.warnings, *result.advice):
        groups.setdefault((finding.severity, finding.code), []).append(finding)
    counts = _by_severity(result, groups)
    severities = list(dict.fromkeys(severity for severity, _ in groups))
    for severity, code in sorted(groups, key=lambda one: (severities.index(one[0]), -counts[one])):
        yield from _group(code, groups[severity, code], counts[severity, code])
    stats, marks = result.stats, result.score
    read = f"{_counted(result.records, 'records')}, {_counted(stats['messages'], 'messages')}"
    mark = ", ".join(f"{group} {mark:g}" for group, mark in marks.items() if mark is not None)
    yield f"{read} of which {stats['trained_messages']:,} are learnt; score {mark}"
    if sum(result.seconds.values()) >= TIMED_FROM_S:
        yield "took " + ", ".join(f"{seconds:.1f} s for {name}" for name, seconds in result.seconds.items() if seconds >= 0.05)
    verdict = "not usable yet" if not result.is_good else "usable" if result.warnings else "good"
    totals = ", ".join(_counted(stats[name], name) for name in ("errors", "warnings")) + f", {stats['advice']:,} advice"
    yield f"{result.path}: {verdict}; {totals}"
    if result.is_good and " in " in result.format:
        command = shlex.join(["hone", "data", "convert", str(result.path), *options_of(said), "--to", "chat", "--out", "FILE"])
        are_texts = result.format == "prompt-completion in jsonl" and holds_completions(result.path)
        taken = (
            "jobs take it as texts that /v1/completions goes on with, and as conversations"
            if are_texts
            else "jobs take chat JSONL"
        )
        yield f"  read as {result.format}; {taken}, which `{command}` writes"


def _by_severity(result: CheckResult, groups: dict[tuple[str, str], list[Finding]]) -> dict[tuple[str, str], int]:
    """How often each code was found at each severity. Findings beyond those that are listed are counted by code alone: they go to
    the severity that has most of the listed ones."""
    counts = {key: len(findings) for key, findings in groups.items()}
    for code in {code for _, code in groups}:
        same = [key for key in groups if key[1] == code]
        counts[max(same, key=lambda key: counts[key])] += result.counts[code] - sum(counts[key] for key in same)
    return counts


def _group(code: str, findings: list[Finding], count: int) -> Iterator[str]:
    times = "" if count == 1 else f"  × {count:,}"
    yield f"{findings[0].severity:<8} {code}{times}"
    for finding in findings[:MAX_PLACES]:
        place = f"line {finding.line}" if finding.line else "" if finding.file else "file"
        yield f"         {' '.join(filter(None, (finding.file, place, finding.field)))}: {finding.message}"
    if count > MAX_PLACES:
        lines = _lines(finding.line for finding in findings[MAX_PLACES:])
        yield f"         and {count - MAX_PLACES:,} more{lines}"
    for number, fix in enumerate(dict.fromkeys(finding.fix for finding in findings[:MAX_PLACES])):
        yield f"         {'mend: ' if number == 0 else '      '}{fix}"
    yield ""


def _lines(numbers: Iterable[int], most: int = 12) -> str:
    different = list(dict.fromkeys(filter(None, numbers)))
    return f": lines {', '.join(map(str, different[:most]))}{' …' if len(different) > most else ''}" if different else ""


def _counted(count: int, plural: str) -> str:
    return f"{count:,} {plural if count != 1 else plural.removesuffix('s')}"
