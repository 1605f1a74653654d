"""The main job, stage by stage: data, training, evaluation, verdict, deployment, report."""

from honekit.pipeline.listener import Listener
from honekit.pipeline.run import Outcome, run_project

__all__ = ["Listener", "Outcome", "run_project"]
