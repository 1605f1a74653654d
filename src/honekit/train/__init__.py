"""Fine-tuning: from checked chat JSONL to a verified adapter, as a job of its own process.

`start` queues a job, `run` is what the worker executes, `loop` is the training itself.
"""

from honekit.train.estimate import Estimate, estimate
from honekit.train.recipe import TrainSpec
from honekit.train.start import training_job

__all__ = ["Estimate", "TrainSpec", "estimate", "training_job"]
