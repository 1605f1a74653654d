"""Further trainings of the measured recipe with other seeds: only the seed differs, the data and their order of splits do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honekit.evals.measured_arms import ArmResult, measure_arm
from honekit.evals.prompting import Prompting
from honekit.project import Project

if TYPE_CHECKING:
    from honekit.data.prepare import Prepared
    from honekit.pipeline.measure_arms import Measurement


def further_seeds(project: Project) -> list[int]:
    """The seeds beside `train.seed`, in order."""
    return [project.train.seed + number for number in range(1, project.decide.measure.seeds)]


def measure_seeds(run: Measurement, data: Prepared) -> dict[int, ArmResult]:
    """The tuned arm once more for each further seed; each training is a job of its own, which is done once."""
    project, found = run.project, {}
    for seed in further_seeds(project):
        seeded = project.with_recipe(seed=seed)
        name = f"tuned_seed_{seed}"
        version, trained = run.train(seeded, name, data)
        asker = run.asker(run.load(version.adapter_path))
        prompting = Prompting(project.system_prompt, project.task.instructions)
        with run.answering(name, "short", asker):
            result, _ = measure_arm(
                asker, name, f"the same recipe with seed {seed}", [prompting], run.validation, run.test, run.listener.progress
            )
        result.training_seconds, result.fingerprint = float(trained["train_seconds"]), asker.engine.fingerprint
        found[seed] = result
    return found
