"""`hone data versions`: how a data file came about, and what uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from honekit.cli.clock import clock
from honekit.cli.render import print_json


def versions(
    name: Annotated[
        str | None,
        typer.Argument(metavar="FILE|ID", help="A file, the first digits of a version, or a file's, job's or model's id."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Without a name: at most this many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Show how a data file was made, of which others, and which jobs, models and evaluations use it.

    A version is the content of a file, named by the first 16 digits of its SHA-256; a copy under another name is the same one.

    Examples:

        hone data versions

        hone data versions data/train.jsonl

        hone data versions ftjob-abc123 --json
    """
    from honekit.data.versions import find_version, lineage, list_made, version_id

    if name is not None:
        found = lineage(find_version(name))
        if as_json:
            print_json(found)
        else:
            _print(found, "")
        return
    made = list_made(limit)
    if as_json:
        print_json({"versions": [{"version": version_id(one.sha256), **vars(one)} for one in made]})
        return
    for one in made:
        print(f"{version_id(one.sha256)}  {clock(one.created_at)}  {one.action:<10}{one.path}")
    if not made:
        print("No versions yet: `hone data prepare`, `split` and the other commands that write data files note them.")


def _print(found: dict[str, Any], indent: str) -> None:
    path = found.get("path") or (found["made"][-1]["path"] if found["made"] else "")
    print(f"{indent}{found['version']}  {path}")
    for made in found["made"]:
        details = ", ".join(f"{key} {value}" for key, value in made["details"].items() if value not in (None, "", {}, []))
        parents = ", ".join(Path(parent["path"]).name for parent in made["parents"])
        print(f"{indent}  {made['action']} {clock(made['created_at'])}{f' of {parents}' if parents else ''}")
        if details:
            print(f"{indent}    {details}")
    if not found["made"]:
        print(f"{indent}  not made by Hone, or not on this machine")
    for kind, ids in found["used_by"].items():
        print(f"{indent}  used by {kind}: {', '.join(ids)}")
    for parent in found["made_of"]:
        _print(parent, f"{indent}    ")
