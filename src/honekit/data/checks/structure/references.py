"""Fields of reinforcement records that are empty where nearly all others hold something: a grader has nothing to go by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import warner
from honekit.data.lines import Finding
from honekit.data.reinforcement import ReinforcementExample

_LEAST, _MOSTLY = 8, 0.9
_MAX_FIELDS = 200
_COMPARED = re.compile(r"reference|answer|solution|target|expected|truth|gold|label|correct", re.I)

_empty = warner("data.reinforcement.empty_field", "write what the grader compares with, or delete the record")


def empty_fields(prompts: Iterable[ReinforcementExample]) -> Iterator[Finding]:
    """`data.reinforcement.empty_field`: an empty text, list or object; `null` where the field's name says that it is what the
    grader compares with. What else may be left out is `null` or not there."""
    full: Counter[str] = Counter()
    empty: dict[str, list[int]] = {}
    for prompt in prompts:
        for name, value in prompt.item.items():
            if len(full) >= _MAX_FIELDS and name not in full:
                continue
            is_empty = (isinstance(value, str) and not value.strip()) or value in ([], {})
            is_empty |= value is None and bool(_COMPARED.search(name))
            full[name] += not is_empty
            if is_empty and len(lines := empty.setdefault(name, [])) < MAX_PLACES:
                lines.append(prompt.line)
    for name, lines in empty.items():
        total = full[name] + len(lines)
        if full[name] >= _LEAST and full[name] >= _MOSTLY * total:
            for line in lines:
                yield _empty(line, name, f"`{name}` is empty; {full[name]} of {total} prompts have something there")
