"""Numbers that are written as words: `three`, `zweiundzwanzig`, `soixante-dix`, `treinta y dos`."""

from __future__ import annotations

import re
from functools import cache

_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_GERMAN = (
    "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"
)
_FRENCH = "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
_SPANISH = (
    "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho"
    " diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
)
_TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "vingt trente quarante cinquante soixante",
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
)
_OTHERS = {
    "twice": 2, "couple": 2, "pair": 2, "both": 2, "dozen": 12, "une": 1, "una": 1, "eins": 1, "eine": 1, "einen": 1, "einer": 1,
    "einem": 1, "zwo": 2, "beide": 2, "paar": 2, "dutzend": 12, "douzaine": 12, "docena": 12, "quinzaine": 15, "fortnight": 14,
    "cien": 100, "ciento": 100, "doscientos": 200, "trescientos": 300, "cuatrocientos": 400, "quinientos": 500,
}  # fmt: skip
_TIMES = {"hundred": 100, "cent": 100, "cents": 100, "thousand": 1000, "tausend": 1000, "mille": 1000, "mil": 1000}
_HALF = re.compile(r"\b(?:half an? |halbe[ns]? |demi-|media )(dozen|hundred|thousand|dutzend|hundert|tausend|douzaine|docena)\b")
_BETWEEN = frozenset({"and", "y", "et"})


def numbers_in_words(text: str) -> set[int]:
    """Every number below a million that English, German, French or Spanish words of the text say."""
    values = _values()
    found: set[int] = set()
    thousands = whole = last = 0
    text = text.casefold()
    if "hal" in text or "demi" in text or "media" in text:
        found |= {(_TIMES.get(word) or values[word]) // 2 for word in _HALF.findall(text)}
    for word in _WORD.findall(text):
        value, times = values.get(word), _TIMES.get(word, 0)
        if times == 1000:
            thousands, whole, last = (whole or 1) * times, 0, 100
        elif times and last < 100:
            whole, last = (whole or 1) * times, times
        elif value is None:
            if word not in _BETWEEN:
                found.add(thousands + whole)
                thousands = whole = last = 0
        elif last == 4 and value == 20:
            whole, last = whole + 76, 80
        elif _goes_on(whole, last, value):
            whole, last = whole + value, value
        else:
            found.add(thousands + whole)
            thousands, whole, last = 0, value, value
    found.add(thousands + whole)
    return found - {0}


def _goes_on(whole: int, last: int, value: int) -> bool:
    """Whether a number word adds to those before it: `hundred five`, `twenty two`, `soixante dix`, `soixante-dix sept`."""
    if last >= 100:
        return value < 100 or (not whole and value < 1000)
    return (last in (60, 80) and value < 20) or (last > 19 and value < 10) or (last == 10 and whole >= 70 and value < 10)


def cardinal(word: str) -> int | None:
    """The number that a word means and nothing else; None for any other (`once` is eleven in Spanish only)."""
    word = word.casefold()
    return None if word in _OTHERS or word == "once" else _values().get(word)


@cache
def _values() -> dict[str, int]:
    values = dict(_OTHERS)
    for words in (_ENGLISH, _GERMAN, _FRENCH, _SPANISH):
        values |= {word: number for number, word in enumerate(words.split(), 1)}
    for words in _TENS:
        values |= {word: 10 * number for number, word in enumerate(words.split(), 2)}
    units, tens = _GERMAN.split(), _TENS[1].split()
    values |= {f"{unit}und{ten}": 10 * by + one for by, ten in enumerate(tens, 2) for one, unit in enumerate(units[:9], 1)}
    below = {word: number for word, number in values.items() if word in units or word.endswith(("zig", "ßig"))}
    for by, unit in ((1, ""), *enumerate(units[:9], 1)):
        values |= {f"{unit}hundert{word}": 100 * by + number for word, number in (("", 0), *below.items())}
    return {word.casefold(): number for word, number in values.items()}
