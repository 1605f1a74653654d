"""`hone models`: trained versions, and which of them an alias points to.

With `HONE_BASE_URL` all of them speak to that server, about the models of the project that `HONE_API_KEY` belongs to.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from honekit.cli import completion
from honekit.cli.clock import clock
from honekit.cli.connection import server_url

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from honekit.deploy import Alias
    from honekit.registry import Version

app = typer.Typer(no_args_is_help=True, help="Model versions: list, show, promote, roll back, delete.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A version's name, or an alias such as my-task@production.", autocompletion=completion.tuned
    ),
]
Reason = Annotated[str, typer.Option(help="Kept in the alias's history.")]


@app.command("list")
def list_models(
    project: Annotated[str | None, typer.Option(help="Only the versions of this project.")] = None,
    as_json: AsJson = False,
) -> None:
    """List model versions, newest first, with the aliases that point to them; with HONE_BASE_URL what that server answers by.

    The JSON has every name that can be asked, bases too: `models` and `aliases`, as the API has them.

    Examples:

        hone models list

        hone models list --project iot-diagnostics --json
    """
    from honekit.cli import model_values
    from honekit.cli.render import print_json, tables

    if as_json:
        print_json(model_values.listed(project))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    if server_url():
        for heading in ("model", "owner", "made"):
            table.add_column(heading, overflow="fold")
        for model in model_values.listed(project)["models"]:
            table.add_row(escape(model["id"]), model["owned_by"], clock(model["created"] or None))
        tables().print(table if table.rows else "No models yet: `hone jobs create` makes one.")
        return
    from honekit import deploy, registry

    versions, aliases = registry.list_versions(project), deploy.list_aliases(project)
    for heading in ("version", "base", "made", "aliases"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "version")
    for version in versions:
        pointing = ", ".join(alias.alias for alias in aliases if alias.version == version.name)
        table.add_row(version.name, version.base_ref, clock(version.created_at), pointing)
    tables().print(table if versions else "No models yet: `hone run` in the folder of a project makes one.")


@app.command("show")
def show_model(model: Model, as_json: AsJson = False) -> None:
    """Show a model with its lineage, the aliases that point to it, and their histories.

    Examples:

        hone models show iot-diagnostics@production

        hone models show ft:smollm2-135m:local:iot-diagnostics:abcdefgh --json
    """
    from honekit.cli import model_values
    from honekit.cli.render import print_json

    shown = model_values.shown(model)
    if as_json:
        print_json(shown)
        return
    lines = {"model": shown["id"], "owner": shown["owned_by"], "made": clock(shown["created"] or None)}
    lines |= shown.get("lineage", {})
    version = None if server_url() else _version(model)
    if version is not None:
        lines |= {"version": version.name, "adapter": version.adapter_path}
    for key, value in lines.items():
        print(f"{key:<20} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}")
    aliases = shown["aliases"]
    print(f"{'aliases':<20} {', '.join(one['id'] for one in aliases) or '-'}")
    for alias in aliases:
        for change in alias["history"]:
            told = f"{alias['id']} {change['action']} -> {change['model']}: {change['reason']}"
            print(f"{clock(change['created_at'])}  {told}")


@app.command("promote")
def promote_model(
    model: Model,
    alias: Annotated[
        str | None, typer.Option(help="The alias to move [default: <project>@production].", autocompletion=completion.alias)
    ] = None,
    reason: Reason = "promoted by hand",
    as_json: AsJson = False,
) -> None:
    """Point an alias at a version, with HONE_BASE_URL on that server.

    Examples:

        hone models promote ft:smollm2-135m:local:iot-diagnostics:abcdefgh

        hone models promote tickets@staging --alias tickets@production
    """
    from honekit import deploy

    if server_url():
        _print_moved(_move_served("/aliases", {"model": model, "alias": alias, "reason": reason}), as_json)
    else:
        _print_moved(_moved(deploy.promote(alias, deploy.resolve(model).name, reason)), as_json)


@app.command("rollback")
def rollback_model(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as my-task@production.", autocompletion=completion.alias)],
    reason: Reason = "rolled back by hand",
    as_json: AsJson = False,
) -> None:
    """Point an alias at the version that it had before, with HONE_BASE_URL on that server.

    Example:

        hone models rollback tickets@production --reason "worse on night logs"
    """
    from honekit import deploy

    if server_url():
        _print_moved(_move_served(f"/aliases/{quote(alias)}/rollback", {"reason": reason}), as_json)
    else:
        _print_moved(_moved(deploy.rollback(alias, reason)), as_json)


@app.command("delete")
def delete_model(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version's full name.", autocompletion=completion.version)],
    as_json: AsJson = False,
) -> None:
    """Delete a version with all its weights, with HONE_BASE_URL on that server; refused while an alias points to it.

    Of a job that failed or was cancelled, its checkpoints can be deleted by their names.

    Example:

        hone models delete ft:smollm2-135m:local:iot-diagnostics:abcdefgh
    """
    from honekit.cli import model_values
    from honekit.cli.render import print_json

    deleted = model_values.delete(version)
    if as_json:
        print_json(deleted)
    else:
        print(f"deleted {deleted['id']}")


def _version(name: str) -> Version | None:
    """The version of this name or behind this alias; a base and a checkpoint are none."""
    from honekit import deploy
    from honekit.errors import RegistryError

    try:
        return deploy.resolve(name)
    except RegistryError:
        return None


def _moved(alias: Alias) -> dict[str, Any]:
    return {"alias": alias.alias, "version": alias.version, "updated_at": int(alias.updated_at)}


def _move_served(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the server answers, with the names of this machine's own aliases."""
    from honekit.cli.connection import call

    async def move(client: AsyncOpenAI) -> dict[str, Any]:
        # The client sends a request again when its answer is lost; the key keeps a rollback from going back twice.
        options: Any = {"headers": {"Idempotency-Key": uuid.uuid4().hex}}
        moved: Any = await client.post(path, body=body, cast_to=object, options=options)
        return {"alias": moved["id"], "version": moved["model"], "updated_at": moved["updated_at"]}

    return call(move)


def _print_moved(moved: dict[str, Any], as_json: bool) -> None:
    print(json.dumps(moved) if as_json else f"{moved['alias']} -> {moved['version']}")
