"""`hone files`: what jobs are trained on, and what they made."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Protocol

import typer

from honekit.cli import completion
from honekit.cli.clock import clock

if TYPE_CHECKING:
    from openai import AsyncOpenAI

app = typer.Typer(no_args_is_help=True, help="Files for the fine-tuning API: upload, list, show, read, delete.")

MAX_PAGE = 10_000
"""Files that the API lists at once."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


class Streamed(Protocol):
    """An answer's body as it comes."""

    def iter_bytes(self) -> AsyncIterator[bytes]: ...


FileId = Annotated[
    str, typer.Argument(metavar="FILE", help="Id of the file (`hone files list`).", autocompletion=completion.file)
]


@app.command("upload")
def upload_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of this machine.")],
    purpose: Annotated[str, typer.Option(help="What the files are for.")] = "fine-tune",
    expires_after: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Delete them so long after the upload: seconds, or as 12h, 7d; an hour to 30 days."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Upload files; prints their ids. Files above 512 MB go in parts.

    Examples:

        hone files upload train.jsonl valid.jsonl

        hone files upload notes.txt --purpose user_data --expires-after 7d

        hone files upload train.jsonl --json | jq -r '.files[0].id'
    """
    seconds = None if expires_after is None else _seconds(expires_after)
    from honekit.cli.connection import call
    from honekit.cli.render import print_json
    from honekit.cli.uploading import upload

    async def send(client: AsyncOpenAI) -> list[dict[str, Any]]:
        made = []
        for path in files:
            made.append(await upload(client, path.expanduser(), purpose, seconds))
            if not as_json:
                until = f"  until {clock(made[-1]['expires_at'])}" if made[-1].get("expires_at") else ""
                print(f"{made[-1]['id']}  {made[-1]['filename']}  {_size(made[-1]['bytes'])}{until}", flush=True)
        return made

    made = call(send)
    if as_json:
        print_json({"files": made})


@app.command("list")
def list_files(
    purpose: Annotated[str | None, typer.Option(help="Only files of this purpose, such as fine-tune-results.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many, newest first [default: all].")] = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Those behind this file: the last one of a list before.", autocompletion=completion.file
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List files, newest first.

    Examples:

        hone files list

        hone files list --purpose fine-tune-results --json

        hone files list --limit 10 --after file-abc123
    """
    from honekit.cli.connection import call, taken
    from honekit.cli.render import print_json, tables

    chosen: dict[str, Any] = {"purpose": purpose, "after": after, "limit": limit and min(limit, MAX_PAGE)}
    given = {name: value for name, value in chosen.items() if value}
    found = call(lambda client: taken(client.files.list(**given), limit))
    if as_json:
        print_json({"files": found})
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    expiring = ["expires"] if any(file.get("expires_at") for file in found) else []
    for heading in ("file", "name", "purpose", "size", "made", *expiring):
        table.add_column(heading, overflow="fold", no_wrap=heading == "file")
    for file in found:
        until = [clock(file.get("expires_at"))] if expiring else []
        made = clock(file["created_at"])
        table.add_row(file["id"], escape(file["filename"]), file["purpose"], _size(file["bytes"]), made, *until)
    none = (
        "No such files."
        if after
        else f"No files of the purpose {purpose!r}."
        if purpose
        else "No files yet: `hone files upload` brings some."
    )
    tables().print(table if found else escape(none))


@app.command("show")
def show_file(file: FileId, as_json: AsJson = False) -> None:
    """Show one file's description.

    Example:

        hone files show file-abc123
    """
    from honekit.cli.connection import call, document
    from honekit.cli.render import print_json

    async def look(client: AsyncOpenAI) -> dict[str, Any]:
        return document(await client.files.retrieve(file))

    found = call(look)
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        shown = clock(value) if name.endswith("_at") else _size(value) if name == "bytes" else value
        if name != "object":
            print(f"{name:<12} {shown}")


@app.command("content")
def file_content(
    file: FileId,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there, not to stdout.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With -o: print what was written as one JSON document.")] = False,
) -> None:
    """Print a file's content, or write it to a file.

    Examples:

        hone files content file-abc123 | head

        hone files content file-abc123 -o step_metrics.csv
    """
    from honekit.cli.connection import call
    from honekit.cli.render import print_json
    from honekit.errors import SettingsError

    if as_json and output is None:
        raise SettingsError("cli.usage", what="--json would mix with the content", mend="add -o FILE, or leave --json away")

    async def fetch(client: AsyncOpenAI) -> int:
        async with client.files.with_streaming_response.content(file) as answer:
            if output is None:
                return await _copy(answer, sys.stdout.buffer)
            return await _save(answer, output)

    written = call(fetch)
    if as_json:
        print_json({"id": file, "path": str(output), "bytes": written})
    elif output is not None:
        print(f"{output}  {_size(written)}")


@app.command("delete")
def delete_file(file: FileId, as_json: AsJson = False) -> None:
    """Delete a file. A job that is still to read it keeps its content until it is over.

    Example:

        hone files delete file-abc123
    """
    from honekit.cli.connection import call, document
    from honekit.cli.render import print_json

    async def remove(client: AsyncOpenAI) -> dict[str, Any]:
        return document(await client.files.delete(file))

    gone = call(remove)
    if as_json:
        print_json(gone)
    else:
        print(f"deleted {gone['id']}")


async def _copy(answer: Streamed, target: BinaryIO) -> int:
    count = 0
    async for chunk in answer.iter_bytes():
        target.write(chunk)
        count += len(chunk)
    target.flush()
    return count


async def _save(answer: Streamed, path: Path) -> int:
    """Under another name until it is whole. Raises: StoreError[store.*]."""
    from honekit.store.atomic import writing

    part = path.with_name(f".{path.name}.part")
    with writing(path):
        try:
            with open(part, "wb") as file:
                count = await _copy(answer, file)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return count


def _seconds(given: str) -> int:
    """`3600`, `90m`, `12h`, `7d` in seconds. Raises: SettingsError[cli.usage]."""
    from honekit.errors import SettingsError

    found = re.fullmatch(r"([0-9]{1,9})\s*([smhd]?)", given.strip())
    if found is None:
        mend = "write seconds, or a number with s, m, h or d, such as 7d"
        raise SettingsError("cli.usage", what=f"--expires-after {given[:80]!r} is no length of time", mend=mend)
    return int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]]


def _size(count: int) -> str:
    return f"{count:,} bytes" if count < 100_000 else f"{count / 1e6:,.1f} MB"
