"""Letters that look alike and are not the same: of two scripts in one word, or put together from a letter and its accent."""

from __future__ import annotations

import re
import unicodedata

MIXED = re.compile("[a-zA-Z][Ѐ-ӿ]|[Ѐ-ӿ][a-zA-Z]")
_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN, _CYRILLIC = "aceopxyiABCEHKMOPTXI", "асеорхуіАВСЕНКМОРТХІ"
"""Letters that look alike, in the same order."""
_TO_CYRILLIC, _TO_LATIN = str.maketrans(_LATIN, _CYRILLIC), str.maketrans(_CYRILLIC, _LATIN)
_ACCENTED = re.compile("[^\\W\\d_][\u0300-\u036f]+")


def fix_decomposed(text: str) -> str:
    """`e` and an accent that follows it become `é`, where there is such a letter; a stress mark on another one stays."""
    return _ACCENTED.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)


def fix_homoglyphs(text: str) -> str:
    """A Latin `o` within a Cyrillic word becomes the Cyrillic one, and the other way round."""
    return _LETTERS.sub(lambda found: _in_one_script(found[0]), text) if MIXED.search(text) else text


def _in_one_script(word: str) -> str:
    """The word in one script, where all letters of the other one only look like those; else as it is.

    `VIPы` and `PDFка` are Latin names with a Cyrillic ending, and stay.
    """
    if not MIXED.search(word):
        return word
    latin = [letter for letter in word if letter.isascii()]
    cyrillic = [letter for letter in word if not letter.isascii()]
    if len(latin) <= len(cyrillic) and set(latin) <= set(_LATIN) and not word[:2].isascii():
        return word.translate(_TO_CYRILLIC)
    if len(cyrillic) < len(latin) and set(cyrillic) <= set(_CYRILLIC) and word[-1].isascii():
        return word.translate(_TO_LATIN)
    return word
