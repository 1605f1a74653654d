"""Asking, sifting and keeping until there are enough examples, or until it is plain that there never will be.

What was accepted is in a journal before the next request is counted, so a run that ends early loses nothing and the next
one goes on. Marks of origin stand in a file beside the data: chat JSONL has no place for them, since providers and
`hone data check` know no further key of a record.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from honekit.data.chat import ChatExample, read_chat_file
from honekit.data.generate.accept import Acceptance
from honekit.data.generate.asking import is_usable, read_reply, record_of, request, response_format
from honekit.data.generate.spec import Draw, Draws, Spec, with_topics
from honekit.data.generate.tally import Tally
from honekit.data.label.form import Form
from honekit.errors import DataError, ServeError
from honekit.store.atomic import sha256_of, write_atomic
from honekit.store.journal import Journal

BARREN = 25
"""So many replies in a row without one acceptable example end the run."""
RETRIES = 4

Progress = Callable[[float, float, str], None]
"""accepted, wanted, note"""


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible endpoint and how it is asked."""

    url: str
    model: str
    key: str
    temperature: float = 1.0
    max_tokens: int | None = None
    concurrency: int = 4
    per_request: int = 3
    """Examples asked for at a time."""


class Generation:
    """One output file and the work on it. Raises: DataError[data.generate_no_seeds | data.generate_out_exists], StoreError."""

    def __init__(
        self, seed_file: Path, spec: Spec, form: Form, out: Path, endpoint: Endpoint, *, wanted: int, avoid: list[Path]
    ) -> None:
        seeds = usable_seeds(seed_file)
        self.form, self.out, self.endpoint, self.spec = form, out, endpoint, with_topics(spec, seeds)
        self._draws = Draws(self.spec, seeds)
        held_out = [
            message.text for path in avoid for e in read_chat_file(path) for message in e.messages if message.role == "user"
        ]
        self._acceptance = Acceptance(form, [seed.messages[-2].text for seed in seeds], held_out)
        self.tally = Tally(wanted)
        self._records: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._barren = 0
        self._sifting = asyncio.Lock()
        """One reply after the other, so that no two that are alike pass side by side."""
        self._is_structured = True
        path = out.with_name(f"{out.name}.journal")
        if out.exists() and not path.exists():
            raise DataError(
                "data.generate_out_exists",
                what="there is already a file of this name, and it was not generated here",
                where=str(out),
                mend="name another output with --out",
            )
        described = json.dumps([spec.description, spec.attributes, form.schema], sort_keys=True)
        spec_hash = hashlib.sha256(described.encode()).hexdigest()[:16]
        self._journal = Journal(path, {"generates": out.name, "seeds": sha256_of(seed_file), "spec": spec_hash})
        for entry in self._journal.entries:
            self._count(entry)
            for record, _ in self._kept_of(entry):
                self._acceptance.remember(record["messages"][-2]["content"])
        self._next = 1 + max((entry["request"] for entry in self._journal.entries), default=-1)

    def close(self) -> None:
        """Write what is accepted, with its marks of origin, and let the journal go."""
        try:
            self._write()
        finally:
            self._journal.close()

    @property
    def origin(self) -> Path:
        """Beside the data: for each of its lines where it comes from."""
        return self.out.with_name(f"{self.out.stem}.origin.jsonl")

    async def run(self, progress: Progress) -> Tally:
        """Ask until there are enough, or `BARREN` replies in a row held nothing.

        Raises: ServeError[generate.unreachable | generate.refused | generate.not_the_api]; what was accepted until then is kept.
        """
        from openai import AsyncOpenAI

        progress(self.tally.accepted, self.tally.wanted, "")
        async with AsyncOpenAI(base_url=self.endpoint.url, api_key=self.endpoint.key, max_retries=RETRIES) as client:
            workers = [asyncio.create_task(self._work(client, progress)) for _ in range(self.endpoint.concurrency)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
        return self.tally

    async def _work(self, client: Any, progress: Progress) -> None:
        while not self.tally.is_enough and self._barren < BARREN:
            number, self._next = self._next, self._next + 1
            draw = self._draws[number]
            text, tokens = await self._ask(client, draw)
            pairs = read_reply(text, self.form)
            records = [record_of(draw, given, answer) for given, answer in pairs or ()]
            async with self._sifting:
                kept, refused = await asyncio.to_thread(self._acceptance.sift, records)
            if pairs is None:
                refused["reply is not the JSON that was asked for"] += 1
            kept = kept[: max(self.tally.wanted - self.tally.accepted, 0)]
            self._keep(draw, kept, refused, tokens)
            progress(
                min(self.tally.accepted, self.tally.wanted), self.tally.wanted, f"{sum(self.tally.refused.values())} refused"
            )

    async def _ask(self, client: Any, draw: Draw) -> tuple[str, tuple[int, int]]:
        import openai
        from openai.types.chat import ChatCompletion

        options: dict[str, Any] = {"temperature": self.endpoint.temperature}
        if self.endpoint.max_tokens:
            options["max_tokens"] = self.endpoint.max_tokens
        was_structured = self._is_structured
        if was_structured:
            options["response_format"] = response_format(self.form, self.endpoint.per_request)
        messages = request(self.spec, draw, self.form, self.endpoint.per_request)
        try:
            answer = await client.chat.completions.create(model=self.endpoint.model, messages=messages, **options)
        except openai.BadRequestError as fault:
            if not was_structured:
                raise _refused(fault, self.endpoint) from fault
            self._is_structured = False  # not every endpoint, and not every schema: the prompt says the form as well
            return await self._ask(client, draw)
        except openai.APIStatusError as fault:
            raise _refused(fault, self.endpoint) from fault
        except openai.APIConnectionError as fault:
            raise ServeError(
                "generate.unreachable",
                what=f"the endpoint does not answer: {fault.__cause__ or fault}",
                where=self.endpoint.url,
                mend="start it (`hone serve`) or mend --endpoint; then run the same command again: what is accepted is kept",
            ) from fault
        if not isinstance(answer, ChatCompletion):
            raise ServeError(
                "generate.not_the_api",
                what="what answers there is not an OpenAI-compatible API",
                where=self.endpoint.url,
                mend="mend --endpoint; the address of such an API mostly ends in /v1",
            )
        tokens = (answer.usage.prompt_tokens, answer.usage.completion_tokens) if answer.usage else (0, 0)
        return (answer.choices[0].message.content or "") if answer.choices else "", tokens

    def _keep(self, draw: Draw, kept: list[dict[str, Any]], refused: Counter[str], tokens: tuple[int, int]) -> None:
        entry = {
            "request": draw.number,
            "model": self.endpoint.model,
            "endpoint": self.endpoint.url,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "attributes": draw.attributes,
            "seed_lines": [seed.line for seed in draw.seeds],
            "kept": kept,
            "refused": dict(refused),
            "tokens": tokens,
        }
        self._journal.append(entry)
        self._count(entry)
        self._barren = 0 if kept else self._barren + 1

    def _count(self, entry: dict[str, Any]) -> None:
        kept = self._kept_of(entry)
        self._records += kept
        self.tally.accepted += len(kept)
        self.tally.requests += 1
        self.tally.refused.update(entry["refused"])
        self.tally.input_tokens += entry["tokens"][0]
        self.tally.output_tokens += entry["tokens"][1]

    def _kept_of(self, entry: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        origin = {name: entry[name] for name in ("model", "endpoint", "at", "attributes", "seed_lines")}
        return [(record, origin) for record in entry["kept"]]

    def _write(self) -> None:
        lines = [json.dumps(record, ensure_ascii=False) for record, _ in self._records]
        marks = [
            {"line": number, "sha256": hashlib.sha256(line.encode()).hexdigest(), "synthetic": True, **origin}
            for number, (line, (_, origin)) in enumerate(zip(lines, self._records, strict=True), 1)
        ]
        write_atomic(self.out, "".join(f"{line}\n" for line in lines))
        write_atomic(self.origin, "".join(f"{json.dumps(mark, ensure_ascii=False)}\n" for mark in marks))


def usable_seeds(path: Path) -> list[ChatExample]:
    """The examples of a file that have one input and one answer. Raises: DataError: the file's faults, data.generate_no_seeds."""
    seeds = [example for example in read_chat_file(path) if is_usable(example)]
    if not seeds:
        raise DataError(
            "data.generate_no_seeds",
            what="no example of this file is one input with one answer, which is what can be generated",
            where=str(path),
            mend="give a seed file of single-turn conversations without tools",
        )
    return seeds


def _refused(fault: Any, endpoint: Endpoint) -> ServeError:
    mends = {
        401: "set the key's variable (see --key-env)",
        404: "mend --model or --endpoint",
        429: "wait, or lower --concurrency",
    }
    return ServeError(
        "generate.refused",
        what=f"the endpoint refuses the request ({fault.status_code}): {str(fault.message)[:300]}",
        where=endpoint.url,
        mend=mends.get(fault.status_code, "mend what it names") + "; then run the same command again: what is accepted is kept",
    )
