"""Fine-tuning jobs as OpenAI's API has them: a request with files and hyperparameters in, a model that answers by its name out.

`requests` checks and queues one, `run` is what its worker executes, `records` reads what was asked. The API and the command
line both go through here.
"""

from honekit.fine_tuning.deletion import delete_model
from honekit.fine_tuning.hyperparameters import Wanted
from honekit.fine_tuning.records import Asked, asked, checkpoint_name, list_asked, split_checkpoint
from honekit.fine_tuning.requests import RequestFault, Start, create

__all__ = [
    "Asked",
    "RequestFault",
    "Start",
    "Wanted",
    "asked",
    "checkpoint_name",
    "create",
    "delete_model",
    "list_asked",
    "split_checkpoint",
]
