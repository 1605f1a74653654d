"""From what the user calls a base model to a local directory, and from there to weights, tokenizer and
template.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit import settings
from honekit.base_name import is_directory
from honekit.errors import HoneError, ModelError
from honekit.models import catalogue, hub, wheel
from honekit.models.gguf import convert_gguf
from honekit.models.weight_files import headers
from honekit.models.wheel import Progress
from honekit.runtime import is_out_of_memory

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

    from honekit.chat.template import ChatTemplate

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")


def resolve_base(ref: str, progress: Progress | None = None) -> Path:
    """The local directory of a base model: a catalogue id, a directory, or a Hub id
    (`owner/name[@revision]`).

    Converts the embedded base when its file is at hand, downloads from the Hub when needed, nothing else.
    Raises ModelError: `model.base_missing`, `model.unknown_base`, or what `check_directory` and
    `hub.download` raise.
    """
    require_name(ref)
    if is_directory(ref, Path()):
        return check_directory(Path(ref).expanduser().resolve())
    entry = catalogue.find(ref)
    if entry is not None and entry.wheel is not None:
        target = base_directory(entry.id)
        if target.is_dir():
            return check_directory(target)
        gguf = wheel.find_gguf(entry.wheel)
        if gguf is None:
            raise ModelError(
                "model.base_missing",
                what=f"the base model {entry.id} is not on this machine yet",
                mend=f"run `hone bases get {entry.id}`",
            )
        return _convert(entry, gguf, progress)
    return check_directory(hub.download(ref))


def require_name(ref: str) -> None:
    """Raises ModelError `model.no_such_directory` or `model.unknown_base` for what names no base. Opens and fetches nothing."""
    if is_directory(ref, Path()):
        path = Path(ref).expanduser()
        if not path.is_dir():
            raise ModelError(
                "model.no_such_directory",
                what=f"the base model's directory {'is a file' if path.exists() else 'does not exist'}",
                where=str(path),
                mend="give the folder that holds config.json and the .safetensors files, or see `hone bases list`",
            )
    elif catalogue.find(ref) is None and not _HUB_ID.fullmatch(ref):
        raise catalogue.unknown_base(ref)


def get_base(ref: str, progress: Progress | None = None) -> Path:
    """Like `resolve_base`, and fetches the embedded base's package when it is not installed."""
    entry = catalogue.find(ref)
    if entry is None or entry.wheel is None:
        return resolve_base(ref, progress)
    target = base_directory(entry.id)
    if target.is_dir():
        return check_directory(target)
    gguf = wheel.find_gguf(entry.wheel) or wheel.download_gguf(entry.wheel, progress or _silent)
    converted = _convert(entry, gguf, progress)
    wheel.remove_download(entry.wheel)
    return converted


def base_directory(base_id: str) -> Path:
    """Where a converted base of the catalogue lies, whether it is there or not."""
    return settings.home() / "bases" / base_id


def is_local(ref: str) -> bool:
    """Whether the base can be used without any download (for the Hub: whether a snapshot is in its cache)."""
    return local_directory(ref) is not None


def local_directory(ref: str) -> Path | None:
    """Where the base lies, unchecked; None when it would have to be downloaded or converted first."""
    entry = catalogue.find(ref)
    if entry is not None and entry.wheel is not None:
        directory = base_directory(entry.id)
        return directory if directory.is_dir() else None
    directory = Path(ref).expanduser()
    return directory if directory.is_dir() else hub.cached(ref)


def check_directory(path: Path) -> Path:
    """`path` itself, when it holds a causal language model as plain data. Raises ModelError otherwise.

    Code that comes with a model is never run, and pickled weights are never opened: both can do anything.
    """
    config = read_json(path / "config.json")
    if not config:
        raise ModelError(
            "model.no_config",
            what="this is not the directory of a model: it has no readable config.json",
            where=str(path),
            mend="give the folder that holds config.json and the .safetensors files",
        )
    code = sorted(file.name for file in path.glob("*.py"))
    if "auto_map" in config or code:
        raise ModelError(
            "model.custom_code",
            what="this base model wants its own Python code to be run ("
            + (", ".join(code) or "`auto_map` in config.json")
            + "); Hone runs no code that comes with a model",
            where=str(path),
            mend="take a base whose architecture transformers knows; see `hone bases list`",
        )
    if not any(path.glob("*.safetensors")):
        pickled = any(path.glob("*.bin")) or any(path.glob("*.pt")) or any(path.glob("*.pth"))
        raise ModelError(
            "model.pickled_weights" if pickled else "model.no_weights",
            what="the weights are pickled, which can run code when they are opened"
            if pickled
            else "the directory holds no .safetensors weights",
            where=str(path),
            mend="use a revision with safetensors, or convert it: load it where you trust it and call "
            "`model.save_pretrained(folder)`",
        )
    for _ in headers(path):  # raises for the first that is damaged
        pass
    return path


def is_encoder(path: Path) -> bool:
    """Whether the directory holds an encoder, which turns texts into vectors and writes none."""
    config = read_json(path / "config.json")
    writes = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
    if config.get("is_decoder") or any(str(name).endswith(writes) for name in config.get("architectures") or ()):
        return False  # the usual case, told without torch
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return config.get("model_type") in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def require_writer(path: Path) -> None:
    """Raises: ModelError[model.encoder] for the directory of an encoder."""
    if is_encoder(path):
        raise ModelError(
            "model.encoder",
            what="this is an encoder: it turns texts into vectors and writes none",
            where=str(path),
            mend="take a base that writes text, see `hone bases list`; `hone serve --base NAME=DIR` serves it for embeddings",
        )


