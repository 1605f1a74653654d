"""From preference records to pairs in tokens, with the reference's log-probabilities kept beside the job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import torch
from torch import nn

from honekit.chat.messages import Message
from honekit.chat.template import ChatTemplate
from honekit.data import PreferenceExample, read_preference_file
from honekit.jobs import JobContext
from honekit.store.atomic import write_atomic
from honekit.train.batching import TokenExample
from honekit.train.cuts import report_cuts
from honekit.train.dpo import Pair, with_reference

REFERENCE = "reference.json"
"""In the job's folder: log r(w|x) and log r(l|x) of every pair, in the files' order."""


def tokenise_pairs(path: Path, template: ChatTemplate, limit: int, context: JobContext, least: int = 1) -> list[Pair]:
    """Pairs as tokens, each conversation cut to `limit`.

    Raises: DataError; TrainError[train.all_truncated | train.no_trained_tokens], naming the lines.
    """
    pairs, cut, empty = [], [], []
    for example in read_preference_file(path, least=least):
        pair, is_cut = pair_of(example, template, limit)
        if is_cut:
            cut.append(pair.line)
        if not (pair.preferred.trained_tokens and pair.rejected.trained_tokens):
            empty.append(pair.line)
        pairs.append(pair)
    report_cuts(path, [one.line for one in pairs], limit, cut, empty, context)
    return pairs


def pair_of(example: PreferenceExample, template: ChatTemplate, limit: int) -> tuple[Pair, bool]:
    """One record in tokens, and whether `limit` cut one of its conversations. Only the two answers are predicted."""
    # Answers within the prompt are context here, whatever weight they carry.
    asked = [_weighted(message, 0) if message.role == "assistant" else message for message in example.messages]
    is_cut = False
    both = []
    for answer in (example.preferred, example.rejected):
        ids = template.training_ids([*asked, _weighted(answer, None)], example.tools)
        is_cut = is_cut or len(ids.token_ids) > limit
        both.append(TokenExample(example.line - 1, example.line, ids.token_ids[:limit], ids.weights[:limit]))
    return Pair(example.line, both[0], both[1]), is_cut


def _weighted(message: Message, weight: int | None) -> Message:
    return msgspec.structs.replace(message, weight=weight)


def with_kept_reference(
    directory: Path, model: nn.Module, files: Sequence[Sequence[Pair]], device: torch.device | str
) -> list[list[Pair]]:
    """The pairs of each file with their reference, from the job's folder, or else computed with `model` and kept there.

    A resumed job so sees the very numbers of its first attempt. `model` has to be the one that training starts from.
    """
    kept = directory / REFERENCE
    if kept.exists():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        if [len(rows) for rows in stored] == [len(pairs) for pairs in files]:
            return [
                [replace(pair, reference=(row[0], row[1])) for pair, row in zip(pairs, rows, strict=True)]
                for pairs, rows in zip(files, stored, strict=True)
            ]
    done = [with_reference(model, pairs, device) for pairs in files]
    write_atomic(kept, json.dumps([[pair.reference for pair in pairs] for pairs in done]))
    return done
