"""Which generated examples are kept: right in form, without a finding, and unlike everything that is there already."""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from honekit.data.checks.run import check_file
from honekit.data.label.form import Form
from honekit.data.near.rule import THRESHOLD, Shingle, jaccard, shingles


class Seen:
    """The inputs that are there already; the one rule of near duplicates, asked text by text."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._sets: list[frozenset[Shingle]] = []
        self._having: dict[Shingle, list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        members = shingles(text)
        for shingle in members:
            self._having[shingle].append(len(self._sets))
        self._sets.append(members)

    def has_near(self, text: str) -> bool:
        """Whether one of the texts is a near duplicate of this one."""
        members = shingles(text)
        near = {place for shingle in members for place in self._having.get(shingle, ())}
        return any(jaccard(members, self._sets[place]) >= THRESHOLD for place in near)


class Acceptance:
    """Decides candidate by candidate, and remembers what it accepted."""

    def __init__(self, form: Form, seeds: Iterable[str], avoided: Iterable[str] = ()) -> None:
        self.form = form
        self._seeds, self._avoided, self._accepted = Seen(seeds), Seen(avoided), Seen()

    def remember(self, given: str) -> None:
        """An input that an earlier run accepted."""
        self._accepted.add(given)

    def refusal(self, given: str, answer: str) -> str | None:
        """Why a candidate is refused, as a reason to count; None when it may be kept."""
        if not given.strip() or not answer.strip():
            return "empty input or answer"
        if self.form.problems(answer):
            return "answer misses the form"
        if self._avoided.has_near(given):
            return "near duplicate of held-out data"
        if self._seeds.has_near(given):
            return "near duplicate of a seed"
        return "near duplicate of a generated one" if self._accepted.has_near(given) else None

    def sift(self, records: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], Counter[str]]:
        """The records of one reply that are kept, and why the others are not."""
        refused: Counter[str] = Counter()
        findings = _findings_by_line(records)
        kept = []
        for place, record in enumerate(records, 1):
            given, answer = (message["content"] for message in record["messages"][-2:])
            reason = self.refusal(given, answer) or findings.get(place)
            if reason:
                refused[reason] += 1
            else:
                self._accepted.add(given)
                kept.append(record)
        return kept, refused


def _findings_by_line(records: Sequence[dict[str, Any]]) -> dict[int, str]:
    """The code of the first error or warning that `hone data check` has about each record."""
    if not records:
        return {}
    with tempfile.TemporaryDirectory(prefix="hone-generate-") as folder:
        file = Path(folder) / "candidates.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        result = check_file(file)
    return {
        finding.line: f"finding {finding.code}"
        for finding in [*reversed(result.warnings), *reversed(result.errors)]
        if finding.line
    }
