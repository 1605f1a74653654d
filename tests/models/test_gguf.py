from __future__ import annotations

import errno
import json
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honekit.errors import ModelError
from honekit.models.gguf import convert_gguf, to_bf16


def test_the_converted_model_computes_what_the_original_computes(tiny_gguf: tuple[Path, Any], tmp_path: Path) -> None:
    import torch

    from honekit.models.bases import load_base

    gguf, original = tiny_gguf
    path = convert_gguf(gguf, tmp_path / "tiny")
    converted = load_base(path, torch.float32)
    ids = torch.arange(3, 60).reshape(1, -1)
    with torch.no_grad():
        torch.testing.assert_close(converted(ids).logits, original(ids).logits, rtol=0, atol=0)
    assert converted.config.rope_parameters["rope_theta"] == 5000.0
    assert converted.config.tie_word_embeddings
    assert "quantization_config" not in json.loads((path / "config.json").read_text())
    converted.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "model.safetensors").is_file()


def test_the_tokenizer_splits_digits_and_keeps_control_tokens(tiny_gguf: tuple[Path, Any], tmp_path: Path) -> None:
    from honekit.models.bases import load_template, load_tokenizer, stop_token_ids

    path = convert_gguf(tiny_gguf[0], tmp_path / "tiny")
    tokenizer = load_tokenizer(path)
    assert tokenizer.encode("12").tokens == ["1", "2"]  # although the merge "1 2" exists
    assert tokenizer.encode("<|im_end|>ab").tokens == ["<|im_end|>", "ab"]
    assert stop_token_ids(path, tokenizer) == (2,)
    template = load_template(path)
    assert template.special_tokens["eos_token"] == "<|im_end|>"
    assert template.render([{"role": "user", "content": "x"}]) == "<|im_start|>user\nx<|im_end|>\n"


def test_transformers_reads_the_tokenizer_with_the_same_ids(tiny_gguf: tuple[Path, Any], tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from honekit.models.bases import load_tokenizer

    path = convert_gguf(tiny_gguf[0], tmp_path / "tiny")
    theirs = AutoTokenizer.from_pretrained(path)
    text = "<|im_start|>user\nab 12  x"
    assert theirs(text).input_ids == load_tokenizer(path).encode(text).ids
    assert theirs.chat_template is not None
    assert theirs.eos_token_id == 2


def test_conversion_happens_once_and_leaves_nothing_beside(tiny_gguf: tuple[Path, Any], tmp_path: Path) -> None:
    folder = tmp_path / "bases"
    folder.mkdir()
    (folder / ".tiny-dead.tmp").mkdir()  # what a killed process leaves
    path = convert_gguf(tiny_gguf[0], folder / "tiny")
    first = (path / "model.safetensors").stat().st_mtime_ns
    assert convert_gguf(tmp_path / "no such file", path) == path
    assert (path / "model.safetensors").stat().st_mtime_ns == first
    assert {entry.name for entry in folder.iterdir()} == {"tiny", ".tiny.lock"}


def _convert_and_count(gguf: Path, target: Path, queue: Any) -> None:
    stages: list[str] = []
    convert_gguf(gguf, target, progress=lambda stage, _: stages.append(stage))
    queue.put(bool(stages))


def test_two_processes_at_once_convert_once(tiny_gguf: tuple[Path, Any], tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    target = tmp_path / "tiny"
    workers = [context.Process(target=_convert_and_count, args=(tiny_gguf[0], target, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    worked = [queue.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sorted(worked) == [False, True]
    assert (target / "config.json").is_file()


def test_a_cut_file_is_refused_and_nothing_is_left(tiny_gguf: tuple[Path, Any], tmp_path: Path) -> None:
    whole = tiny_gguf[0].read_bytes()
    for share in (0.001, 0.3, 0.9):
        cut = tmp_path / "cut.gguf"
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ModelError) as caught:
            convert_gguf(cut, tmp_path / "bases" / "cut")
        assert caught.value.code == "model.gguf_broken"
        assert [entry.name for entry in (tmp_path / "bases").iterdir()] == [".cut.lock"]


def test_a_disk_that_is_full_before_the_weights_come_is_told_as_such(
    tiny_gguf: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def refuse(path: Path, *given: Any, **named: Any) -> int:
        if path.name == "tokenizer.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, *given, **named)

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(ModelError) as caught:
        convert_gguf(tiny_gguf[0], tmp_path / "bases" / "tiny")
    assert caught.value.code == "model.disk_full"
    assert [entry.name for entry in (tmp_path / "bases").iterdir()] == [".tiny.lock"]


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    from gguf import GGUFWriter

    path = tmp_path / "other.gguf"
    writer = GGUFWriter(path, "falcon")
    writer.add_block_count(1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelError) as caught:
        convert_gguf(path, tmp_path / "other")
    assert caught.value.code == "model.gguf_unsupported"


def test_bf16_rounding_is_torchs() -> None:
    import torch

    values = np.random.default_rng(0).normal(size=4096).astype(np.float32) * 10.0 ** np.arange(4096).clip(0, 30)
    values = np.concatenate([values, np.float32([0.0, -0.0, 1.00390625, 1.01171875, 3.3e38])]).astype(np.float32)
    expected = torch.from_numpy(values).bfloat16().view(torch.int16).numpy().view(np.uint16)
    assert np.array_equal(to_bf16(values), expected)


def test_the_weights_are_those_that_transformers_reads_from_the_same_file(tiny_gguf: tuple[Path, Any], tmp_path: Path) -> None:
    import torch
    from transformers import LlamaForCausalLM

    from honekit.models.bases import load_base

    gguf, _ = tiny_gguf
    theirs = LlamaForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32).state_dict()
    ours = load_base(convert_gguf(gguf, tmp_path / "tiny"), torch.float32).state_dict()
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor.bfloat16().float()), name


def test_the_embedded_base_answers_a_question(embedded_base: Path) -> None:
    import torch

    from honekit.models.bases import load_base, load_template

    template = load_template(embedded_base)
    model = load_base(embedded_base, torch.float32)
    prompt = template.prompt_ids([{"role": "user", "content": "What is the capital of France?"}])
    with torch.no_grad():
        answer = model.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)[0, len(prompt) :]
    assert template.tokenizer.decode(answer.tolist(), skip_special_tokens=False) == ("The capital of France is Paris.<|im_end|>")
