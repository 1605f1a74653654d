"""De-quantises a GGUF file of a Llama model into an ordinary local directory of safetensors, once.

Names, units and the row order of q and k follow llama.cpp's converter (`convert_hf_to_gguf.py`), undone here:
rotary halves are interleaved in a GGUF and apart in transformers. Only what the catalogue holds is supported
(Llama architecture, byte-level BPE of the `smollm` kind); anything else is refused rather than converted
wrongly.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from honekit.errors import ModelError

WEIGHTS_FILE = "model.safetensors"
ORIGIN_FILE = "hone_base.json"
"""Written last: says from which file the directory was made. Its presence is not the mark of completeness
(the rename of the whole directory is), it is what `hone bases show` prints.
"""

_SPECIAL = 3  # llama.cpp's LLAMA_TOKEN_TYPE_CONTROL

_OUTER_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def sha256_file(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def convert_gguf(
    gguf_path: Path,
    target: Path,
    *,
    origin: Mapping[str, Any] | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Path:
    """Write `target` as a directory that transformers, vLLM and llama.cpp's converter read; return `target`.

    `progress` is told the stage and the bytes of the file that are done. Weights are stored in bf16. The
    directory appears complete or not at all: it is built beside `target` and renamed. Two processes at once
    do the work once. An existing `target` is returned untouched. Raises ModelError `model.gguf_unsupported`
    or `model.gguf_broken`, and `model.disk_full` when space runs out.
    """
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.is_dir():
            return target
        for stale in target.parent.glob(f".{target.name}-*.tmp"):
            shutil.rmtree(stale, ignore_errors=True)  # left by a process that was killed; we hold the lock
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=".tmp", dir=target.parent))
        try:
            _write_directory(gguf_path, scratch, dict(origin or {}), progress or (lambda _stage, _done: None))
            scratch.chmod(0o755)
            for path in scratch.iterdir():
                _fsync(path)
            _fsync(scratch)
            scratch.rename(target)
            _fsync(target.parent)
        except OSError as error:
            raise ModelError(
                "model.disk_full" if error.errno == 28 else "model.write_failed",
                what=f"the converted base model could not be written: {error.strerror or error}",
                where=str(target),
                mend="free about 300 MB there, or set HONE_HOME to a folder that has room and run again",
            ) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def _write_directory(gguf_path: Path, folder: Path, origin: dict[str, Any], progress: Callable[[str, int], None]) -> None:
    from gguf import GGUFReader

    progress("reading", 0)
    try:
        reader = GGUFReader(gguf_path)
    except (ValueError, IndexError, KeyError) as error:
        raise _broken(gguf_path, f"it cannot be read as GGUF ({error})") from error
    fields = reader.fields

    def value(key: str) -> Any:
        if key not in fields:
            raise _broken(gguf_path, f"it lacks the entry {key}")
        return fields[key].contents()

    for key, allowed in (
        ("general.architecture", "llama"),
        ("tokenizer.ggml.model", "gpt2"),
        ("tokenizer.ggml.pre", "smollm"),
    ):
        if value(key) != allowed:
            raise ModelError(
                "model.gguf_unsupported",
                what=f"this GGUF has {key} = {value(key)!r}; only {allowed!r} is converted",
                where=str(gguf_path),
                mend="give --base the model's original directory or Hub id (safetensors) instead",
            )

    config = _config(value, tied="output.weight" not in {tensor.name for tensor in reader.tensors})
    try:
        _write_tokenizer(value, folder)
    except (ValueError, IndexError, TypeError) as error:
        raise _broken(gguf_path, f"its tokenizer entries are inconsistent ({error})") from error
    _write_weights(
        reader.tensors,
        config,
        folder / WEIGHTS_FILE,
        gguf_path,
        progress=lambda done: progress("de-quantising", done),
    )
    special = {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    _write_json(folder / "config.json", config)
    _write_json(folder / "generation_config.json", {"_from_model_config": True, **special})
    quantisations = sorted({tensor.tensor_type.name for tensor in reader.tensors})
    _write_json(folder / ORIGIN_FILE, {**origin, "gguf": gguf_path.name, "tensor_types": quantisations})


def _config(value: Callable[[str], Any], *, tied: bool) -> dict[str, Any]:
    """The transformers config of the same model, without any entry about quantisation: the weights are
    plain.
    """
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": int(value("tokenizer.ggml.bos_token_id")),
        "dtype": "bfloat16",
        "eos_token_id": int(value("tokenizer.ggml.eos_token_id")),
        "head_dim": int(value("llama.rope.dimension_count")),
        "hidden_act": "silu",
        "hidden_size": int(value("llama.embedding_length")),
        "intermediate_size": int(value("llama.feed_forward_length")),
        "max_position_embeddings": int(value("llama.context_length")),
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": int(value("llama.attention.head_count")),
        "num_hidden_layers": int(value("llama.block_count")),
        "num_key_value_heads": int(value("llama.attention.head_count_kv")),
        "pad_token_id": int(value("tokenizer.ggml.padding_token_id")),
        "rms_norm_eps": float(f"{value('llama.attention.layer_norm_rms_epsilon'):.6g}"),  # stored as float32
        "rope_theta": float(value("llama.rope.freq_base")),
        "tie_word_embeddings": tied,
        "vocab_size": int(value("llama.vocab_size")),
    }


def _write_tokenizer(value: Callable[[str], Any], folder: Path) -> None:
    """`tokenizer.json` and `tokenizer_config.json`.

    A GGUF names its pre-tokeniser only by a word. `smollm` means: digits one by one, then GPT-2's byte level
    (llama.cpp, `llama-vocab.cpp`, LLAMA_VOCAB_PRE_TYPE_SMOLLM). transformers' own GGUF reader leaves the
    first step out, which gives other ids for every number.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens: list[str] = value("tokenizer.ggml.tokens")
    kinds: list[int] = value("tokenizer.ggml.token_type")
    merges: list[str] = value("tokenizer.ggml.merges")
    vocabulary = {token: index for index, token in enumerate(tokens)}
    pairs = [(left, right) for left, right in (merge.split(" ", 1) for merge in merges)]
    try:
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs, fuse_unk=False, byte_fallback=False))
    except Exception as error:  # the Rust side raises plain Exception
        raise ValueError(str(error)) from error
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _SPECIAL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    (folder / "tokenizer.json").write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
    _write_json(
        folder / "tokenizer_config.json",
        {
            "add_bos_token": bool(value("tokenizer.ggml.add_bos_token")),
            "add_prefix_space": False,
            "bos_token": tokens[value("tokenizer.ggml.bos_token_id")],
            "chat_template": value("tokenizer.chat_template"),
            "clean_up_tokenization_spaces": False,
            "eos_token": tokens[value("tokenizer.ggml.eos_token_id")],
            "model_max_length": int(value("llama.context_length")),
            "pad_token": tokens[value("tokenizer.ggml.padding_token_id")],
            "tokenizer_class": "PreTrainedTokenizerFast",
            "unk_token": tokens[value("tokenizer.ggml.unknown_token_id")],
        },
    )


