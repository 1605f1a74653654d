"""`hone serve`: base models, tuned models and aliases behind OpenAI's API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit import settings
from honekit.base_name import is_directory
from honekit.cli import completion
from honekit.cli.device import Device
from honekit.errors import SettingsError

if TYPE_CHECKING:
    from honekit.api.served import Served

AsJson = Annotated[
    bool, typer.Option("--json", help="Once listening, print one JSON document on stdout; the log goes to stderr.")
]


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on. Other than loopback opens the server to the network.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    device: Device = "auto",
    base: Annotated[
        list[str] | None,
        typer.Option(
            "--base",
            metavar="[NAME=]REF",
            help="Serve a further base: a directory or Hub id. Repeatable.",
            autocompletion=completion.base,
        ),
    ] = None,
    max_loaded: Annotated[int, typer.Option(min=1, help="Models in memory at once; the least recently used one makes room.")] = 3,
    training_jobs: Annotated[
        int, typer.Option(min=0, help="Fine-tuning jobs that run at once; 0 only takes them, for another server to run.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Serve models and fine-tuning as OpenAI's API, until Ctrl-C; a job that runs then goes on with the next server.

    Models load at their first request. An alias is looked up at each request, so a promotion takes effect at once.

    Examples:

        hone serve

        hone serve --port 0 --json

        hone serve --base mine=./my-model
    """
    extra = dict(_named_base(given) for given in base or [])
    settings.judge_endpoint()  # half a configuration is told now, not when the first grader asks
    import logging

    from honekit.api import auth, server
    from honekit.api.engines import Engines
    from honekit.api.middleware import is_loopback
    from honekit.api.served import list_served
    from honekit.cli.render import console, print_json

    models = list_served(extra)
    listener = server.listen(host, port)
    url = server.url_of(listener)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("honekit").setLevel(logging.INFO)
    running = server.make_server(Engines(max_loaded=max_loaded, extra_bases=extra), host, training_jobs)
    if not is_loopback(host):
        console.print(
            f"[bold]warning[/bold] {host} can be reached from the network, without encryption: anyone there who has a key "
            "can use it.\n        Put a proxy with TLS in front, or leave --host away.",
            soft_wrap=True,
        )
    has_key = any(key.revoked_at is None for key in auth.list_keys())
    if as_json:
        names = [served.name for served in models]
        print_json({"url": url, "base_url": f"{url}/v1", "port": listener.getsockname()[1], "models": names})
    else:
        print(_welcome(url, models, has_key), flush=True)
    try:
        running.run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # uvicorn has let running answers end, and raises the signal again
    finally:
        listener.close()
    console.print("stopped")


def _named_base(given: str) -> tuple[str, str]:
    name, equals, ref = given.partition("=")
    if not equals:
        name, ref = (Path(given).expanduser().resolve().name if Path(given).expanduser().is_dir() else given), given
    if not name or not ref:
        raise SettingsError("settings.base", what=f"--base {given!r} names no model", mend="write --base NAME=REF")
    from honekit.cli.known_names import base_from, base_names, did_you_mean
    from honekit.models import bases

    if is_directory(ref, Path()):
        with base_from("--base", ref):
            return name, str(bases.resolve_base(ref))
    if not bases.is_local(ref):
        raise SettingsError(
            "settings.base",
            what=f"the base {ref!r} is not on this machine",
            where="--base",
            mend=did_you_mean(ref, [one for one in base_names() if one != ref])
            + f"`hone bases get {ref}` fetches one by its id, and a directory works too",
        )
    return name, ref


def _welcome(url: str, models: list[Served], has_key: bool) -> str:
    lines = [f"Hone serves {url}/v1   (Ctrl-C stops it)", ""]
    if models:
        lines += ["Models", *(f"  {_described(served)}" for served in models)]
    else:
        lines += ["No models yet: `hone bases get smollm2-135m` fetches a base, `hone run` makes a tuned one."]
    name = models[0].name if models else "MODEL"
    key = "Key      from `hone keys create`" + ("" if has_key else ": there is none yet, and every request needs one")
    return "\n".join(
        [
            *lines,
            "",
            key + ", then `export HONE_API_KEY=...`",
            "",
            "curl",
            f'  curl {url}/v1/chat/completions -H "Authorization: Bearer $HONE_API_KEY" \\',
            "    -H 'Content-Type: application/json' \\",
            f'    -d \'{{"model": "{name}", "messages": [{{"role": "user", "content": "Hello"}}]}}\'',
            "",
            "Python",
            "  import os; from openai import OpenAI",
            f'  client = OpenAI(base_url="{url}/v1", api_key=os.environ["HONE_API_KEY"])',
            f'  print(client.chat.completions.create(model="{name}", messages=[{{"role": "user", "content": "Hello"}}])'
            ".choices[0].message.content)",
            "",
        ]
    )


def _described(served: Served) -> str:
    if served.owned_by == "base":
        return f"{served.name}   base model"
    return f"{served.name}   " + (f"alias of {served.model}" if served.name != served.model else f"tuned on {served.base_ref}")
