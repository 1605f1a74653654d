"""`hone bases`: the base models that Hone knows, and fetching them."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from honekit.cli import completion

app = typer.Typer(no_args_is_help=True, help="Base models: which there are, what they need, fetching them.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
BaseId = Annotated[
    str,
    typer.Argument(
        metavar="BASE", help="Catalogue id, Hub id (owner/name) or a local directory.", autocompletion=completion.base
    ),
]


@app.command("list")
def list_bases(as_json: AsJson = False) -> None:
    """List the base models of the catalogue and whether they are on this machine.

    Examples:

        hone bases list

        hone bases list --json
    """
    from honekit.models import bases, catalogue

    entries = [{**entry.as_dict(), "local": bases.is_local(entry.id)} for entry in catalogue.CATALOGUE]
    if as_json:
        print(json.dumps({"bases": entries}, ensure_ascii=False))
        return
    from rich.table import Table

    from honekit.cli.render import tables

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("base", no_wrap=True)
    table.add_column("size", justify="right")
    table.add_column("context", justify="right")
    for heading in ("licence", "from", "here"):
        table.add_column(heading, no_wrap=True)
    for entry, values in zip(catalogue.CATALOGUE, entries, strict=True):
        size = f"{entry.parameters / 1e6:,.0f} M"
        source = "package" if entry.wheel else "Hub"
        here = "yes" if values["local"] else "no"
        table.add_row(entry.id, size, f"{entry.context_tokens:,}", entry.licence, source, here)
    tables().print(table)


@app.command("get")
def get_base(base: BaseId, as_json: AsJson = False) -> None:
    """Fetch a base model and make it ready; does nothing when it is ready already.

    The embedded base comes as a Python package through pip, with your own index settings; its sha256 is
    checked. Others come from the Hugging Face Hub, with your own HF_* variables.

    Examples:

        hone bases get smollm2-135m

        hone bases get HuggingFaceTB/SmolLM2-360M-Instruct
    """
    import time

    from honekit.cli.known_names import base_from
    from honekit.cli.render import progress
    from honekit.models import bases
    from honekit.models.fingerprint import fingerprint_base

    started = time.monotonic()
    with progress(f"{base}, MB") as report:

        def show(stage: str, done: int, total: int | None) -> None:
            report(done / 1e6, None if total is None else total / 1e6, stage)

        with base_from("BASE", base):
            path = bases.get_base(base, show)
    found = {"id": base, "path": str(path), "fingerprint": fingerprint_base(path)}
    elapsed_s = round(time.monotonic() - started, 1)
    if as_json:
        print(json.dumps({**found, "elapsed_s": elapsed_s}, ensure_ascii=False))
    else:
        print(f"{base} is ready after {elapsed_s} s\n  folder       {path}\n  fingerprint  {found['fingerprint']}")


@app.command("show")
def show_base(base: BaseId, as_json: AsJson = False) -> None:
    """Show all that is known about one base model, with its fingerprint when it is on this machine.

    Examples:

        hone bases show smollm2-135m

        hone bases show ./my-model --json
    """
    from honekit.cli.known_names import base_from
    from honekit.models import bases, catalogue
    from honekit.models.fingerprint import fingerprint_base

    entry = catalogue.find(base)
    known = entry.as_dict() if entry else {"id": base}
    local = bases.is_local(base)
    with base_from("BASE", base):
        if not local and entry is None and "/" not in base:
            raise catalogue.unknown_base(base)
        path = bases.resolve_base(base) if local else None
    values = {
        **known,
        "local": local,
        "path": str(path) if path else None,
        "fingerprint": fingerprint_base(path) if path else None,
    }
    if as_json:
        print(json.dumps(values, ensure_ascii=False))
        return
    for key, value in values.items():
        if key == "memory_bytes":
            key, value = "memory", ", ".join(f"{kind} {number / 1e6:,.0f} MB" for kind, number in value.items())
        elif key in ("parameters", "context_tokens"):
            key, value = key.removesuffix("_tokens"), f"{value:,}"
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, dict):
            value = ", ".join(f"{name} {number}" for name, number in value.items())
        if value not in (None, ""):
            print(f"{key:<15} {value}")
    if not local:
        print(f"Not on this machine yet: `hone bases get {base}`")
