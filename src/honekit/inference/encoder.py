"""Embedding models that are encoders (BERT and its kin): every token sees the whole text, and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from honekit.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TEXTS_AT_ONCE = 32


class Idle:
    """The session of a model that writes nothing."""

    busy = False

    def step(self) -> list[tuple[int, Any]]:
        return []

    def cancel(self, number: int) -> None:
        """There is nothing to cancel."""


@dataclass(frozen=True)
class Encoder:
    """An encoder in fp32. `takes_first`: its vector is the first token's output, not the mean of all."""

    model: Any
    tokenizer: Tokenizer
    context_tokens: int
    vocabulary: int
    fingerprint: str
    takes_first: bool
    device: torch.device
    writes: ClassVar[bool] = False

    def open(self, batch_size: int = 64) -> Idle:
        return Idle()

    @torch.inference_mode()
    def embed(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """One vector of length 1 for each text.

        Shapes:  texts of at least one token id each -> (texts, d), fp32, on the CPU
        """
        vectors = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = [torch.tensor(ids) for ids in texts[start : start + TEXTS_AT_ONCE]]
            ids = torch.nn.utils.rnn.pad_sequence(some, batch_first=True, padding_value=self.model.config.pad_token_id or 0)
            mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(one) for one in some], batch_first=True)
            hidden = self.model(input_ids=ids.to(self.device), attention_mask=mask.to(self.device)).last_hidden_state.cpu()
            weights = mask[..., None].float()
            vectors.append(hidden[:, 0] if self.takes_first else (hidden * weights).sum(1) / weights.sum(1))
        return torch.nn.functional.normalize(torch.cat(vectors), dim=1)


def load_encoder(path: Path, device: str = "auto") -> Encoder:
    """The encoder of a directory that `bases.is_encoder` takes for one, pooled as its `1_Pooling/config.json` says (mean without
    one).

    Raises: ModelError[model.unloadable | model.missing_weights | model.pooling | model.no_tokenizer].
    """
    from transformers import AutoModel

    from honekit.models import bases, fingerprint
    from honekit.models.precision import resolve_device

    target = torch.device(resolve_device(device))
    # Of a pooler that was trained for another task nothing is used.
    model: Any = bases.whole_model(AutoModel, path, torch.float32, "sdpa", unneeded="pooler.")
    model.to(target).eval()
    pooling = bases.read_json(path / "1_Pooling" / "config.json")
    modes = [name for name, value in pooling.items() if name.startswith("pooling_mode_") and value is True]
    if modes not in ([], ["pooling_mode_mean_tokens"], ["pooling_mode_cls_token"]):
        raise ModelError(
            "model.pooling",
            what=f"this embedding model pools its outputs by {', '.join(modes)}; only the mean and the first token are known",
            where=str(path / "1_Pooling" / "config.json"),
            mend="take an embedding model that is pooled by one of these",
        )
    limits = [model.config.max_position_embeddings, bases.read_json(path / "tokenizer_config.json").get("model_max_length")]
    return Encoder(
        model,
        bases.load_tokenizer(path),
        context_tokens=int(min(limit for limit in limits if limit)),
        vocabulary=model.config.vocab_size,
        fingerprint=fingerprint.fingerprint_base(path),
        takes_first=modes == ["pooling_mode_cls_token"],
        device=target,
    )
