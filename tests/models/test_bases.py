from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from honekit.errors import ModelError
from honekit.models import bases, plain_llama, wheel
from honekit.models.bases import load_template, load_tokenizer, resolve_base, special_tokens


@pytest.fixture
def directory(tiny_llama: Callable[..., Any], tmp_path: Path) -> Path:
    tiny_llama().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def code_of(ref: str) -> str:
    with pytest.raises(ModelError) as caught:
        resolve_base(ref)
    return caught.value.code


def test_a_directory_of_plain_weights_is_taken_as_it_is(directory: Path) -> None:
    assert resolve_base(str(directory)) == directory


def test_a_model_that_wants_its_own_code_is_refused(directory: Path) -> None:
    (directory / "modeling_own.py").write_text("raise SystemExit")
    assert code_of(str(directory)) == "model.custom_code"
    (directory / "modeling_own.py").unlink()
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoConfig": "x.Y"}}))
    assert code_of(str(directory)) == "model.custom_code"


def test_pickled_weights_are_refused(directory: Path) -> None:
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    assert code_of(str(directory)) == "model.pickled_weights"
    (directory / "pytorch_model.bin").unlink()
    assert code_of(str(directory)) == "model.no_weights"


def test_what_is_no_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_of(str(tmp_path)) == "model.no_config"
    assert code_of(str(tmp_path / "none")) == "model.no_such_directory"
    (tmp_path / "train.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    assert code_of("./train.jsonl") == code_of("train.jsonl") == "model.no_such_directory"
    assert code_of("smollm2-135") == "model.unknown_base"
    assert code_of("no such base") == "model.unknown_base"


def test_the_embedded_bases_id_means_it_also_beside_a_folder_of_that_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "smollm2-135m").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wheel, "find_gguf", lambda _: None)
    assert code_of("smollm2-135m") == "model.base_missing"


def test_the_embedded_base_without_its_file_names_the_command_that_fetches_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wheel, "find_gguf", lambda _: None)
    with pytest.raises(ModelError) as caught:
        resolve_base("smollm2-135m")
    assert (caught.value.code, caught.value.mend) == (
        "model.base_missing",
        "run `hone bases get smollm2-135m`",
    )
    assert not bases.is_local("smollm2-135m")


def test_a_damaged_package_file_is_not_converted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF")
    monkeypatch.setattr(wheel, "find_gguf", lambda _: damaged)
    assert code_of("smollm2-135m") == "model.wrong_hash"


def test_an_unreachable_hub_is_told_within_seconds(tmp_path: Path) -> None:
    """In a process of its own: the Hub's client reads its variables when it is imported."""
    import os
    import subprocess
    import sys

    script = (
        "from honekit.errors import ModelError\nfrom honekit.models.bases import resolve_base\n"
        "try:\n    resolve_base('someone/some-model')\nexcept ModelError as error:\n    print(error.code)\n"
    )
    for changes in ({"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}):
        started = time.monotonic()
        environment = {**os.environ, "HF_HOME": str(tmp_path), **changes}
        result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
        assert result.stdout.strip() == "model.hub_unreachable", result.stderr
        assert time.monotonic() - started < 20


def test_a_directory_that_transformers_cannot_load_is_named(directory: Path) -> None:
    import torch

    weights = directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError) as caught:
        bases.load_base(directory, torch.float32)
    assert caught.value.code == "model.unloadable"


def test_the_model_comes_in_evaluation_mode_with_the_wanted_type_and_attention(directory: Path) -> None:
    import torch

    model = bases.load_base(directory, torch.bfloat16, attention="eager")
    assert not model.training
    assert model.dtype == torch.bfloat16
    assert model.config._attn_implementation == "eager"


def write_tokenizer(directory: Path) -> None:
    from tokenizers import Tokenizer, models

    tokenizer = Tokenizer(models.WordLevel({"a": 0, "<s>": 1, "</s>": 2}, unk_token="a"))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(directory / "tokenizer.json"))


def test_truncation_and_padding_in_a_tokenizer_file_are_switched_off(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    assert (tokenizer.truncation, tokenizer.padding) == (None, None)


def test_the_template_is_found_wherever_models_keep_it(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    with pytest.raises(ModelError) as caught:
        load_template(tmp_path)
    assert caught.value.code == "model.no_chat_template"
    named = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "named"}]
    for file, content, expected in (
        ("tokenizer_config.json", json.dumps({"chat_template": "inline"}), "inline"),
        ("tokenizer_config.json", json.dumps({"chat_template": named}), "named"),
        ("chat_template.json", json.dumps({"chat_template": "own json"}), "own json"),
        ("chat_template.jinja", "own file", "own file"),
    ):
        (tmp_path / file).write_text(content)
        assert load_template(tmp_path).source == expected


def test_special_tokens_may_be_strings_or_objects(tmp_path: Path) -> None:
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"bos_token": {"content": "<s>"}}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "pad_token": None}))
    assert special_tokens(tmp_path) == {"bos_token": "<s>", "eos_token": "</s>"}


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_tokenizer(tmp_path)
    assert caught.value.code == "model.no_tokenizer"


def test_weights_that_are_missing_are_not_made_up(directory: Path) -> None:
    file = directory / "model.safetensors"
    weights = load_file(file)
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    for load in (bases.load_base, plain_llama.load_model):
        with pytest.raises(ModelError) as caught:
            load(directory, torch.float32)
        assert caught.value.code == "model.missing_weights"
        assert "model.layers.1.mlp.up_proj.weight" in caught.value.what


def test_an_encoder_is_no_base_that_writes(directory: Path) -> None:
    assert not bases.is_encoder(directory)
    (directory / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertForMaskedLM"]}))
    assert bases.is_encoder(directory)
    with pytest.raises(ModelError) as caught:
        bases.load_base(directory, torch.float32)
    assert caught.value.code == "model.encoder"
    (directory / "config.json").write_text(json.dumps({"model_type": "roberta", "is_decoder": True}))
    assert not bases.is_encoder(directory)
