"""Base models and adapters: which there are, how each is had, what identifies it, how it is loaded.

Light to import: torch and transformers come in with the first call that needs them.
"""

from honekit.models.adapters import check_adapter, merge_adapter, read_origin, save_adapter
from honekit.models.bases import (
    get_base,
    load_base,
    load_template,
    load_tokenizer,
    resolve_base,
    stop_token_ids,
)
from honekit.models.fingerprint import (
    fingerprint_adapter,
    fingerprint_base,
    fingerprint_json,
    fingerprint_text,
)

__all__ = [
    "check_adapter",
    "fingerprint_adapter",
    "fingerprint_base",
    "fingerprint_json",
    "fingerprint_text",
    "get_base",
    "load_base",
    "load_template",
    "load_tokenizer",
    "merge_adapter",
    "read_origin",
    "resolve_base",
    "save_adapter",
    "stop_token_ids",
]
