"""One labelling: the items, what was decided about each, and the file that comes out of it.

A decision counts once it is in the journal. The source is only read; what is edited goes into the new file.
"""

from __future__ import annotations

import copy
import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from honekit.chat.messages import Message
from honekit.data.chat import conversation_faults
from honekit.data.label.form import Form
from honekit.data.label.items import Item, asked
from honekit.data.label.record import answer_of, set_answer, set_content, shown_message
from honekit.data.lines import Finding
from honekit.errors import DataError
from honekit.project import Project
from honekit.store.atomic import sha256_of, write_atomic
from honekit.store.journal import Journal

State = Literal["undecided", "accepted", "rejected"]
STATES: tuple[str, ...] = get_args(State)


@dataclass
class Decision:
    """What stands about an item now; `record` is None while it is as it was in the source."""

    state: State = "undecided"
    record: dict[str, Any] | None = None


class Session:
    """Safe to call from several threads. `source` is None when examples are written from nothing.

    Raises: StoreError (see `Journal`), DataError[data.label_out_exists].
    """

    def __init__(
        self,
        items: Sequence[Item],
        form: Form,
        out: Path,
        *,
        source: Path | None = None,
        project: Project | None = None,
        findings: Sequence[Finding] = (),
    ) -> None:
        self.form, self.out, self.source, self.project = form, out, source, project
        self.items = {item.key: item for item in items}
        self._decisions = {key: Decision() for key in self.items}
        self._findings: dict[int, list[Finding]] = {}
        for finding in findings:
            self._findings.setdefault(finding.line, []).append(finding)
        self._lock = threading.RLock()
        path = out.with_name(f"{out.name}.journal")
        if out.exists() and not path.exists():
            raise DataError(
                "data.label_out_exists",
                what="there is already a file of this name, and it is not from labelling this one",
                where=str(out),
                mend="name another output with --out",
            )
        self._journal = Journal(
            path, {"labels": source.name if source else None, "sha256": sha256_of(source) if source else None}
        )
        for entry in self._journal.entries:
            self._apply(entry)

    def close(self) -> None:
        self._journal.close()

    def overview(self) -> dict[str, Any]:
        """What the page needs to begin: the form, and every item with its state."""
        with self._lock:
            return {
                "source": self.source.name if self.source else None,
                "out": str(self.out),
                "form": self.form.as_dict(),
                "is_review": any(item.is_suspect for item in self.items.values()),
                "has_answers": any(item.text is not None for item in self.items.values()),
                "items": [self._summary(key) for key in self.items],
            }

    def item(self, key: str) -> dict[str, Any]:
        """One item in full. Raises: DataError[data.label_unknown]."""
        with self._lock:
            item = self._get(key)
            record = self._record(key)
            answer = answer_of(record)
            return {
                **self._summary(key),
                "messages": [shown_message(message) for message in record["messages"]],
                "answer": answer,
                "values": None if answer is None else self.form.values(answer),
                "problems": self._problems(record),
                "findings": [finding.as_dict() for finding in self._findings.get(item.line, []) if item.line],
                "given": item.given,
                "suggested": item.suggested,
                "score": item.score,
                "note": item.note,
            }

    def decide(
        self,
        key: str,
        *,
        state: State | None = None,
        values: dict[str, Any] | None = None,
        answer: str | None = None,
        contents: dict[int, str] | None = None,
        revert: bool = False,
    ) -> dict[str, Any]:
        """Edit and decide; on the disk when this returns, and nothing is kept when it raises.

        `values` or `answer` replace the assistant's last message, `contents` the text of messages by position.
        Raises: DataError[data.label_unknown | data.label_unacceptable], StoreError.
        """
        with self._lock:
            item = self._get(key)
            before = self._decisions[key]
            record = None if revert else before.record
            edited = copy.deepcopy(record or item.record)
            for position, content in (contents or {}).items():
                set_content(edited["messages"], position, content)
            text = self.form.write(values) if values is not None else answer
            if text is not None:
                set_answer(edited, text)
            changed = None if edited == item.record else edited
            wanted = state or ("undecided" if revert else before.state)
            problems = self._problems(edited)
            if wanted == "accepted" and problems:
                raise DataError(
                    "data.label_unacceptable",
                    what="; ".join(problems),
                    where=f"example {key}",
                    mend="mend the example, or reject it",
                )
            self._write({"key": key, "state": wanted, "record": changed})
            return self.item(key)

    def add(self, text: str) -> dict[str, Any]:
        """A new example with this input and no answer yet."""
        with self._lock:
            key = f"new-{1 + sum(key.startswith('new-') for key in self.items)}"
            self._write({"key": key, "state": "undecided", "record": asked(text, self.project), "new": True})
            return self.item(key)

    def progress(self) -> dict[str, int]:
        """Items by state."""
        with self._lock:
            counts = Counter(decision.state for decision in self._decisions.values())
            return {state: counts[state] for state in get_args(State)}

    def finish(self, *, with_undecided: bool) -> dict[str, Any]:
        """Write the chat file: what was accepted, and where wanted what nobody decided; in the source's order.

        An example that was not edited is written byte for byte as it stood; what has no answer yet is left out.
        Raises: StoreError.
        """
        with self._lock:
            lines = []
            for key in sorted(self.items, key=_order):
                decision = self._decisions[key]
                keeps = decision.state == "accepted" or (with_undecided and decision.state == "undecided")
                if not keeps or answer_of(self._record(key)) is None:
                    continue
                own = self.items[key].text
                is_untouched = decision.record is None and own is not None
                lines.append(own if is_untouched and own else json.dumps(self._record(key), ensure_ascii=False))
            write_atomic(self.out, "".join(f"{line}\n" for line in lines))
            edited = sum(decision.record is not None for decision in self._decisions.values())
            return {"out": str(self.out), "written": len(lines), "edited": edited, **self.progress()}

    def _get(self, key: str) -> Item:
        if key not in self.items:
            raise DataError("data.label_unknown", what="there is no such example", where=key, mend="reload the page")
        return self.items[key]

    def _record(self, key: str) -> dict[str, Any]:
        return self._decisions[key].record or self.items[key].record

    def _write(self, entry: dict[str, Any]) -> None:
        entry["at"] = datetime.now(UTC).isoformat(timespec="seconds")
        self._journal.append(entry)
        self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        key = entry["key"]
        if entry.get("new"):
            self.items.setdefault(key, Item(key, entry["record"]))
            self._decisions.setdefault(key, Decision())
        elif key in self.items:
            self._decisions[key] = Decision(entry["state"], entry["record"])

    def _summary(self, key: str) -> dict[str, Any]:
        item, decision = self.items[key], self._decisions[key]
        return {
            "key": key,
            "line": item.line,
            "state": decision.state,
            "is_edited": decision.record is not None,
            "finding_count": len(self._findings.get(item.line, [])) if item.line else 0,
            "is_suspect": item.is_suspect,
        }

    def _problems(self, record: dict[str, Any]) -> list[str]:
        try:
            messages = msgspec.convert(record["messages"], list[Message])
        except msgspec.ValidationError as fault:
            return [f"not a chat record: {fault}"]
        faults = [finding.message for finding in conversation_faults(messages, 0) if finding.severity == "error"]
        answer = answer_of(record)
        if answer is None or messages[-1].tool_calls:
            return faults
        return faults or self.form.problems(answer)


def _order(key: str) -> tuple[int, int]:
    """Lines of the source first, then what was added, each in its order."""
    return (1, int(key.removeprefix("new-"))) if key.startswith("new-") else (0, int(key))
