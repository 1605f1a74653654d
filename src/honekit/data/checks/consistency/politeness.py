"""How polite a text is, where the ends of its sentences say so: Japanese です・ます and だ・である, Korean 니다 or 요 and 다."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"[。！？!?.\n]+")
_QUOTED = re.compile(r"「[^」]*」|『[^』]*』|“[^”]*”|\"[^\"]*\"|（[^）]*）|\([^)]*\)")
_TAIL = "(?:か|ね|よ|が|から|けど|ので|な|ぞ)*"
_FORMS = {
    "ja": {
        "です・ます": re.compile(
            rf"(?:です|ます|ません|ました|でした|でしょう|ましょう|ください|下さい|ませ|なさい|ございます){_TAIL}\s*$"
        ),
        "だ・である": re.compile(rf"[ぁ-んァ-ヶ一-鿿](?:だ|である|[るうくぐすつぬぶむ]|[たいろ]|くれ|せよ){_TAIL}\s*$"),
    },
    "ko": {"니다·요": re.compile(r"(?:니다|니까|요|시오)\s*$"), "다": re.compile(r"[가-힣](?<!니)다\s*$")},
}
_SCRIPTS = {"ja": re.compile("[ぁ-ん]"), "ko": re.compile("[가-힣]")}
_FIRST = "\u3040"
"""The letters of both languages come behind it."""
_BEGINNING = 30


def politeness(text: str) -> tuple[str, str] | None:
    """Language and form of a text whose sentences all end in one form; those that end in a noun say nothing."""
    if text.isascii() or max(text[:_BEGINNING], default="") < _FIRST:
        return None
    language = next((language for language, script in _SCRIPTS.items() if script.search(text)), None)
    if language is None:
        return None
    used = {form for sentence in _SENTENCE.split(_QUOTED.sub("", text)) if (form := _form_of(sentence, language))}
    return (language, used.pop()) if len(used) == 1 else None


def _form_of(sentence: str, language: str) -> str | None:
    """The first form that its end has: the polite one comes first, since the end of the plain one is in it."""
    return next((form for form, end in _FORMS[language].items() if end.search(sentence)), None)
