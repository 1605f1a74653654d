"""A small byte-level tokenizer with ChatML's control tokens and templates of several shapes."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from honekit.chat.template import ChatTemplate

CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

CORPUS = [
    "the gateway lost its uplink and the pump stopped",
    "system user assistant the sensor reads 12.5 degrees",
    '{"category": "Power", "severity": "warning"}',
    "line\n\nline\n  indented\t\ttabs   blanks",
]


def byte_level_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        min_frequency=1,
        show_progress=False,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken("<think>", special=False, normalized=False)])
    return tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return byte_level_tokenizer()


@pytest.fixture(scope="session")
def chatml(tokenizer: Tokenizer) -> ChatTemplate:
    return ChatTemplate(CHATML, tokenizer, {"eos_token": "<|im_end|>"})


@pytest.fixture(scope="session")
def word_mark_tokenizer() -> Tokenizer:
    """Of SentencePiece's kind, as Llama 2 has it: a mark before each word, also before the first."""
    from tokenizers import normalizers

    words = ["▁", "a", "n", "s", "w", "e", "r", "ans", "wer", "answer", "▁answer", "<0x0A>", ":"]
    letters = [chr(code) for code in range(33, 127) if chr(code) not in words]
    vocabulary = {token: index for index, token in enumerate(["<unk>", "<s>", "</s>", *words, *letters])}
    merges = [("a", "n"), ("an", "s"), ("w", "e"), ("we", "r"), ("ans", "wer"), ("▁", "answer")]
    for pair in merges:
        vocabulary.setdefault("".join(pair), len(vocabulary))
    model = models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer


@pytest.fixture(scope="session")
def templates(tokenizer: Tokenizer) -> dict[str, ChatTemplate]:
    """Three ways to write a conversation, two of them with traps."""
    return {
        "chatml": ChatTemplate(CHATML, tokenizer, {"eos_token": "<|im_end|>"}),
        "plain words": ChatTemplate(
            "{% for m in messages %}{{ m.role|upper }}: {{ m.content }}{% if m.role == 'assistant' %}"
            "{{ eos_token }}{% endif %}{{ '\n' }}{% endfor %}"
            "{% if add_generation_prompt %}ASSISTANT: {% endif %}",
            tokenizer,
            {"eos_token": "<|endoftext|>"},
        ),
        "trimmed, with markers": ChatTemplate(
            "{%- for m in messages %}<|im_start|>{{ m.role }}\n"
            "{% generation %}{{ m.content | trim }}<|im_end|>{% endgeneration %}\n{% endfor -%}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
            tokenizer,
            {"eos_token": "<|im_end|>"},
        ),
    }
