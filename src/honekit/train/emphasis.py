"""Fields of a JSON answer that count more in the loss than the rest of it.

In an answer of sixty tokens a class is named by two or three; braces, keys and copied names are most of the loss. A weight
on the fields that decide lets a short training spend itself on them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

_BLANK = re.compile(r"[\s,:]*")


def emphasise(
    token_ids: Sequence[int], weights: Sequence[float], field_weights: Mapping[str, float], tokenizer: Tokenizer
) -> list[float]:
    """Loss weights in which the values of the named top-level fields are multiplied by their weight.

    Every run of trained tokens is one answer; one that is no JSON object stays as it is. A token that belongs to a value in
    part counts as a part of it.
    """
    changed = list(weights)
    for start, stop in _runs(weights):
        stream, ends, text = DecodeStream(skip_special_tokens=False), [], ""
        for token in token_ids[start:stop]:
            text += stream.step(tokenizer, token) or ""
            ends.append(len(text))
        for name, (first, last) in value_spans(text).items():
            for place, (begin, end) in enumerate(zip([0, *ends], ends, strict=False), start):
                if begin < last and end > first:
                    changed[place] *= field_weights.get(name, 1.0)
    return changed


def value_spans(text: str) -> dict[str, tuple[int, int]]:
    """Where the values of the JSON object at the beginning of `text` stand; quotes of strings and what follows are left out.

    Empty when there is no such object.
    """
    decoder, spans = json.JSONDecoder(), dict[str, tuple[int, int]]()
    try:
        whole, _ = decoder.raw_decode(text)
    except ValueError:
        return {}
    if not isinstance(whole, dict):
        return {}
    at = 1
    while text[at := _skip(text, at)] != "}":
        name, at = decoder.raw_decode(text, at)
        first = _skip(text, at)
        value, at = decoder.raw_decode(text, first)
        spans[name] = (first + 1, at - 1) if isinstance(value, str) else (first, at)
    return spans


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _runs(weights: Sequence[float]) -> Iterator[tuple[int, int]]:
    start = None
    for place, weight in enumerate([*weights, 0.0]):
        if weight > 0 and start is None:
            start = place
        elif weight <= 0 and start is not None:
            yield start, place
            start = None
