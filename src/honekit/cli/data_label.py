"""`hone data label`: a page in the browser to write, review and relabel examples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.errors import SettingsError

if TYPE_CHECKING:
    from honekit.data.label import Session

Given = Annotated[Path | None, typer.Argument(metavar="FILE", help="Chat JSONL to review.")]


@dataclass(frozen=True)
class Sources:
    """What the user gave, of which exactly one is labelled."""

    file: Path | None
    log: Path | None
    is_new: bool
    review: Path | None


def label(
    file: Given = None,
    new: Annotated[bool, typer.Option("--new", help="Write examples from nothing.")] = False,
    from_log: Annotated[
        Path | None, typer.Option("--from-log", metavar="LOG", help="Answer the lines of a log or a table; alike ones once.")
    ] = None,
    review: Annotated[
        Path | None,
        typer.Option(metavar="REVIEW", help="Show these lines of FILE first: JSONL of line, given, suggested, score."),
    ] = None,
    schema: Annotated[Path | None, typer.Option(help="JSON schema of the answer, for the form.")] = None,
    project: Annotated[
        Path | None, typer.Option(help="hone.toml, whose fields make the form and whose prompts are used.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The new file. Default: FILE with `.labelled.jsonl`.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Once listening, print one JSON document on stdout and nothing else there.")
    ] = False,
) -> None:
    """Write, review, accept, reject and relabel examples in a browser page, on this machine only.

    Every decision is on the disk at once: end it at any time, and the same command goes on. FILE is never changed;
    `Finish` in the page writes a new one.

    Examples:

        hone data label train.jsonl

        hone data label train.jsonl --review suspects.jsonl

        hone data label --from-log gateway.log --project hone.toml

        hone data label --new --schema answer.json --out examples.jsonl
    """
    import secrets
    import webbrowser

    import uvicorn

    from honekit.api import server
    from honekit.api.label.app import create_label_app
    from honekit.cli.render import console, print_json

    sources = Sources(file, from_log, new, review)
    session = open_session(sources, schema, project, out)
    written: dict[str, Any] = {}
    try:
        token = secrets.token_urlsafe(24)
        listener = server.listen("127.0.0.1", port)

        def on_finish(result: dict[str, Any]) -> None:
            written.update(result)
            running.should_exit = True

        app = create_label_app(session, token, on_finish)
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2)
        running = uvicorn.Server(config)
        url = f"{server.url_of(listener)}/{token}/"
        if as_json:
            print_json({"url": url, "out": session.out, "examples": len(session.items), **session.progress()})
        else:
            print(f"Label {len(session.items)} examples at {url}   (Ctrl-C stops; the same command goes on)", flush=True)
        if browser:
            webbrowser.open(url)
        try:
            running.run(sockets=[listener])
        except KeyboardInterrupt:
            pass  # every decision is in the journal already
        finally:
            listener.close()
        progress = session.progress()
    finally:
        session.close()
    if written:
        from honekit.data.versions import record_version

        record_version(Path(written["out"]), session.source, "labelled", {"edited": written["edited"]})
        console.print(f"written: {written['out']} ({written['written']} examples, {written['edited']} edited)", soft_wrap=True)
    else:
        kept = progress["accepted"] + progress["rejected"]
        console.print(
            f"{kept} {'decision is' if kept == 1 else 'decisions are'} kept; run the same command again to go on", soft_wrap=True
        )


def open_session(sources: Sources, schema: Path | None, project: Path | None, out: Path | None) -> Session:
    """The items, the form and the journal that the options name.

    Raises: SettingsError[cli.usage], DataError and StoreError of what is read and written.
    """
    from honekit.data import label as labelling
    from honekit.data.checks.run import check_file
    from honekit.project import load_project

    if sum((sources.file is not None, sources.log is not None, sources.is_new)) != 1:
        raise SettingsError(
            "cli.usage", what="give exactly one of FILE, --from-log and --new", mend="see `hone data label --help`"
        )
    if sources.review and not sources.file:
        raise SettingsError("cli.usage", what="--review needs the data file", mend="hone data label FILE --review REVIEW")
    if schema and project:
        raise SettingsError("cli.usage", what="--schema and --project both say what an answer is", mend="give one of them")
    loaded = load_project(project) if project else None
    findings: list[Any] = []
    if sources.file:
        items = labelling.items_of_chat(sources.file)
        result = check_file(sources.file)
        findings = [*result.errors, *result.warnings, *result.advice]
    else:
        items = labelling.items_of_log(sources.log, loaded) if sources.log else []
    if loaded:
        form = labelling.form_of_project(loaded)
    elif schema:
        form = labelling.form_of_schema(labelling.read_schema(schema))
    else:
        answers = [labelling.answer_of(item.record) for item in items]
        form = labelling.form_of_answers([answer for answer in answers if answer])
    if sources.review:
        items = labelling.with_review(items, sources.review)
    source = sources.file or sources.log
    target = out or (source.with_name(f"{source.stem}.labelled.jsonl") if source else Path("examples.jsonl"))
    if source and target.resolve() == source.resolve():
        raise SettingsError(
            "cli.usage", what="--out is the file itself, which is never changed", mend="name another one with --out"
        )
    return labelling.Session(items, form, target, source=source, project=loaded, findings=findings)
