from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from honekit.data.private.names import name_finder
from honekit.errors import SettingsError

HAS_SPACY = importlib.util.find_spec("spacy") is not None


@pytest.mark.skipif(HAS_SPACY, reason="spaCy is installed")
def test_without_spacy_names_are_refused_with_the_way_to_get_it() -> None:
    with pytest.raises(SettingsError, match="pip install spacy") as refusal:
        name_finder("en_core_web_sm")
    assert refusal.value.code == "data.names.no_recogniser"


@pytest.mark.skipif(not HAS_SPACY, reason="spaCy is not installed")
def test_full_names_that_the_pipeline_knows_are_found(tmp_path: Path) -> None:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(
        [
            {"label": "PERSON", "pattern": "Marta Klein"},
            {"label": "PERSON", "pattern": "Marta"},
            {"label": "ORG", "pattern": "Klein Ltd"},
        ]
    )
    nlp.to_disk(tmp_path / "pipeline")
    text = "Marta Klein of Klein Ltd called; Marta calls again."
    assert [text[s.start : s.end] for s in name_finder(str(tmp_path / "pipeline"))(text)] == ["Marta Klein"]
    with pytest.raises(SettingsError) as refusal:
        name_finder("no_such_pipeline")
    assert refusal.value.code == "data.names.no_pipeline"
