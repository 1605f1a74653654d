"""Base models from the Hugging Face Hub, with the user's own token, cache and offline switch (`HF_*`
variables).
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from honekit.errors import ModelError

PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What a model needs as plain data: no code, no pickles."""

_IGNORED = ("*/*",)  # other formats (onnx/, original/, ...) lie in folders
_TIMEOUT_S = 8.0


def download(ref: str) -> Path:
    """The local snapshot of `owner/name[@revision]`; asks the Hub first and takes the cache when it is away.

    Raises ModelError `model.hub_unreachable`, `model.hub_not_found`, `model.hub_no_access`,
    `model.pickled_weights`.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repo, _, revision = ref.partition("@")
    try:
        info = HfApi().model_info(repo, revision=revision or None, timeout=_TIMEOUT_S)
        files = [file.rfilename for file in info.siblings or []]
        if files and not any(name.endswith(".safetensors") for name in files):
            raise ModelError(
                "model.pickled_weights",
                what=f"{ref} has no .safetensors weights on the Hub",
                mend="look for a revision with safetensors (owner/name@revision), or take another base",
            )
        folder = snapshot_download(repo, revision=info.sha, allow_patterns=list(PATTERNS), ignore_patterns=list(_IGNORED))
        return Path(folder)
    except ModelError:
        raise
    except GatedRepoError as error:
        _no_access(ref, error)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        if error.response.status_code in (401, 403):
            _no_access(ref, error)
        raise ModelError(
            "model.hub_not_found",
            what=f"the Hub has no model {ref}",
            mend="check owner, name and revision; for a private model run `hf auth login` first",
        ) from error
    except Exception as error:
        found = cached(ref)
        if found is not None:
            return found
        answered = f"HTTP {error.response.status_code}" if isinstance(error, HfHubHTTPError) else type(error).__name__
        raise ModelError(
            "model.hub_unreachable",
            what=f"{ref} is not in the local cache and the Hub cannot be reached ({answered})",
            mend="check the network and the HF_HUB_OFFLINE and HF_ENDPOINT variables, copy the model here "
            "and give its "
            "folder, or use `--base smollm2-135m`, which needs no Hub",
        ) from error


def cached(ref: str) -> Path | None:
    """The newest complete snapshot in the Hub's local cache, or None. Never asks the network."""
    from huggingface_hub import snapshot_download

    repo, _, revision = ref.partition("@")
    try:
        folder = snapshot_download(
            repo,
            revision=revision or None,
            allow_patterns=list(PATTERNS),
            ignore_patterns=list(_IGNORED),
            local_files_only=True,
        )
    except Exception:  # not there, incomplete, not a Hub id: all mean "no"
        return None
    return Path(folder) if any(Path(folder).glob("*.safetensors")) else None


def cached_ids() -> list[str]:
    """Models of which the Hub's local cache has something, by name."""
    from huggingface_hub import constants

    folders = sorted(Path(constants.HF_HUB_CACHE).glob("models--*--*"))
    return [folder.name.removeprefix("models--").replace("--", "/", 1) for folder in folders]


def _no_access(ref: str, error: Exception) -> NoReturn:
    raise ModelError(
        "model.hub_no_access",
        what=f"the Hub does not let you read {ref}: it does not exist, is private, or its licence is not accepted",
        mend="accept the licence on the model's page and run `hf auth login`, or set HF_TOKEN",
    ) from error
