"""`hone jobs create` and `hone jobs watch`: the command line's twins of creating and monitoring by the API."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.cli import completion
from honekit.cli.device import Device
from honekit.errors import SettingsError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


def create_job(
    training: Annotated[
        str,
        typer.Argument(
            metavar="TRAINING", help="Examples: a file of this machine, or a file id.", autocompletion=completion.file_or_path
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="The model to start from; without a server also the directory of a base.", autocompletion=completion.model
        ),
    ],
    validation: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Held-out examples: a path or a file id.", autocompletion=completion.file_or_path),
    ] = None,
    suffix: Annotated[str | None, typer.Option(help="Stands in the tuned model's name.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same machine, same model.")] = None,
    device: Device = "auto",
    method: Annotated[
        str, typer.Option(help="supervised, dpo (pairs of answers) or reinforcement (prompts and a --grader).")
    ] = "supervised",
    epochs: Annotated[str | None, typer.Option(metavar="N|auto", help="Passes over the examples.")] = None,
    batch_size: Annotated[str | None, typer.Option(metavar="N|auto", help="Examples in a step.")] = None,
    learning_rate_multiplier: Annotated[
        str | None, typer.Option(metavar="X|auto", help="Times the learning rate that suits small bases.")
    ] = None,
    beta: Annotated[str | None, typer.Option(metavar="X|auto", help="With dpo: what holds the model to its start.")] = None,
    grader: Annotated[Path | None, typer.Option(metavar="FILE", help="With reinforcement: the grader, as JSON.")] = None,
    compute_multiplier: Annotated[
        str | None, typer.Option(metavar="X|auto", help="With reinforcement: times the answers that are drawn for a prompt.")
    ] = None,
    eval_interval: Annotated[
        str | None, typer.Option(metavar="N|auto", help="With reinforcement: steps between two looks at the validation file.")
    ] = None,
    eval_samples: Annotated[
        str | None, typer.Option(metavar="N|auto", help="With reinforcement: answers to each prompt at such a look.")
    ] = None,
    reasoning_effort: Annotated[
        str | None, typer.Option(metavar="EFFORT", help="With reinforcement: of models that have levels of it; here `default`.")
    ] = None,
    metadata: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Kept with the job. Repeatable.")] = None,
    wandb: Annotated[str | None, typer.Option(metavar="PROJECT", help="Send the metrics to this project too.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it to its end; without a server, run it here.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a fine-tuning job. Local files are uploaded first, unless the same file is there already.

    With HONE_BASE_URL and HONE_API_KEY the job goes to that server. With --watch and --json: first the job, then its events,
    one JSON document a line.

    Examples:

        hone jobs create train.jsonl --model smollm2-135m --watch

        hone jobs create file-abc123 --model smollm2-135m --epochs 3

        hone jobs create pairs.jsonl --model smollm2-135m --method dpo --beta 0.2

        hone jobs create prompts.jsonl --model smollm2-135m \\
            --method reinforcement --grader grader.json --eval-interval 10

        export HONE_BASE_URL=http://127.0.0.1:8000
        hone jobs create train.jsonl --model smollm2-135m --json
    """
    chosen = {
        "n_epochs": _auto_or("--epochs", epochs, int),
        "batch_size": _auto_or("--batch-size", batch_size, int),
        "learning_rate_multiplier": _auto_or("--learning-rate-multiplier", learning_rate_multiplier, float),
        "beta": _auto_or("--beta", beta, float),
        "compute_multiplier": _auto_or("--compute-multiplier", compute_multiplier, float),
        "eval_interval": _auto_or("--eval-interval", eval_interval, int),
        "eval_samples": _auto_or("--eval-samples", eval_samples, int),
        "reasoning_effort": reasoning_effort,
    }
    block: dict[str, Any] = {"grader": _grader(grader)} if grader else {}
    pairs = pairs_of(metadata)
    from honekit.cli import watching
    from honekit.cli.api_fault import ApiFault
    from honekit.cli.connection import call, document, server_url
    from honekit.cli.job_faults import explain
    from honekit.cli.uploading import file_id_of

    name, bases = _start(model)
    hyperparameters = {key: value for key, value in chosen.items() if value is not None}
    wanted: dict[str, Any] = {"model": name, "suffix": suffix, "seed": seed, "metadata": pairs}
    if wandb:
        wanted["integrations"] = [{"type": "wandb", "wandb": {"project": wandb}}]
    if hyperparameters:
        block["hyperparameters"] = hyperparameters
    if block or method != "supervised":
        wanted["method"] = {"type": method, **({method: block} if block else {})}

    async def create(client: AsyncOpenAI) -> dict[str, Any]:
        wanted["training_file"] = await file_id_of(client, training)
        wanted["validation_file"] = await file_id_of(client, validation) if validation else None
        given = {key: value for key, value in wanted.items() if value not in (None, {})}
        return document(await client.fine_tuning.jobs.create(**given))

    with watching.worker(wanted=watch and server_url() is None) as start:
        try:
            job = call(create, bases=bases)
        except ApiFault as fault:
            explain(fault, {"TRAINING": training, "--validation": validation}, model, method)
            raise
        _show(job, as_json=as_json)
        if watch:
            raise typer.Exit(watching.watch(job["id"], start=start, as_json=as_json))
    if not as_json:
        print(watching.waits(job["id"]) if server_url() is None else f"`hone jobs watch {job['id']}` shows how it goes.")


