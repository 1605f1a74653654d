"""Model versions: what a job made, on which base, and where it lies."""

from honekit.registry.evaluations import record_evaluation
from honekit.registry.versions import (
    Version,
    create_version,
    delete_version,
    get_version,
    latest,
    list_versions,
    unknown_model,
    version_of,
)
from honekit.registry.weights import remove_left_over, remove_unnamed

__all__ = [
    "Version",
    "create_version",
    "delete_version",
    "get_version",
    "latest",
    "list_versions",
    "record_evaluation",
    "remove_left_over",
    "remove_unnamed",
    "unknown_model",
    "version_of",
]
