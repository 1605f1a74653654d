"""Tiny random models, tokenizers and conversations, made on the spot: real architectures, a few thousand weights."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from honekit.chat.template import ChatTemplate
from honekit.train.batching import TokenExample

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{{ message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VOCABULARY = len(SPECIAL) + 256 + 2
END = 2
ARCHITECTURES = ("llama", "qwen3", "gemma3")
WINDOW = 6
"""Sliding window of the tiny Gemma, far shorter than the sequences of the tests."""


def model(architecture: str = "llama", *, attention: str = "hone", seed: int = 0, **changes: Any) -> Any:
    """A causal model in evaluation mode; the same weights for the same seed, whatever its attention."""
    from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, Qwen3Config

    from honekit.models.attention import register

    register()
    settings: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
        "initializer_range": 0.2,  # large, so that attention is far from uniform
        "bos_token_id": 1,
        "eos_token_id": END,
        "pad_token_id": 0,
    }
    if architecture == "gemma3":
        settings |= {
            "num_hidden_layers": 3,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "sliding_window": WINDOW,
            "query_pre_attn_scalar": 8,
        }
    kind = {"llama": LlamaConfig, "qwen3": Qwen3Config, "gemma3": Gemma3TextConfig}[architecture]
    torch.manual_seed(seed)
    config = kind(**{**settings, **changes})
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32).eval()


def save_encoder(folder: Path) -> Path:
    """The directory of a BERT of two layers, with a tokenizer and without a chat template."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=64, initializer_range=0.2,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def tokenizer() -> Tokenizer:
    """Byte-level, two merges: every character outside ASCII is split over several tokens."""
    symbols = [*SPECIAL, *sorted(ByteLevel.alphabet()), "ab", "12"]
    made = Tokenizer(BPE({symbol: i for i, symbol in enumerate(symbols)}, [("a", "b"), ("1", "2")]))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False)
    made.decoder = ByteLevelDecoder()
    made.add_special_tokens(list(SPECIAL))
    return made


def template() -> ChatTemplate:
    return ChatTemplate(CHATML, tokenizer(), {"eos_token": SPECIAL[END]})


def save_base(directory: Path, **changes: Any) -> Path:
    """A complete base directory around a tiny Llama."""
    model(**changes).save_pretrained(directory)
    tokenizer().save(str(directory / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": SPECIAL[END], "pad_token": SPECIAL[0]}
    (directory / "tokenizer_config.json").write_text(json.dumps(config))
    (directory / "chat_template.jinja").write_text(CHATML)
    return directory


def token_ids(count: int, seed: int = 0) -> list[int]:
    """Random ordinary tokens."""
    return [random.Random(seed * 7919 + i).randrange(len(SPECIAL), VOCABULARY) for i in range(count)]


def examples(lengths: Sequence[int], prefix: int = 0, seed: int = 0, labels: int = 5) -> list[TokenExample]:
    """Token examples with a common prefix; the last `labels` tokens of each are trained."""
    common = token_ids(prefix, seed)
    made = []
    for index, length in enumerate(lengths):
        ids = common + token_ids(length, seed * 1000 + index + 1)
        trained = min(labels, length - 1)
        weights = [0.0] * (len(ids) - trained) + [1.0] * trained
        made.append(TokenExample(index, index + 1, ids, weights))
    return made


def conversations(count: int, seed: int = 0, *, shuffled: bool = False) -> list[dict[str, Any]]:
    """Chat records with a rule to learn: the answer repeats the colour of the question. `shuffled` breaks the rule."""
    draw = random.Random(seed)
    colours = ["red", "blue", "green", "white"]
    records = []
    for number in range(count):
        asked = draw.choice(colours)
        answer = draw.choice([c for c in colours if c != asked]) if shuffled else asked
        records.append(
            {
                "messages": [
                    {"role": "system", "content": "Repeat the colour."},
                    {"role": "user", "content": f"Item {number}: a {asked} box"},
                    {"role": "assistant", "content": f"It is {answer}."},
                ]
            }
        )
    return records


def write_jsonl(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path
