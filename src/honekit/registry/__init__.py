"""Model versions: what a job made, on which base, and where it lies."""

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

__all__ = ["Version", "create_version", "delete_version", "get_version", "latest", "list_versions", "unknown_model", "version_of"]
