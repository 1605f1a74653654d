"""`hone eval`: measure models, compare them, and decide by rules."""

from __future__ import annotations

import typer

from honekit.cli.eval_gate import gate

app = typer.Typer(no_args_is_help=True, help="Evaluate models: runs, paired comparisons, the gate, what was forgotten.")

app.command("gate")(gate)
