"""Keys of a record beside those that are learnt from: notes on where it comes from, by which a file may have to be split."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from honekit.data.lines import Finding, shown

UNKNOWN = "data.key_unknown"
_NOTE = re.compile(r"(?:metadata|meta|id|uuid|tags?|source|split|language|domain|category|topic|\w+_id|(?:\w+_)?group)", re.I)
_LEAST, _SHARE = 10, 0.5


def is_note(key: str) -> bool:
    """Whether the name says that it is one: such keys are read for leaks by group."""
    return bool(_NOTE.fullmatch(key))


def usual_keys(records: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The keys that most of these records have, equal ones counted once: nobody makes the same slip so often."""
    import hashlib  # which takes as long as all else here, and most who read this module ask for names alone

    seen: Counter[str] = Counter()
    known: set[bytes] = set()
    for record in records:
        content = hashlib.blake2b(msgspec.json.encode(record, order="deterministic"), digest_size=12).digest()
        if content not in known:
            known.add(content)
            seen.update(record.keys())
    return frozenset(key for key, times in seen.items() if times > 1 and times >= _SHARE * len(known))


def usual_notes(findings: Sequence[Finding], records: int, unlisted: int) -> tuple[list[Finding], list[Finding]]:
    """Findings of unknown keys that most records have: those to be left out, and the advice that stands for them.

    `records` of the file; `unlisted` findings were counted and not kept, so that the share is that of the lines before.
    """
    by_key: defaultdict[str, list[Finding]] = defaultdict(list)
    last = 0
    for finding in findings:
        if finding.code == UNKNOWN and not finding.file:
            last = max(last, finding.line)
            if finding.severity == "warning" and not ({".", "["} & set(finding.field)):
                by_key[finding.field].append(finding)
    gone: list[Finding] = []
    advice: list[Finding] = []
    for found in by_key.values():
        seen = last if unlisted else records
        if seen < _LEAST or len(found) < _SHARE * seen:
            continue
        gone += found
        first = found[0]
        share = "most" if unlisted else f"{len(found)} of {records}"
        message = f"the key {shown(first.field)} means nothing here; {share} records have it, so it is taken for a note"
        advice.append(Finding(UNKNOWN, "advice", first.line, first.field, message, "leave it, or keep notes in another file"))
    return gone, advice