def load_base(path: Path, dtype: torch.dtype, device: str | torch.device = "cpu", attention: str = "sdpa") -> PreTrainedModel:
    """The model in evaluation mode. `attention` is transformers' `attn_implementation`.

    Raises ModelError `model.unloadable` for architectures that transformers does not know as causal models
    and for damaged files, `model.missing_weights`, `model.encoder`.
    """
    from transformers import AutoModelForCausalLM

    require_writer(path)
    model = whole_model(AutoModelForCausalLM, path, dtype, attention)
    model.to(device)  # type: ignore[arg-type]
    model.eval()  # type: ignore[no-untyped-call]
    return model


def whole_model(kind: Any, path: Path, dtype: torch.dtype, attention: str, unneeded: str | None = None) -> PreTrainedModel:
    """What transformers' `kind` (such as `AutoModelForCausalLM`) loads, with every weight from the files: what is missing there
    it would make up, at random. Weights whose names begin with `unneeded` may be missing.

    Raises: ModelError[model.unloadable | model.missing_weights].
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    options = {"dtype": dtype, "attn_implementation": attention, "local_files_only": True, "use_safetensors": True}
    try:
        model, found = kind.from_pretrained(path, **options, output_loading_info=True)
    except Exception as error:  # transformers and safetensors raise many kinds; all mean: not this directory
        if isinstance(error, HoneError) or is_out_of_memory(error):
            raise
        raise ModelError(
            "model.unloadable",
            what=f"transformers cannot load this as a causal language model: {_first_line(error)}",
            where=str(path),
            mend="check that the folder is complete and the architecture a decoder; delete a damaged "
            "converted base "
            "and run `hone bases get smollm2-135m`",
        ) from error
    missing = sorted(name for name in found["missing_keys"] if unneeded is None or not name.startswith(unneeded))
    if missing:
        raise ModelError(
            "model.missing_weights",
            what=f"the files lack {len(missing)} of the model's weights, {missing[0]} first",
            where=str(path),
            mend="fetch the model again, or save it whole with `model.save_pretrained(folder)`",
        )
    loaded: PreTrainedModel = model
    return loaded


def load_tokenizer(path: Path) -> Tokenizer:
    """The fast tokenizer of a base, without the truncation or padding that some files carry."""
    from tokenizers import Tokenizer

    file = path / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the Rust side raises plain Exception
        raise ModelError(
            "model.no_tokenizer",
            what=f"the base model has no readable tokenizer.json: {_first_line(error)}",
            where=str(file),
            mend="save one with transformers: `AutoTokenizer.from_pretrained(folder).save_pretrained(folder)`",
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def load_template(path: Path, tokenizer: Tokenizer | None = None) -> ChatTemplate:
    """The chat template of a base with its tokenizer. Raises ModelError `model.no_chat_template`."""
    from honekit.chat.template import ChatTemplate

    config = read_json(path / "tokenizer_config.json")
    source = _template_source(path, config)
    if source is None:
        raise ModelError(
            "model.no_chat_template",
            what="this base model has no chat template, so it does not know turns of a conversation",
            where=str(path),
            mend="take its instruction-tuned variant, or put a chat_template.jinja into the folder",
        )
    return ChatTemplate(source, tokenizer or load_tokenizer(path), special_tokens(path))


def special_tokens(path: Path) -> dict[str, str]:
    """`bos_token`, `eos_token`, ... of the tokenizer, as far as they are set."""
    named = {**read_json(path / "special_tokens_map.json"), **read_json(path / "tokenizer_config.json")}
    found = {}
    for name in ("bos_token", "eos_token", "pad_token", "unk_token"):
        value = named.get(name)
        text = value.get("content") if isinstance(value, dict) else value
        if isinstance(text, str):
            found[name] = text
    return found


def stop_token_ids(path: Path, tokenizer: Tokenizer) -> tuple[int, ...]:
    """Ids that end an answer: those of generation_config.json and config.json, and the tokenizer's
    eos_token.
    """
    ids: list[int] = []
    for name in ("generation_config.json", "config.json"):
        value = read_json(path / name).get("eos_token_id")
        ids += [value] if isinstance(value, int) else list(value or [])
    eos = tokenizer.token_to_id(special_tokens(path).get("eos_token", ""))
    return tuple(dict.fromkeys(ids if eos is None else [*ids, eos]))


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is no such file or it is not an object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _template_source(path: Path, tokenizer_config: dict[str, Any]) -> str | None:
    file = path / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    source = read_json(path / "chat_template.json").get("chat_template") or tokenizer_config.get("chat_template")
    if isinstance(source, list):  # several named templates; `default` is the one for chat
        source = next((entry.get("template") for entry in source if entry.get("name") == "default"), None)
    return source if isinstance(source, str) else None


def _convert(entry: catalogue.BaseModel, gguf: Path, progress: Progress | None) -> Path:
    assert entry.wheel is not None
    report = progress or _silent
    size = gguf.stat().st_size
    report("checking", 0, size)
    wheel.check_gguf(entry.wheel, gguf)
    return convert_gguf(
        gguf,
        base_directory(entry.id),
        origin={"id": entry.id, "package": entry.wheel.requirement, "gguf_sha256": entry.wheel.gguf_sha256},
        progress=lambda stage, done: report(stage, done, size),
    )


def _silent(_stage: str, _done: int, _total: int | None) -> None:
    return None


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
