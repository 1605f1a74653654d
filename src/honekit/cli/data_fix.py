"""`hone data fix`: safe mends of chat files, written to new files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.data_given import expect_jsonl
from honekit.cli.render import print_json

if TYPE_CHECKING:
    from honekit.data.mending.fix import Fixed, FixOptions
    from honekit.data.private.pseudonyms import Pseudonyms


def fix(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Chat JSONL; several get the same pseudonyms.")],
    out: Annotated[Path | None, typer.Option(help="The new file, for one FILE. Default: NAME.fixed.jsonl beside it.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="CODE", help="Mend this code only; may be repeated.")] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Replace personal data and secrets by pseudonyms.")] = False,
    key_file: Annotated[
        Path | None, typer.Option(help="Draw pseudonyms with this file's content as key: the same in later runs.")
    ] = None,
    drop_broken: Annotated[
        bool, typer.Option("--drop-broken", help="Move records with errors into NAME.fixed.rejected.jsonl, with the reason.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Apply safe fixes to chat files and write new ones; the originals are never touched.

    Mended are exact duplicates, unknown keys, a byte-order mark, CRLF, blank lines, and faults of single texts that
    lose nothing. Beside each new file NAME.fixed.changes.jsonl lists every change with its line. An existing file is
    not overwritten. The same input gives the same output, and the output fixed again stays as it is.

    Errors that no mend removes (broken JSON, a missing answer, ...) are listed, their lines copied as they are, and the
    exit code is 1; --drop-broken moves them into a file of their own instead. Near duplicates, leaks and wrong labels
    are never decided here.

    Examples:

        hone data fix train.jsonl

        hone data fix train.jsonl validation.jsonl test.jsonl --redact

        hone data fix train.jsonl --out clean.jsonl --only data.duplicate
    """
    from honekit.data.mending.fix import FixOptions, fixed_path
    from honekit.data.versions import record_version

    expect_jsonl(*files, but=("prompt-completion", "preference", "reinforcement"))
    if out and len(files) > 1:
        raise typer.BadParameter("with --out give one FILE", param_hint="--out")
    if key_file and not redact:
        raise typer.BadParameter("a key is for --redact", param_hint="--key-file")
    codes = frozenset(only) if only else None
    options = FixOptions(codes, _pseudonyms(codes, key_file) if redact else None, drop_broken)
    results = [_fix(file, out or fixed_path(file), options, is_quiet=as_json) for file in files]
    for result in results:
        record_version(result.target, result.source, "fixed", {"changes": dict(result.changes)})
    if as_json:
        print_json({"files": [result.as_dict() for result in results], "ok": all(result.is_good for result in results)})
    else:
        for result in results:
            _print(result)
    raise typer.Exit(0 if all(result.is_good for result in results) else 1)


def _pseudonyms(codes: frozenset[str] | None, key_file: Path | None) -> Pseudonyms:
    from honekit.data.blocks import open_data
    from honekit.data.private.pseudonyms import Pseudonyms

    key = None
    if key_file:
        with open_data(key_file) as file:
            key = file.read().strip()
        if not key:
            raise typer.BadParameter(f"{key_file} is empty", param_hint="--key-file")
    return Pseudonyms(key, codes or frozenset())


def _fix(file: Path, target: Path, options: FixOptions, *, is_quiet: bool) -> Fixed:
    from honekit.cli.render import progress
    from honekit.data.blocks import is_packed, open_data
    from honekit.data.mending.fix import fix_file

    with open_data(file):  # A missing file is said before a bar is drawn.
        pass
    if is_quiet:
        return fix_file(file, target, options)
    # How far a packed file goes is known at its end only.
    size = None if is_packed(file) else file.stat().st_size / 1e6
    with progress(f"fixing {file.name}, MB", size) as report:
        return fix_file(file, target, options, lambda done: report(done / 1e6))


def _print(result: Fixed) -> None:
    from honekit.data.lines import MAX_SHOWN, located

    print(f"{result.source}: {result.read} records read, {result.written} written to {result.target}")
    for code, count in sorted(result.changes.items()):
        print(f"  {count:>7} x {code}")
    print(f"  changes: {result.log}" if result.changes else "  nothing was to be mended")
    if result.broken:
        where = f"moved to {result.rejected}" if result.rejected else "copied as they are; mend them, or add --drop-broken"
        records = "1 record" if result.broken == 1 else f"{result.broken:,} records"
        print(f"  {records} with errors that no mend removes, {where}:")
        for finding in result.left:
            print(f"    {located(Path(result.source.name), finding)}: {finding.message} [{finding.code}]")
        if len(result.left) == MAX_SHOWN:
            print(f"    the first {MAX_SHOWN} are shown; `hone data check {result.target}` names all")
