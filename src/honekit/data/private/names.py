"""Names of persons in running text, by a spaCy pipeline that the user has installed; Hone itself brings none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from honekit.data.private.span import Span
from honekit.errors import SettingsError

_LABELS = frozenset({"PERSON", "PER"})
MAX_CHARACTERS = 100_000
"""Of one text; recognisers take memory in proportion."""


def name_finder(pipeline: str) -> Callable[[str], list[Span]]:
    """Finds names of at least two words; a first name alone points at nobody.

    Raises: SettingsError[data.names.no_recogniser | data.names.no_pipeline].
    """
    nlp = _load(pipeline)

    def find(text: str) -> list[Span]:
        entities = nlp(text[:MAX_CHARACTERS]).ents
        return [
            Span(entity.start_char, entity.end_char, "data.privacy.name", "warning", "the name of a person")
            for entity in entities
            if entity.label_ in _LABELS and len(entity.text.split()) > 1
        ]

    return find


def _load(pipeline: str) -> Any:
    try:
        import spacy  # type: ignore[import-not-found,unused-ignore]
    except ImportError as fault:
        raise SettingsError(
            "data.names.no_recogniser",
            what="names are recognised by spaCy, which is not installed here",
            where="--names",
            mend=f"pip install spacy && python -m spacy download {pipeline}, or leave --names out",
        ) from fault
    try:
        return spacy.load(pipeline)
    except OSError as fault:
        raise SettingsError(
            "data.names.no_pipeline",
            what=f"spaCy knows no pipeline {pipeline!r}",
            where="--names",
            mend=f"python -m spacy download {pipeline}, or name a pipeline's folder",
        ) from fault
