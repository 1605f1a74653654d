"""`hone decide cases`: the worked use cases, and how often the rules agree with their experts."""

from __future__ import annotations

from typing import Annotated

import typer

from honekit.errors import SettingsError


def cases(
    case: Annotated[str | None, typer.Argument(metavar="CASE", help="Tell one case with its verdict and reason.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Worked use cases with an expert's verdict, and how often the rules agree, on each half apart.

    Examples:

        hone decide cases

        hone decide cases brand-voice-replies --json
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
        for level, (count, same, accepted) in one.by_confidence.items():
            print(f"    confidence {level:<7} {count:>3} cases, the expert's verdict in {same}, an accepted one in {accepted}")
    for half in HALVES:
        print(f"\n{half}")
        for known in load_cases(half):
            print(f"  {known.id:<36} {known.verdict:<14} {known.title}")
