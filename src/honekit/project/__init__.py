"""`hone.toml`: everything that makes one task different from another.

The pipeline reads a `Project` and knows nothing else about the task: the fields of the answer and how each is scored,
the slices, the documents for retrieval, the recipe, the gate and the prices all come from here.
"""

from honekit.project.loading import load_project
from honekit.project.project import Project
from honekit.project.recipe import ReinforcementSection, TrainSection
from honekit.project.sections import CostSection, GateSection
from honekit.project.task import OutputField, TaskSection

__all__ = [
    "CostSection",
    "GateSection",
    "OutputField",
    "Project",
    "ReinforcementSection",
    "TaskSection",
    "TrainSection",
    "load_project",
]
