"""`hone data generate`: more examples from a few, through any OpenAI-compatible endpoint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.errors import SettingsError

if TYPE_CHECKING:
    from honekit.data.generate.tally import Tally
    from honekit.data.label import Form


def generate(
    seed: Annotated[Path, typer.Option(metavar="FILE", help="Chat JSONL of examples to begin from.")],
    spec: Annotated[str, typer.Option(metavar="TEXT|FILE", help="What to write; lines such as `tone: calm | angry` vary it.")],
    count: Annotated[int, typer.Option(min=1, help="Acceptable examples wanted.")],
    endpoint: Annotated[str, typer.Option(metavar="URL", help="An OpenAI-compatible API, such as http://127.0.0.1:8000/v1.")],
    model: Annotated[str, typer.Option(help="The model's name there.")],
    out: Annotated[Path | None, typer.Option(help="Default: the seed file with `.generated.jsonl`.")] = None,
    schema: Annotated[Path | None, typer.Option(help="JSON schema of the answer. Default: inferred from the seeds.")] = None,
    project: Annotated[Path | None, typer.Option(help="hone.toml, whose fields the answers must fit.")] = None,
    avoid: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Held-out chat JSONL that must not be repeated. Repeatable.")
    ] = None,
    key_env: Annotated[str, typer.Option(help="Variable that holds the endpoint's key.")] = "OPENAI_API_KEY",
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Requests at once.")] = 4,
    per_request: Annotated[int, typer.Option(min=1, max=20, help="Examples asked for at a time.")] = 3,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="Higher is more varied.")] = 1.0,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Cap on a reply. Default: the endpoint's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Generate examples that fit the form of the seeds and repeat none of them; exit 1 when there are too few.

    Each request shows other seeds and asks for another combination of the spec's attributes. A file beside the output
    marks every line as synthetic. After Ctrl-C the same command goes on.

    Examples:

        hone data generate --seed train.jsonl --spec "Requests to a photo shop" \\
            --endpoint https://api.openai.com/v1 --model gpt-4.1-mini

        hone data generate --seed train.jsonl --spec spec.toml --count 50 \\
            --endpoint http://127.0.0.1:8000/v1 --model smollm2-135m
    """
    import asyncio

    from honekit.cli.render import console, print_json, progress
    from honekit.data.generate.run import Endpoint, Generation
    from honekit.data.generate.spec import read_spec
    from honekit.data.prices import cost_usd, list_price_of, no_list_price_of

    _check_url(endpoint)
    target = out or seed.with_name(f"{seed.stem}.generated.jsonl")
    form = _form(seed, schema, project)
    asked = Endpoint(endpoint, model, os.environ.get(key_env) or "none", temperature, max_tokens, concurrency, per_request)
    work = Generation(seed, read_spec(spec), form, target, asked, wanted=count, avoid=avoid or [])
    tally: Tally = work.tally
    try:
        with progress("Generating", count) as report:
            asyncio.run(work.run(lambda done, total, note: report(done, total, note)))
    except KeyboardInterrupt:
        console.print(f"stopped; {tally.accepted} examples are kept, the same command goes on", soft_wrap=True)
        raise
    finally:
        work.close()
    if target.is_file():
        from honekit.data.versions import record_version

        record_version(target, seed, "generated", {"model": model, "accepted": tally.accepted})
    cost = cost_usd(model, tally.input_tokens, tally.output_tokens)
    priced = no_list_price_of(model) if cost is None else list_price_of(model)
    if as_json:
        document = {**tally.as_dict(), "cost_usd": cost, "price_from": priced}
        print_json({**document, "out": target, "origin": work.origin, "enough": tally.is_enough})
    else:
        tokens = f"{tally.input_tokens:,} + {tally.output_tokens:,} tokens"
        print(f"{target}: {tally.accepted} examples, {sum(tally.refused.values())} refused, {tally.requests} requests, {tokens}")
        print(f"  cost: {priced}" if cost is None else f"  cost: {cost:.4f} USD ({priced})")
        for reason, number in tally.refused.most_common():
            print(f"  refused {number:>5}  {reason}")
        if not tally.is_enough:
            print(f"Too few: {tally.sentence()}.")
    raise typer.Exit(0 if tally.is_enough else 1)


def _form(seed: Path, schema: Path | None, project: Path | None) -> Form:
    from honekit.data.generate.run import usable_seeds
    from honekit.data.label import form_of_answers, form_of_project, form_of_schema, read_schema
    from honekit.project import load_project

    if schema and project:
        raise SettingsError("cli.usage", what="--schema and --project both say what an answer is", mend="give one of them")
    if project:
        return form_of_project(load_project(project))
    if schema:
        return form_of_schema(read_schema(schema))
    return form_of_answers([example.messages[-1].text for example in usable_seeds(seed)], is_strict=True)


def _check_url(endpoint: str) -> None:
    from urllib.parse import urlsplit

    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(
            "settings.endpoint",
            what=f"{endpoint[:200]!r} is not the address of an API",
            where="--endpoint",
            mend="write it as http://127.0.0.1:8000/v1",
        )
