"""`hone models`: trained versions, and which of them an alias points to.

With `HONE_BASE_URL`, `list`, `show` and `delete` speak to that server; for the rest the API has no call, so it stays on this
machine and says so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.cli.clock import clock
from honekit.cli.connection import server_url, tell_local

if TYPE_CHECKING:
    from openai import AsyncOpenAI

app = typer.Typer(no_args_is_help=True, help="Model versions: list, show, promote, roll back, delete.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A version's name, or an alias such as my-task@production.")]
Reason = Annotated[str, typer.Option(help="Kept in the alias's history.")]


@app.command("list")
def list_models(
    project: Annotated[str | None, typer.Option(help="Only the versions of this project.")] = None,
    as_json: AsJson = False,
) -> None:
    """List model versions, newest first, with the aliases that point to them; with HONE_BASE_URL what that server answers by.

    Examples:

        hone models list

        hone models list --project iot-diagnostics --json
    """
    if server_url():
        _list_served(as_json)
        return
    from honekit import deploy, registry

    versions, aliases = registry.list_versions(project), deploy.list_aliases(project)
    if as_json:
        print(
            json.dumps(
                {
                    "versions": [version.as_dict() for version in versions],
                    "aliases": [alias.as_dict() for alias in aliases],
                },
                ensure_ascii=False,
            )
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("version", "base", "made", "aliases"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "version")
    for version in versions:
        pointing = ", ".join(alias.alias for alias in aliases if alias.version == version.name)
        table.add_row(version.name, version.base_ref, clock(version.created_at), pointing)
    Console().print(table if versions else "No models yet: `hone run` in the folder of a project makes one.")


@app.command("show")
def show_model(model: Model, as_json: AsJson = False) -> None:
    """Show a version, its lineage and the history of its aliases; with HONE_BASE_URL what that server tells of a model.

    Examples:

        hone models show iot-diagnostics@production

        hone models show ft:smollm2-135m:local:iot-diagnostics:abcdefgh --json
    """
    if server_url():
        _show_served(model, as_json)
        return
    from honekit import deploy

    version = deploy.resolve(model)
    pointing = [alias.alias for alias in deploy.list_aliases() if alias.version == version.name]
    changes = [change for alias in deploy.list_aliases(version.project) for change in deploy.history(alias.alias)]
    if as_json:
        values = {
            **version.as_dict(),
            "aliases": pointing,
            "history": [change.as_dict() for change in changes],
        }
        print(json.dumps(values, ensure_ascii=False))
        return
    for key, value in version.as_dict().items():
        if key == "created_at":
            value = clock(version.created_at)
        print(f"{key:<20} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}")
    print(f"{'aliases':<20} {', '.join(pointing) or '-'}")
    for change in changes:
        print(f"{clock(change.created_at)}  {change.alias} {change.action} -> {change.version}: {change.reason}")


@app.command("promote")
def promote_model(
    model: Model,
    alias: Annotated[str | None, typer.Option(help="The alias to move [default: <project>@production].")] = None,
    reason: Reason = "promoted by hand",
    as_json: AsJson = False,
) -> None:
    """Point an alias at a version.

    Examples:

        hone models promote ft:smollm2-135m:local:iot-diagnostics:abcdefgh

        hone models promote tickets@staging --alias tickets@production
    """
    from honekit import deploy

    tell_local("aliases")
    version = deploy.resolve(model)
    moved = deploy.promote(alias or f"{version.project}@production", version.name, reason)
    print(json.dumps(moved.as_dict()) if as_json else f"{moved.alias} -> {moved.version}")


@app.command("rollback")
def rollback_model(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as my-task@production.")],
    reason: Reason = "rolled back by hand",
    as_json: AsJson = False,
) -> None:
    """Point an alias at the version that it had before.

    Example:

        hone models rollback tickets@production --reason "worse on night logs"
    """
    from honekit import deploy

    tell_local("aliases")
    moved = deploy.rollback(alias, reason)
    print(json.dumps(moved.as_dict()) if as_json else f"{moved.alias} -> {moved.version}")


@app.command("delete")
def delete_model(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version's full name.")],
    as_json: AsJson = False,
) -> None:
    """Delete a version and its adapter, with HONE_BASE_URL on that server; refused while an alias points to it.

    Example:

        hone models delete ft:smollm2-135m:local:iot-diagnostics:abcdefgh
    """
    if server_url():
        from honekit.cli.connection import call, document
        from honekit.cli.render import print_json

        async def remove(client: AsyncOpenAI) -> dict[str, Any]:
            return document(await client.models.delete(version))

        deleted = call(remove)
        if as_json:
            print_json(deleted)
        else:
            print(f"deleted {deleted['id']}")
        return
    from honekit import registry

    gone = registry.delete_version(version)
    print(json.dumps({"deleted": gone.as_dict()}, ensure_ascii=False) if as_json else f"deleted {gone.name}")


def _show_served(name: str, as_json: bool) -> None:
    from honekit.cli.connection import call, document
    from honekit.cli.render import print_json

    async def look(client: AsyncOpenAI) -> dict[str, Any]:
        return document(await client.models.retrieve(name))

    found = call(look)
    if as_json:
        print_json(found)
        return
    made = clock(found["created"]) if found["created"] else "-"
    print(f"{'model':<20} {found['id']}\n{'owner':<20} {found['owned_by']}\n{'made':<20} {made}")


def _list_served(as_json: bool) -> None:
    from honekit.cli.connection import call, document
    from honekit.cli.render import print_json

    async def look(client: AsyncOpenAI) -> list[dict[str, Any]]:
        return [document(model) async for model in client.models.list()]

    found = call(look)
    if as_json:
        print_json({"models": found})
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("model", "owner", "made"):
        table.add_column(heading, overflow="fold")
    for model in found:
        table.add_row(escape(model["id"]), model["owned_by"], clock(model["created"]) if model["created"] else "-")
    Console().print(table if found else "No models yet: `hone jobs create` makes one.")
