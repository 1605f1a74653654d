"""`hone eval guard`: what did tuning cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli import completion
from honekit.cli.device import Device
from honekit.cli.render import print_json, progress

if TYPE_CHECKING:
    from honekit.evals.guard import Guarded
    from honekit.inference.engine import Engine

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


def guard(
    model: Annotated[str, typer.Option(help="A tuned model, a checkpoint or an alias.", autocompletion=completion.own_tuned)],
    most: Annotated[
        float | None, typer.Option("--max-forgetting", min=0, max=1, help="Exit 1 when more is forgotten, or it cannot be told.")
    ] = None,
    device: Device = "auto",
    show: Annotated[int, typer.Option(min=0, help="Print so many probes that were lost.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Compare a tuned model with its base on general probes and neutral text, offline.

    Forgetting is the share of the probes that the base passes and the tuned model fails; where the base passes fewer than 100
    it cannot be told. Answers are kept: an interrupted run goes on where it stopped. To let it decide about promotion, write
    `forgetting <= 0.02` into `rules` under [gate] of hone.toml.

    Examples:

        hone eval guard --model iot-diagnostics@production

        hone eval guard --model tickets@production --max-forgetting 0.02
    """
    from honekit.cli.known_names import find_model
    from honekit.errors import SettingsError
    from honekit.evals.guard import run_guard
    from honekit.inference.engine import load_engine
    from honekit.settings import home

    served = find_model(model)
    if served.adapter is None:
        raise SettingsError("eval.not_tuned", what=f"{model!r} is a base: it has forgotten nothing", mend="name a tuned model")

    def load(is_tuned: bool) -> Engine:
        return load_engine(served.base_ref, served.adapter if is_tuned else None)

    with progress("probes") as report:
        found = run_guard(load, home() / "guard", lambda what, done, total: report(done, total, what))
    if as_json:
        print_json({"model": served.model, **found.as_dict()})
    else:
        _print(served.model, found, show)
    if most is None:
        return
    kept = found.forgetting is not None and found.forgetting <= most
    if not as_json:
        why = "what cannot be told is not let pass" if found.forgetting is None else f"at most {most:.1%} may be forgotten"
        print(f"\n{'passed' if kept else 'failed'}: {why}")
    raise typer.Exit(0 if kept else 1)


def _print(name: str, found: Guarded, show: int) -> None:
    print(f"{name} beside its base, {found.probes} general probes:\n")
    print(f"  {'kind':<14}{'probes':>8}{'base passes':>13}{'tuned passes':>14}{'lost':>6}{'gained':>8}")
    total = {"probes": found.probes, "base": found.passed_by_base, "tuned": found.passed_by_tuned}
    for kind, counts in {**found.kinds, "all": {**total, "lost": found.lost, "gained": found.gained}}.items():
        print(
            f"  {kind:<14}{counts['probes']:>8}{counts['base']:>13}{counts['tuned']:>14}{counts['lost']:>6}{counts['gained']:>8}"
        )
    print(f"\n{_forgetting(found)}")
    print(f"divergence from the base on neutral text: {found.divergence:.4f} nats a token, {found.tokens} tokens")
    for lost in found.examples[:show]:
        print(f"\n  lost: {lost['prompt']}\n    base   {lost['base'][:200]!r}\n    tuned  {lost['tuned'][:200]!r}")


def _forgetting(found: Guarded) -> str:
    from honekit.evals.guard import MIN_PASSED

    if found.forgetting is None or found.interval is None:
        return f"forgetting cannot be told: the base passes {found.passed_by_base} probes, {MIN_PASSED} are needed"
    lo, hi = found.interval
    return f"forgetting {found.forgetting:.1%} (95 % interval {lo:.1%} to {hi:.1%})"
