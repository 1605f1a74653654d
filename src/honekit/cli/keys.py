"""`hone keys`: keys for the served API; of this machine, or with `HONE_BASE_URL` of the project of that server's key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from honekit.cli.clock import clock
from honekit.cli.connection import server_url

if TYPE_CHECKING:
    from honekit.api import auth

app = typer.Typer(no_args_is_help=True, help="Keys for the served API.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


@app.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="What the key is for; only you see it.")] = "",
    project: Annotated[
        str | None,
        typer.Option(help="Whose files, jobs and models it reaches; projects see nothing of each other [default: default]."),
    ] = None,
    scope: Annotated[
        str,
        typer.Option(
            help="read: look, and use models; write: also make, change, delete; admin: also keys, and sharing checkpoints."
        ),
    ] = "write",
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once: only its hash is kept.

    With HONE_BASE_URL it is made on that server, for the project of HONE_API_KEY, which must be of scope admin.

    Examples:

        hone keys create --name laptop

        hone keys create --project team-a --scope read

        export HONE_API_KEY=$(hone keys create --json | jq -r .key)
    """
    from honekit.api import auth
    from honekit.cli import server_keys
    from honekit.cli.render import console, print_json

    if server_url():
        secret, key = server_keys.create_key(name, scope, project)
    else:
        secret, of_machine = auth.create_key(name, project=project or "default", scope=cast("auth.Scope", scope))
        key = _shown(of_machine)
    if as_json:
        print_json({"key": secret, **key})
        return
    print(secret, flush=True)
    console.print(f"Keep it: it is not shown again. To make it useless: hone keys revoke {key['id']}", soft_wrap=True)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, newest first, revoked ones too.

    Example:

        hone keys list
    """
    from honekit.api import auth
    from honekit.cli import server_keys
    from honekit.cli.render import print_json, tables

    keys = server_keys.list_keys() if server_url() else [_shown(key) for key in auth.list_keys()]
    if as_json:
        print_json({"keys": keys})
        return
    from rich.markup import escape
    from rich.table import Table

    if not keys:
        print("No keys yet: `hone keys create` makes one.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("id", "key", "name", "project", "scope", "last used", "state"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("id", "name"))
    for key in keys:
        state = f"revoked {clock(key['revoked_at'])}" if key["revoked_at"] else "valid"
        table.add_row(
            key["id"], f"{key['prefix']}…", escape(key["name"]), key["project"], key["scope"],
            clock(key["last_used_at"]), state,
        )  # fmt: skip
    tables().print(table)


@app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, the beginning that the list shows, or the key itself.")],
    as_json: AsJson = False,
) -> None:
    """Make a key useless from the next request on. Revoking a key again changes nothing.

    Example:

        hone keys revoke key_0A1b2C3d4E5f6G7h8I9j0K1l
    """
    from honekit.api import auth
    from honekit.cli import server_keys
    from honekit.cli.render import print_json

    revoked = server_keys.revoke_key(key) if server_url() else _shown(auth.revoke_key(key))
    if as_json:
        print_json(revoked)
    else:
        print(f"{revoked['id']} ({revoked['name']}) is revoked")


def _shown(key: auth.ApiKey) -> dict[str, Any]:
    """Times as whole Unix seconds, as the API has them; the owner under the name that people give it."""
    values = {"project" if name == "owner" else name: value for name, value in key.as_dict().items()}
    return {name: int(value) if isinstance(value, float) else value for name, value in values.items()}
