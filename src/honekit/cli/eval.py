"""`hone eval`: measure models, compare them, and decide by rules."""

from __future__ import annotations

import typer

from honekit.cli.eval_compare import compare
from honekit.cli.eval_cost import cost
from honekit.cli.eval_external import external
from honekit.cli.eval_gate import gate
from honekit.cli.eval_guard import guard
from honekit.cli.eval_report import report
from honekit.cli.eval_robustness import robustness
from honekit.cli.eval_run import run
from honekit.cli.eval_runs import list_runs, show

app = typer.Typer(
    no_args_is_help=True,
    help="""Evaluate models: runs, paired comparisons, the gate, what was forgotten.

    Examples:

        hone eval run my-project --model my-project@production

        hone eval compare last evalrun_abc

        hone eval gate my-project
    """,
)

app.command("run")(run)
app.command("list")(list_runs)
app.command("show")(show)
app.command("compare")(compare)
app.command("report")(report)
app.command("gate")(gate)
app.command("cost")(cost)
app.command("external")(external)
app.command("guard")(guard)
app.command("robustness")(robustness)