def _show(job: dict[str, Any], *, as_json: bool) -> None:
    from honekit.cli.render import print_json

    if as_json:
        print_json(job)
        return
    used = job["method"][job["method"]["type"]]["hyperparameters"]
    print(f"{'job':<14} {job['id']}\n{'status':<14} {job['status']}\n{'model':<14} {job['model']}")
    print(f"{'training':<14} {job['training_file']}")
    if job["validation_file"]:
        print(f"{'validation':<14} {job['validation_file']}")
    print(f"{'numbers':<14} {', '.join(_told(*pair) for pair in used.items())}, seed {job['seed']}", flush=True)


def watch_job(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Id of the job (`hone jobs list`).", autocompletion=completion.job)],
    run: Annotated[bool, typer.Option("--run", help="Also run it, here and in the foreground; not with HONE_BASE_URL.")] = False,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line for each event.")] = False,
) -> None:
    """Show a fine-tuning job live until it ends or pauses: step, loss, speed, time left, curves of the loss.

    Exit code 0 when it succeeded, else 1. Ctrl-C stops watching, not the job.

    Examples:

        hone jobs watch ftjob-abc123

        hone jobs watch ftjob-abc123 --run

        hone jobs watch ftjob-abc123 --json | jq .data.train_loss
    """
    from honekit.cli.connection import server_url
    from honekit.cli.watching import watch, worker

    if run and (url := server_url()):
        raise SettingsError(
            "cli.usage", what="--run runs a job of this machine, and HONE_BASE_URL names a server", where=url,
            mend="leave --run away: the server runs its jobs itself",
        )  # fmt: skip
    with worker(wanted=run) as start:
        code = watch(job, start=start, as_json=as_json)
    raise typer.Exit(code)


def _auto_or(option: str, given: str | None, kind: type[int] | type[float]) -> int | float | str | None:
    if given is None or given == "auto":
        return given
    try:
        value = kind(given)
        if not math.isfinite(value):
            raise ValueError
        return value
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise SettingsError("cli.usage", what=f"{option} {given[:80]!r} is neither {what} nor auto", mend="give one") from None


def _grader(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise SettingsError(
            "cli.usage", what=f"this holds no grader: {fault}", where=str(path), mend="write one as in docs/graders.md, as JSON"
        ) from fault


def _told(name: str, value: float | str) -> str:
    return f"{name} {value}" if isinstance(value, str) else f"{name} {value:g}"


def pairs_of(metadata: Sequence[str] | None) -> dict[str, str]:
    """What --metadata was given, each as KEY=VALUE. Raises: SettingsError[cli.usage]."""
    return dict(_pair(given) for given in metadata or [])


def _pair(given: str) -> tuple[str, str]:
    key, equals, value = given.partition("=")
    if not (key and equals):
        raise SettingsError("cli.usage", what=f"--metadata {given[:80]!r} has no key", mend="write --metadata KEY=VALUE")
    return key, value


def _start(model: str) -> tuple[str, dict[str, str]]:
    """The model's name and, since without a server this is the user's own machine, a directory that it may be."""
    from honekit.base_name import is_directory
    from honekit.cli.connection import server_url

    path = Path(model).expanduser()
    if server_url() or not is_directory(model, Path()) or not path.is_dir():
        return model, {}
    from honekit.models import bases

    found = str(bases.resolve_base(str(path)))
    return found, {found: found}
