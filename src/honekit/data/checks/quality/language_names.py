"""What languages are called in findings."""

from __future__ import annotations

_NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "nl": "Dutch",
    "pl": "Polish", "ru": "Russian", "uk": "Ukrainian", "tr": "Turkish", "ar": "Arabic", "zh": "Chinese", "ja": "Japanese",
    "ko": "Korean", "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "cs": "Czech", "hi": "Hindi",
}  # fmt: skip


def name(language: str) -> str:
    """Of an ISO 639-1 code; the code itself where it is a rare one."""
    return _NAMES.get(language, f'"{language}"')
