"""Cost and benefit of a finished `hone run`: what each arm costs, and when the tuned one has paid for itself against it.

Prices are those of `hone.toml` as it is now, times and answers those of the run: a changed price needs no new run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from honekit.errors import EvalError
from honekit.evals.arms import TUNED
from honekit.evals.cost import ASSUMPTION, cost_report, measured_costs, price_of
from honekit.evals.payback import labelling_cost, payback
from honekit.evals.verdict import CLASSICAL
from honekit.graders import Graded
from honekit.project import Project

HOSTED = "hosted"
"""The hosted model of `[cost]`, whose answers nobody measured."""


def benefit(
    project: Project, document: Mapping[str, Any], graded: Mapping[str, Sequence[Graded]], against: str | None = None
) -> dict[str, Any]:
    """document: the result of `hone run`; graded: its items by arm. The sentence is about `against`, by default the untuned arm
    with the most right answers.

    Raises: EvalError[eval.cost_arm] for an arm that was not measured, or has no price.
    """
    chosen, counts = document["chosen_arm"], document["data"]["counts"]
    measured = {**measured_costs(project, document["arms"]), **document["cost"]["arms"]}
    costs = cost_report(project, float(document["cost"]["training"]["seconds"]), measured)
    arms, hosted = costs["arms"], costs["alternative"]
    labels = labelling_cost(project, counts["train"] + counts["validation"])
    upfront = labels + costs["training"]["cost"]
    rivals = {name: price_of(arm) for name, arm in arms.items() if name not in TUNED}
    rivals |= {HOSTED: price_of(hosted)} if hosted else {}
    if chosen not in arms or (against is not None and against not in rivals):
        raise EvalError(
            "eval.cost_arm",
            what=f"there is no cost of the arm {against if chosen in arms else chosen!r} in this run",
            where="--against",
            mend=f"name one of: {', '.join(rivals)}" if chosen in arms else "run `hone run` again",
        )
    found = {}
    for name, price in rivals.items():
        # The classical baseline learns from the same labels: only the training is the tuned arm's own.
        own = costs["training"]["cost"] if name == CLASSICAL else upfront
        found[name] = payback(project, chosen, name, own, price - price_of(arms[chosen]), graded.get(chosen), graded.get(name))
    known = [name for name in rivals if name in arms]
    main = against or max(known, key=lambda name: arms[name]["correct_rate"] or 0.0, default=HOSTED)
    return {
        "chosen": chosen,
        "against": main,
        "currency": project.cost.currency,
        "assumption": ASSUMPTION,
        "labelled_examples": counts["train"] + counts["validation"],
        "labelling": labels,
        "training": costs["training"],
        "upfront": upfront,
        "value_per_corrected_error": project.cost.value_per_corrected_error,
        "requests_per_day": project.cost.requests_per_day,
        "arms": arms,
        "hosted": hosted,
        "payback": {name: one.as_dict() for name, one in found.items()},
        "sentence": found[main].sentence if main in found else None,
    }
