"""`hone eval guard`: what did tuning cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.render import print_json, progress

if TYPE_CHECKING:
    from honekit.evals.guard import Guarded
    from honekit.inference.engine import Engine

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


def guard(
    model: Annotated[str, typer.Option(help="A tuned model, a checkpoint or an alias.")],
    most: Annotated[
        float | None, typer.Option("--max-forgetting", min=0, max=1, help="Exit 1 when more is forgotten, or it cannot be told.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    show: Annotated[int, typer.Option(min=0, help="Print so many probes that were lost.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Compare a tuned model with its base on general probes and neutral text, offline.

    Forgetting is the share of the probes that the base passes and the tuned model fails. Answers are kept: an interrupted run
    goes on where it stopped.

    Examples:

        hone eval guard --model iot-diagnostics@production

        hone eval guard --model tickets@production --max-forgetting 0.02
    """
    from honekit.api.served import resolve
    from honekit.errors import SettingsError
    from honekit.evals.guard import run_guard
    from honekit.inference.engine import load_engine
    from honekit.settings import home

    served = resolve(model)
    if served.adapter is None:
        raise SettingsError("eval.not_tuned", what=f"{model!r} is a base: it has forgotten nothing", mend="name a tuned model")

    def load(is_tuned: bool) -> Engine:
        return load_engine(served.base_ref, served.adapter if is_tuned else None, device=device)

    with progress("probes") as report:
        found = run_guard(load, home() / "guard", lambda what, done, total: report(done, total, what))
    if as_json:
        print_json({"model": served.model, **found.as_dict()})
    else:
        _print(served.model, found, show)
    if most is not None and (found.forgetting is None or found.forgetting > most):
        raise typer.Exit(1)


def _print(name: str, found: Guarded, show: int) -> None:
    print(f"{name}: of {found.probes} probes the base passes {found.passed_by_base}, the tuned model {found.passed_by_tuned}")
    for kind, counts in found.kinds.items():
        print(
            f"  {kind:<14} base {counts['base']:>3} of {counts['probes']:<3}  "
            f"lost {counts['lost']:>3}  gained {counts['gained']:>3}"
        )
    if found.forgetting is None or found.interval is None:
        print("forgetting: not enough evidence, the base passes fewer than 100 probes")
    else:
        lo, hi = found.interval
        print(f"forgetting: {found.forgetting:.1%} (95 % interval {lo:.1%} to {hi:.1%}), {found.lost} probes lost")
    print(f"divergence from the base on neutral text: {found.divergence:.4f} nats a token, {found.tokens} tokens")
    for lost in found.examples[:show]:
        print(f"\n  {lost['prompt']}\n    base   {lost['base'][:200]!r}\n    tuned  {lost['tuned'][:200]!r}")