def _write_weights(
    tensors: list[Any],
    config: dict[str, Any],
    path: Path,
    gguf_path: Path,
    progress: Callable[[int], None],
) -> None:
    """All tensors in bf16, straight to disk: numpy only, since importing torch would take longer than the
    work.
    """
    import numpy as np
    from gguf.quants import dequantize

    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    names = {tensor.name: hugging_face_name(tensor.name, gguf_path) for tensor in tensors}
    expected = 2 + len(_BLOCK_NAMES) * config["num_hidden_layers"] + (not config["tie_word_embeddings"])
    if len(names) != expected:
        raise _broken(gguf_path, f"it has {len(names)} tensors where {expected} are needed")
    shapes = {names[tensor.name][0]: [int(size) for size in reversed(tensor.shape)] for tensor in tensors}
    with path.open("wb") as file:
        file.write(safetensors_header(shapes))
        done = 0
        for tensor in tensors:
            name, kind = names[tensor.name]
            weights = np.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
            if list(weights.shape) != shapes[name] or not np.isfinite(weights).all():
                raise _broken(gguf_path, f"{tensor.name} has a wrong shape or values that are not finite")
            if kind in heads:
                weights = rotary_halves_apart(weights, heads[kind])
            file.write(to_bf16(weights).tobytes())
            done += tensor.data.nbytes
            progress(done)


def safetensors_header(shapes: Mapping[str, list[int]]) -> bytes:
    """Start of a safetensors file whose bf16 tensors follow in the order of `shapes`.

    The format (length, JSON, data) is written here since the library's writers need either torch, which takes
    longer to import than the weights to convert, or numpy dtypes, which have no bf16.
    """
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in shapes.items():
        end = offset + 2 * math.prod(shape)
        entries[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def hugging_face_name(name: str, gguf_path: Path) -> tuple[str, str]:
    """`blk.3.attn_q.weight` -> (`model.layers.3.self_attn.q_proj.weight`, `attn_q`)."""
    if name in _OUTER_NAMES:
        return _OUTER_NAMES[name], name.partition(".")[0]
    parts = name.split(".")
    if len(parts) == 4 and parts[0] == "blk" and parts[2] in _BLOCK_NAMES and parts[3] == "weight":
        return f"model.layers.{parts[1]}.{_BLOCK_NAMES[parts[2]]}.weight", parts[2]
    raise _broken(gguf_path, f"the tensor {name} is not one of a Llama model")


def rotary_halves_apart(weights: Any, heads: int) -> Any:
    """Rows of one head from (dim/2 pairs, 2) back to (2, dim/2): undoes the converter's permutation of q and
    k.
    """
    rows, columns = weights.shape
    per_head = weights.reshape(heads, rows // heads // 2, 2, columns)
    return per_head.swapaxes(1, 2).reshape(rows, columns)


def to_bf16(values: Any) -> Any:
    """Finite float32 -> bf16 bit patterns (uint16), rounded to nearest, ties to even, as torch does."""
    import numpy as np

    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype("<u2")


def _broken(gguf_path: Path, reason: str) -> ModelError:
    return ModelError(
        "model.gguf_broken",
        what=f"the GGUF file is damaged or incomplete: {reason}",
        where=str(gguf_path),
        mend="delete the file and run `hone bases get smollm2-135m` to fetch it again",
    )


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
