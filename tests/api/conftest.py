"""A real server on loopback with a tiny random model, and an engine under the test's control for what it cannot show."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest
from tests.databases import PostgreSQL

CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TOOL_TEMPLATE = (
    "{% if tools %}<|im_start|>system\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    '{% for call in message.tool_calls or [] %}<tool_call>\n{"name": "{{ call.function.name }}", '
    '"arguments": {{ call.function.arguments | tojson }}}\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}'
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTEXT_TOKENS = 512
ROOMY_TOKENS = 4096


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api-home")


@pytest.fixture(scope="session")
def postgresql_url(postgresql: PostgreSQL) -> str:
    return postgresql.new()


@pytest.fixture(autouse=True)
def own_home(hone_home: Path, shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One home, and one database of a kind, for all: a server outlives a test, and looks keys and models up at each request."""
    monkeypatch.setenv("HONE_HOME", str(shared_home))


@pytest.fixture(scope="session")
def byte_tokenizer() -> Any:
    """256 bytes and three control tokens: every character of more than one byte is several tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={s: i + 3 for i, s in enumerate(symbols)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _with_special(tokenizer, symbols)


def _with_special(tokenizer: Any, symbols: list[str]) -> Any:
    from tokenizers import Tokenizer

    content = json.loads(tokenizer.to_str())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    content["model"]["vocab"] = {s: i for i, s in enumerate([*special, *symbols])}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    content["added_tokens"] = [{"id": i, "content": s, **flags} for i, s in enumerate(special)]
    return Tokenizer.from_str(json.dumps(content))


@pytest.fixture(scope="session")
def tiny_base(byte_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two layers in a directory, as any base."""
    from transformers import LlamaConfig

    return _save(tmp_path_factory.mktemp("tiny") / "tiny", byte_tokenizer, LlamaConfig, CONTEXT_TOKENS, CHATML)


@pytest.fixture(scope="session")
def roomy_bases(byte_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """`roomy`: as `tiny`, with a longer context. `native`: of an architecture that runs through transformers, and with a
    template that knows tools.
    """
    from transformers import LlamaConfig, Qwen3Config

    folder = tmp_path_factory.mktemp("roomy")
    kinds = {"roomy": (LlamaConfig, CHATML), "native": (Qwen3Config, TOOL_TEMPLATE)}
    return {
        name: str(_save(folder / name, byte_tokenizer, kind, ROOMY_TOKENS, template)) for name, (kind, template) in kinds.items()
    }


def _save(path: Path, tokenizer: Any, kind: Any, context: int, template: str) -> Path:
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    config = kind(
        vocab_size=259,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=context,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        model.lm_head.weight *= 20  # random weights are nearly uniform; this makes some tokens likely
    model.save_pretrained(path)
    tokenizer.save(str(path / "tokenizer.json"))
    (path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template, "eos_token": "<|im_end|>"}))
    return path


@pytest.fixture(scope="module")
def server(tiny_base: Path, roomy_bases: dict[str, str], shared_home: Path) -> Iterator[str]:
    """The URL of a server that has the models `tiny`, `roomy` and `native`."""
    from honekit.api.engines import Engines
    from honekit.api.server import running

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONE_HOME", str(shared_home))
        with running(Engines(device="cpu", precision="fp32", extra_bases={"tiny": str(tiny_base), **roomy_bases})) as url:
            yield url


@pytest.fixture
def key() -> str:
    from honekit.api.auth import create_key

    return create_key("test")[0]


@pytest.fixture
def client(server: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=key, max_retries=0, timeout=60) as client:
        yield client


@pytest.fixture
def strict(server: str, key: str) -> Iterator[openai.OpenAI]:
    """The client that validates every answer against its types."""
    with openai.OpenAI(
        base_url=f"{server}/v1", api_key=key, max_retries=0, timeout=60, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture
def connect(server: str) -> Iterator[Any]:
    """Makes clients, each with a key of its own."""
    from honekit.api import auth

    clients: list[openai.OpenAI] = []

    def connect(project: str = "default", scope: Any = "write", **options: Any) -> openai.OpenAI:
        key = auth.create_key(project=project, scope=scope)[0]
        clients.append(openai.OpenAI(base_url=f"{server}/v1", api_key=key, max_retries=0, timeout=60, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@dataclass
class ControlledEngine:
    """NOT a model: an engine of the same shape whose steps wait for the test, to provoke what a real one seldom does."""

    template: Any
    context_tokens: int = CONTEXT_TOKENS
    writes: bool = True
    fingerprint: str = "controlled"
    vocabulary: int = 259
    stop_ids: frozenset[int] = frozenset({2})
    go: threading.Event = field(default_factory=threading.Event)
    step_s: float = 0.0
    sessions: list[ControlledSession] = field(default_factory=list)

    @property
    def tokenizer(self) -> Any:
        return self.template.tokenizer

    def open(self, batch_size: int = 64) -> ControlledSession:
        self.sessions.append(ControlledSession(self))
        return self.sessions[-1]


@dataclass
class ControlledSession:
    """Writes `a` for every running request at each step, to the end that the request asks for."""

    engine: ControlledEngine
    left: dict[int, int] = field(default_factory=dict)
    cancelled: list[int] = field(default_factory=list)
    most_at_once: int = 0
    fails: bool = False
    last_reason: str = "length"

    @property
    def busy(self) -> bool:
        return bool(self.left)

    def add(self, request: Any) -> int:
        number = len(self.left) + len(self.cancelled) + 1000
        while number in self.left:
            number += 1
        self.left[number] = request.sampling.max_new_tokens
        return number

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)
        self.left.pop(number, None)

    def step(self) -> list[tuple[int, Any]]:
        from honekit.inference.requests import Token

        self.engine.go.wait(10)
        time.sleep(self.engine.step_s)
        if self.fails:
            self.fails = False
            raise RuntimeError("the test makes this step fail")
        self.most_at_once = max(self.most_at_once, len(self.left))
        produced = []
        for number in list(self.left):
            self.left[number] -= 1
            reason = None if self.left[number] else self.last_reason
            produced.append((number, Token(70, "a", b"a", -0.5, [], reason)))
            if reason:
                del self.left[number]
        return produced


@pytest.fixture
def controlled(byte_tokenizer: Any) -> Iterator[ControlledEngine]:
    from honekit.chat.template import ChatTemplate

    engine = ControlledEngine(ChatTemplate(CHATML, byte_tokenizer, {"eos_token": "<|im_end|>"}))
    yield engine
    engine.go.set()  # lets the worker's thread end
