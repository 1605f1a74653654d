"""Safe mends: what `hone data fix` may change without a question, because nothing that is learnt gets lost.

A mend is idempotent: mending its own result changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from honekit.data.blank_lines import BLANK_LINE
from honekit.data.checks.quality.clean_text import SAFE_MENDS
from honekit.data.notes import is_note

TextMend = Callable[[str], str]
RecordMend = Callable[[dict[str, Any], frozenset[str]], dict[str, Any]]
"""Takes the keys that most records of the file have beside the record."""

RECORD_KEYS = ("messages", "tools", "parallel_tool_calls")


def drop_unknown_keys(record: dict[str, Any], usual: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The record without top-level keys that nothing reads, except notes and misspelt ones (`tool` for `tools`)."""
    import difflib

    def is_harmless(key: str) -> bool:
        return not any(name not in record for name in difflib.get_close_matches(key.casefold(), RECORD_KEYS, n=1))

    if "messages" not in record:
        return record
    known = usual.union(RECORD_KEYS)
    return {key: value for key, value in record.items() if key in known or is_note(key) or not is_harmless(key)}


TEXT_MENDS: Mapping[str, TextMend] = SAFE_MENDS
"""Code of the finding -> mend of one message's text."""
RECORD_MENDS: Mapping[str, RecordMend] = {"data.key_unknown": drop_unknown_keys}
"""Code of the finding -> mend of one record."""

BOM = "data.text.byte_order_mark"
LINE_END = "data.fix.line_end"
DUPLICATE = "data.duplicate"
REDACTION_PREFIXES = ("data.privacy.", "data.secrets.")
FILE_MENDS = (BOM, LINE_END, BLANK_LINE, DUPLICATE)
"""What concerns the file, not one record: byte-order mark, CRLF, blank lines, exact duplicates."""


def all_codes() -> tuple[str, ...]:
    """Every code that `--only` may name, redaction aside."""
    return (*FILE_MENDS, *RECORD_MENDS, *TEXT_MENDS)
