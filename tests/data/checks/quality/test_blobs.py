"""Encoded bytes in texts."""

from __future__ import annotations

import base64
import random

from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.blobs import Blobs

IMAGE = base64.b64encode(random.Random(3).randbytes(600)).decode()


def test_an_image_as_base64_is_found() -> None:
    found = findings(Blobs(), [conversation(4, f"What is this? data:image/png;base64,{IMAGE}", "A tomato leaf.")])
    assert [(one.code, one.line, one.field) for one in found] == [("data.text.blob", 4, "messages[0].content")]


def test_rules_and_long_texts_are_none() -> None:
    texts = ["-" * 900, "a sentence of several words " * 90, "https://example.com/" + "path/" * 60 + " and more " * 90]
    assert findings(Blobs(), [conversation(line, text, "Yes.") for line, text in enumerate(texts, 1)]) == []
