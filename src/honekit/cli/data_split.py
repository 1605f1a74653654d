"""`hone data split`: one file into train, validation and test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from honekit.cli.data_given import expect_jsonl
from honekit.cli.render import print_json


def split(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Chat JSONL, pairs of answers, or prompts with references.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for train, validation and test.jsonl and manifest.json.")],
    by: Annotated[
        Literal["random", "stratified", "group", "time"] | None, typer.Option(help="[default: what the keys and labels allow]")
    ] = None,
    field: Annotated[str | None, typer.Option(help="Label to keep even, a key of the answer or of the record.")] = None,
    group_key: Annotated[
        str | None, typer.Option(help="Records with the same value stay together, e.g. metadata.device.")
    ] = None,
    time_key: Annotated[
        str | None, typer.Option(help="Time of a record, e.g. metadata.created_at; the test set is newest.")
    ] = None,
    validation: Annotated[float, typer.Option(min=0, max=1, help="Share for validation.")] = 0.15,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share for the test.")] = 0.25,
    seed: Annotated[int, typer.Option(help="Another seed, another split.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Split a file into train, validation and test. Near duplicates always stay together.

    Keys may be fields of the record (`metadata.x`) or of its JSON answer. The same file, options and seed give the same
    files; what is in the folder already is never overwritten.

    Examples:

        hone data split all.jsonl --out data

        hone data split all.jsonl --out data --by group --group-key device

        hone data split all.jsonl --out data --by time --time-key metadata.created
    """
    from honekit.data.split_file import SplitPlan, split_file
    from honekit.data.versions import record_version

    expect_jsonl(file)
    plan = SplitPlan(by, field, group_key, time_key, validation, test, seed)
    manifest = split_file(file, out, plan)
    for name, part in manifest["files"].items():
        details = {key: manifest[key] for key in ("by", "field", "group_key", "time_key", "shares", "seed")}
        part["version"] = record_version(out / part["file"], file, "split", {"part": name, **details})
    if as_json:
        print_json({**manifest, "directory": out})
    else:
        _print(manifest, out)


def _print(manifest: dict[str, Any], out: Path) -> None:
    from honekit.data.near.rule import THRESHOLD

    by = manifest["by"]
    keys = ", ".join(str(manifest[key]) for key in ("field", "group_key", "time_key") if manifest[key])
    print(f"split {manifest['records']} records by {by}{f' ({keys})' if keys else ''}, seed {manifest['seed']}")
    for part in manifest["files"].values():
        print(f"  {part['records']:>7}  {out / part['file']}  version {part['version']}")
    labels = dict.fromkeys(label for part in manifest["files"].values() for label in part["labels"])
    if labels:
        names = list(manifest["files"])
        print(f"\n{manifest['field']:<24}" + "".join(f"{name:>12}" for name in names))
        for label in labels:
            counts = [manifest["files"][name]["labels"].get(label, 0) for name in names]
            print(f"  {label[:22]:<22}" + "".join(f"{count:>12}" for count in counts))
    print(f"\nin {manifest['groups']} groups that stay together; no near duplicate (Jaccard >= {THRESHOLD}) in two files")
