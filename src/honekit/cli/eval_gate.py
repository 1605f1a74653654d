"""`hone eval gate`: may this model be promoted?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honekit.cli.render import print_json

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


def gate(
    place: Annotated[
        Path, typer.Argument(metavar="PROJECT|RESULT", help="Folder with hone.toml (its newest run counts), or a run's folder.")
    ] = Path("."),
    project: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The project of a result that lies elsewhere.")] = None,
    as_json: AsJson = False,
) -> None:
    """Decide the promotion rules of hone.toml by a run's results; exit 0 when every rule passes, else 1.

    The rules are those of `gate.rules`, and `gate.require_better_than` and `gate.min_schema_validity` as rules.

    Examples:

        hone eval gate

        hone eval gate my-project --json

        hone eval gate my-project/.hone/runs/20260101-120000
    """
    from honekit.evals.gate import decide_gate, default_rules
    from honekit.evals.gate_names import project_rules
    from honekit.evals.gate_rules import parse_rule
    from honekit.evals.results import find_result, read_evidence
    from honekit.project import load_project

    result = find_result(place)
    loaded = load_project(project or project_of(place, result))
    rules = [*map(parse_rule, default_rules(loaded)), *project_rules(loaded)]
    _, evidence = read_evidence(loaded, result)
    decided = decide_gate(rules, evidence)
    if as_json:
        print_json({"result": str(result), **decided.as_dict()})
    else:
        for one in decided.rules:
            print(f"{one.outcome:<13} {one.rule}\n              {one.evidence}")
        print(f"\n{decided.outcome}: {result}")
    raise typer.Exit(0 if decided.outcome == "passed" else 1)


def project_of(place: Path, result: Path) -> Path:
    """The project's folder: a project's own runs lie in PROJECT/.hone/runs/NAME. Raises: EvalError[gate.no_project]."""
    from honekit.errors import EvalError

    if (place / "hone.toml").is_file() or place.name == "hone.toml":
        return place
    found = next((folder for folder in result.resolve().parents if (folder / "hone.toml").is_file()), None)
    if found is None:
        raise EvalError(
            "gate.no_project",
            what="this result lies in no project, and the rules are those of a project",
            where=str(result),
            mend="name the project's folder with --project",
        )
    return found
