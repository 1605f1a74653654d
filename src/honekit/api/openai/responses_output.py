"""The output items of a response as they grow, and the events that tell of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from honekit.api.openai.chat_schema import TokenLogprob
from honekit.api.openai.responses_schema import AnswerText, OutputCall, OutputItem, OutputMessage
from honekit.store.tables import new_id

Event = dict[str, Any]
"""Without its `sequence_number`."""
_BYTES: Any = {"bytes": True, "top_logprobs": {"__all__": {"bytes"}}}
"""What the log-probabilities of an item have and those of an event have not."""


@dataclass
class OutputWriter:
    """Takes the deltas of a chat completion's choice: content and calls become items, in the order they were written."""

    items: list[OutputItem] = field(default_factory=list)
    _waiting: list[TokenLogprob] = field(default_factory=list)
    """Log-probabilities of tokens whose text is still to come."""

    def note(self, certain: Sequence[TokenLogprob]) -> None:
        """Log-probabilities that go with the text of the next delta; those of a call's tokens are not shown."""
        self._waiting += certain

    def take(self, delta: dict[str, Any]) -> Iterator[Event]:
        """The events of a delta of a chat choice. The items grow as they are read."""
        if "content" in delta:
            item = self.items[-1] if self.items else None
            if not isinstance(item, OutputMessage):
                yield from self._finish("completed")
                item = OutputMessage(id=new_id("msg_"))
                yield from self._open_message(item)
            item.content[0].text += delta["content"]
            yield self._text_event("delta", item, self._shown(item), delta=delta["content"])
        for call in delta.get("tool_calls", ()):
            self._waiting.clear()
            if "id" in call:
                yield from self._finish("completed")
                made = OutputCall(id=new_id("fc_"), call_id=call["id"], name=call["function"]["name"])
                self.items.append(made)
                yield self._item_event("added")
            arguments = call["function"]["arguments"]
            last = self.items[-1]
            if isinstance(last, OutputCall) and arguments:
                last.arguments += arguments
                yield self._event("response.function_call_arguments.delta", item_id=last.id, delta=arguments)

    def end(self, cut: bool) -> Iterator[Event]:
        """The events of the answer's end. One that says nothing is an empty message."""
        if not self.items:
            yield from self._open_message(OutputMessage(id=new_id("msg_")))
        if isinstance(self.items[-1], OutputMessage):
            self._shown(self.items[-1])  # of tokens that made no whole character
        yield from self._finish("incomplete" if cut else "completed")

    def again(self, items: Sequence[OutputItem]) -> Iterator[Event]:
        """The events of items that are complete, each text in one piece."""
        for item in items:
            if isinstance(item, OutputMessage):
                fresh = OutputMessage(id=item.id)
                yield from self._open_message(fresh)
                self._waiting = [*item.content[0].logprobs]
                fresh.content[0].text = text = item.content[0].text
                yield self._text_event("delta", fresh, self._shown(fresh), delta=text)
            else:
                self.items.append(item.model_copy(update={"arguments": "", "status": "in_progress"}))
                yield self._item_event("added")
                self.items[-1] = item
                yield self._event("response.function_call_arguments.delta", item_id=item.id, delta=item.arguments)
            yield from self._finish(item.status)

    def _open_message(self, item: OutputMessage) -> Iterator[Event]:
        self.items.append(item)
        yield self._item_event("added")
        item.content.append(AnswerText())
        yield self._part_event("added", item)

    def _finish(self, status: Any) -> Iterator[Event]:
        if not self.items:
            return
        item = self.items[-1]
        item.status = status
        if isinstance(item, OutputMessage):
            yield self._text_event("done", item, item.content[0].logprobs, text=item.content[0].text)
            yield self._part_event("done", item)
        else:
            done = {"item_id": item.id, "name": item.name, "arguments": item.arguments}
            yield self._event("response.function_call_arguments.done", **done)
        yield self._item_event("done")

    def _item_event(self, what: str) -> Event:
        return self._event(f"response.output_item.{what}", item=self.items[-1].model_dump())

    def _part_event(self, what: str, item: OutputMessage) -> Event:
        part = item.content[0].model_dump()
        return self._event(f"response.content_part.{what}", item_id=item.id, content_index=0, part=part)

    def _text_event(self, what: str, item: OutputMessage, logprobs: Sequence[TokenLogprob], **said: str) -> Event:
        shown = [entry.model_dump(exclude=_BYTES) for entry in logprobs]
        return self._event(f"response.output_text.{what}", item_id=item.id, content_index=0, logprobs=shown, **said)

    def _shown(self, item: OutputMessage) -> list[TokenLogprob]:
        """The waiting log-probabilities, now those of the message."""
        fresh, self._waiting = self._waiting, []
        item.content[0].logprobs += fresh
        return fresh

    def _event(self, kind: str, **fields: Any) -> Event:
        return {"type": kind, "output_index": len(self.items) - 1, **fields}
