"""Passages of a project's documents and the search over them: for training, evaluation and serving alike."""

from honekit.retrieval.index import Index
from honekit.retrieval.passages import Passage, load_passages

__all__ = ["Index", "Passage", "load_passages"]
