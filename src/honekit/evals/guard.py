"""The regression guard: which general abilities did tuning cost, and how far has the model moved?

Probes that the base passes count, and `forgetting` is the share of them that the tuned model fails. `divergence` is the mean of
KL(base || tuned) over the tokens of neutral text, in nats a token (Kullback and Leibler 1951).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.evals.answers import AnswerStore, answer_all
from honekit.graders.criteria import CRITERION, grade_by
from honekit.graders.run import Means
from honekit.graders.templates import Sample

if TYPE_CHECKING:
    from torch import Tensor

    from honekit.inference.engine import Engine

GUARDED = frozenset({"forgetting", "divergence"})
"""Figures that only the guard has."""
MIN_PASSED = 100
"""Fewer probes that the base passes are not enough evidence."""
MAX_NEW_TOKENS = 32
BATCH = 64
_FOLDER = Path(__file__).parent / "general"

Load = Callable[[bool], "Engine"]
"""The base for False, the tuned model for True; one is alive at a time."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Probe:
    """One request to which a general model has an answer that a program can judge.

    before: where it goes on with a conversation, what was asked and answered there; both are given, so that every model goes on
    from the same words.
    """

    id: str
    kind: str
    prompt: str
    criterion: Any
    before: tuple[str, ...] = ()

    @property
    def messages(self) -> list[dict[str, str]]:
        turns = (*self.before, self.prompt)
        return [{"role": "assistant" if place % 2 else "user", "content": text} for place, text in enumerate(turns)]


@dataclass(frozen=True)
class Guarded:
    """What the guard found. `forgetting` and its 95 % interval (Wilson) are None where the base passes too few probes."""

    probes: int
    passed_by_base: int
    passed_by_tuned: int
    lost: int
    gained: int
    forgetting: float | None
    interval: tuple[float, float] | None
    kinds: dict[str, dict[str, int]]
    divergence: float
    tokens: int
    examples: list[dict[str, str]]

    @property
    def is_evidence(self) -> bool:
        return self.forgetting is not None

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "is_evidence": self.is_evidence}


@lru_cache(maxsize=1)
def general_probes() -> tuple[Probe, ...]:
    """The bundled probes (`scripts/make_probes.py`)."""
    lines = (_FOLDER / "probes.jsonl").read_text(encoding="utf-8").splitlines()
    raws = [json.loads(line) for line in lines]
    return tuple(
        Probe(raw["id"], raw["kind"], raw["prompt"], CRITERION.validate_python(raw["criterion"]), tuple(raw.get("before", ())))
        for raw in raws
    )


def neutral_text() -> str:
    """The bundled text, about nothing that models are tuned for."""
    return (_FOLDER / "neutral.txt").read_text(encoding="utf-8")


def run_guard(load: Load, answers: Path, progress: Progress | None = None) -> Guarded:
    """Ask both models all probes (answers are kept in the folder `answers`) and compare them on the neutral text.

    Raises: EvalError, ModelError of what loads; OSError when the answers cannot be kept.
    """
    probes = general_probes()
    texts: list[list[str]] = []
    distributions: list[list[Tensor]] = []
    tokens: list[int] = []
    for is_tuned, name in ((False, "the base"), (True, "the tuned model")):
        engine = load(is_tuned)
        report = (lambda done, total, name=name: progress(f"probes: {name}", done, total)) if progress else None
        texts.append(_answers(engine, probes, answers, report))
        tokens = _text_ids(engine)
        distributions.append(_distributions(engine, tokens))
        del engine
    return summarise_guard(probes, texts[0], texts[1], divergence(*distributions), len(tokens) - 1)


def summarise_guard(probes: Sequence[Probe], base: Sequence[str], tuned: Sequence[str], moved: float, tokens: int) -> Guarded:
    """Judge the answers of both to the same probes."""
    from honekit.evals.rates import rate_interval

    kinds: dict[str, dict[str, int]] = {}
    examples: list[dict[str, str]] = []
    for probe, before, after in zip(probes, base, tuned, strict=True):
        passed = _passes(probe, before), _passes(probe, after)
        counts = kinds.setdefault(probe.kind, {"probes": 0, "base": 0, "tuned": 0, "lost": 0, "gained": 0})
        counts["probes"] += 1
        counts["base"] += passed[0]
        counts["tuned"] += passed[1]
        counts["lost"] += passed == (True, False)
        counts["gained"] += passed == (False, True)
        if passed == (True, False):
            examples.append({"id": probe.id, "prompt": " / ".join((*probe.before, probe.prompt)), "base": before, "tuned": after})
    total = {name: sum(counts[name] for counts in kinds.values()) for name in ("base", "tuned", "lost", "gained")}
    enough = total["base"] >= MIN_PASSED
    return Guarded(
        len(probes),
        total["base"],
        total["tuned"],
        total["lost"],
        total["gained"],
        total["lost"] / total["base"] if enough else None,
        rate_interval(total["lost"], total["base"]) if enough else None,
        kinds,
        moved,
        tokens,
        examples,
    )


def divergence(base: Sequence[Tensor], tuned: Sequence[Tensor]) -> float:
    """Mean over tokens of KL(base || tuned), in nats. Shapes: blocks of (rows, V) log-probabilities, the same for both."""
    total, rows = 0.0, 0
    for before, after in zip(base, tuned, strict=True):
        p = before.double()
        total += float((p.exp() * (p - after.double())).sum())
        rows += len(before)
    return max(0.0, total / rows)


def _answers(engine: Engine, probes: Sequence[Probe], folder: Path, report: Callable[[int, int], None] | None) -> list[str]:
    from honekit.inference.requests import Request
    from honekit.inference.sampling import SamplingParams

    store = AnswerStore(folder, engine.computes_as)
    sampling = SamplingParams(MAX_NEW_TOKENS, 0.0)
    conversations = [probe.messages for probe in probes]
    template = engine.template
    requests = [Request(template.prompt_ids(one), sampling, template.system_prefix_length(one)) for one in conversations]
    return [answer.text for answer in answer_all(engine, requests, store, batch_size=BATCH, progress=report)]


def _text_ids(engine: Engine) -> list[int]:
    ids: list[int] = engine.template.tokenizer.encode(neutral_text(), add_special_tokens=False).ids
    return ids[: engine.context_tokens]


def _distributions(engine: Engine, ids: Sequence[int]) -> list[Tensor]:
    """Log-probabilities (rows, V) of each next token, in blocks; half precision, or a large vocabulary would not fit."""
    import torch

    from honekit.inference.engine import SCORED_ROWS
    from honekit.models.attention import PackedLayout

    blocks = []
    with torch.inference_mode():
        row = torch.tensor(list(ids), device=engine.device)[None]
        layout = PackedLayout(0, [len(ids)], device=engine.device)
        for start in range(0, len(ids) - 1, SCORED_ROWS):
            keep = torch.arange(start, min(start + SCORED_ROWS, len(ids) - 1), device=engine.device)
            logits = engine.forward(row, layout.position_ids(), layout, keep)
            blocks.append(logits.float().log_softmax(-1).half().cpu())
    return blocks


def _passes(probe: Probe, text: str) -> bool:
    return grade_by(probe.criterion, {}, Sample(text), Means()).passed
