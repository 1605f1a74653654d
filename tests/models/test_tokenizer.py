"""Our tokenizer of the embedded base against llama.cpp's (see scripts/make_token_fixture.py)."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, pre_tokenizers

from honekit.chat.encoding import SafeEncoder
from honekit.models.bases import load_tokenizer

FIXTURE = Path(__file__).parents[1] / "assets" / "token_ids.jsonl"


def records() -> list[dict[str, object]]:
    return [json.loads(line) for line in FIXTURE.read_text(encoding="utf-8").splitlines()]


def test_all_1000_strings_get_llama_cpps_ids(embedded_base: Path) -> None:
    encoder = SafeEncoder(load_tokenizer(embedded_base))
    wrong = []
    for record in records():
        text = str(record["text"])
        content, shown = (text, {}) if record["parse_special"] else encoder.hide(text)
        [ids] = encoder.encode_pieces([content], shown)
        if ids != record["ids"]:
            wrong.append(text)
    assert (len(records()), wrong) == (1000, [])


def test_without_the_digits_step_many_of_them_would_differ(embedded_base: Path) -> None:
    tokenizer = load_tokenizer(embedded_base)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    changed = Tokenizer.from_str(tokenizer.to_str())
    parsed = [record for record in records() if record["parse_special"]]
    same = sum(changed.encode(str(record["text"])).ids == record["ids"] for record in parsed)
    assert same < len(parsed) - 50, "the fixture would not notice that digits are not split"
