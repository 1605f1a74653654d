"""Text that something went wrong with on its way into the file: encodings, markup, characters that nobody sees.

The mends are pure functions from text to text; `hone data fix` applies those of `SAFE_MENDS`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from honekit.data.checks.quality.letters import MIXED, fix_decomposed, fix_homoglyphs
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import NO_JSON, has_code, json_value
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, Severity

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NO_CONTROL = bytes(code for code in range(128) if not _CONTROL.match(chr(code)))
# Joiners (200c, 200d) and direction marks belong to the writing of many languages and to emoji.
_MAY_BE_BAD = re.compile("[^\x00-\x7f](?:(?<=[\x80-\x9fŒœÃÂ])|[^\x00-\x7f])")
"""What every sign of a wrong encoding has: few letters beyond ASCII are one alone, nearly all signs are two of them in a row."""
_POLISH = re.compile("(?<=[a-zćłńóśźż])Ä[™…]")
"""ę and ą behind a small letter, which ftfy leaves alone where they are the only sign."""
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\u180e\ufff9-\ufffb\U000e0000-\U000e007f]")
_FLAG = "\U0001f3f4"
_BLANKS = re.compile("[\u00a0\u1680\u2000-\u200a\u2028\u2029\u205f\u3000]")
_LOST = re.compile(r"\ufffd|[^\W\d_]\?[^\W\d_].{0,200}?[^\W\d_]\?[^\W\d_]")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]")
_ENTITY = re.compile(
    r"&(?:nbsp|amp|lt|gt|quot|apos|ndash|mdash|hellip|[lr][sd]quo|[aou]uml|szlig|eacute|#\d{2,5}|#x[0-9a-fA-F]{2,5});"
)
_TAG = re.compile(r"</?(?:br|p|div|span|b|i|u|em|strong|a|ul|ol|li|h[1-6]|font|table|tr|td|th|img|hr)\b[^<>\n]{0,200}/?>", re.I)
_MARKUP_MEANT = re.compile(
    r"\b(?:x?html|xml|tags?|markup|web ?page|svg|jsx|css|entit(?:y|ies)|escape sequences?"
    r"|(?:un)?escap(?:ed?|ing) (?:the |a )?(?:text|string|characters?))\b",
    re.I,
)
_MARK_IN_WORD = re.compile(r"\?(?<=[^\W\d_]\?)[^\W\d_]")
_EDGES = re.compile(r"^\s+|\s+$")
_FRENCH = re.compile("[\u00a0\u202f](?=[;:!?»%€\\d])|(?<=[«\\d])[\u00a0\u202f]")
_OFTEN, _FEW = 0.2, 0.02
_MAX_PROMPT = 1000


def fix_mojibake(text: str) -> str:
    """`cafÃ©` becomes `café`."""
    import ftfy

    return _POLISH.sub(lambda found: "ę" if found[0] == "Ä™" else "ą", ftfy.fix_encoding(text))


def fix_entities(text: str) -> str:
    """`&nbsp;` becomes a blank, `&amp;` an ampersand."""
    return html.unescape(text).replace("\u00a0", " ")


def fix_control(text: str) -> str:
    return _CONTROL.sub("", text)


def fix_invisible(text: str) -> str:
    return _INVISIBLE.sub("", text)


def fix_blanks(text: str) -> str:
    return _BLANKS.sub(lambda found: "\n" if found[0] in "\u2028\u2029" else " ", text)


def fix_edges(text: str) -> str:
    return text.strip()


def fix_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _keeping_json(mend: Callable[[str], str]) -> Callable[[str], str]:
    """The same mend, but a text that is JSON stays as it is where the mend would break it (`&quot;` in a string)."""

    def careful(text: str) -> str:
        mended = mend(text)
        is_broken = json_value(text) is not NO_JSON and json_value(mended) is NO_JSON
        return text if is_broken else mended

    return careful


SAFE_MENDS: dict[str, Callable[[str], str]] = {
    code: _keeping_json(mend)
    for code, mend in {
        "data.text.mojibake": fix_mojibake,
        "data.text.entities": fix_entities,
        "data.text.control": fix_control,
        "data.text.invisible": fix_invisible,
        "data.text.blanks": fix_blanks,
        "data.text.homoglyphs": fix_homoglyphs,
        "data.text.decomposed": fix_decomposed,
        "data.text.edges": fix_edges,
        "data.text.line_ends": fix_line_ends,
    }.items()
}
"""By code: the text of the message concerned, mended. Nothing that a reader would miss is changed."""

_INPUT_TAGS = "data.text.tags in an input"
_KINDS: dict[str, tuple[Severity, str, str]] = {
    "data.text.mojibake": (
        "warning",
        "the text was decoded with the wrong encoding somewhere (such as é read as Ã©)",
        "decode it anew, e.g. with `hone data fix`",
    ),
    "data.text.lost": (
        "warning",
        "characters were lost (a sign of replacement or a question mark within a word)",
        "put the letters back, from the original",
    ),
    "data.text.entities": ("warning", "the text has HTML entities such as &nbsp;", "write the characters themselves"),
    "data.text.tags": (
        "warning",
        "the answer has HTML tags, unlike nearly all others",
        "take them out, or write them as Markdown",
    ),
    _INPUT_TAGS: (
        "advice",
        "the input has HTML tags, unlike nearly all others",
        "take them out, unless inputs will have them in use",
    ),
    "data.text.control": ("advice", "the text has control characters", "take them out"),
    "data.text.invisible": ("advice", "the text has characters of no width", "take them out"),
    "data.text.blanks": ("advice", "the text has unusual blanks", "write plain blanks"),
    "data.text.homoglyphs": (
        "warning",
        "a word mixes Latin and Cyrillic letters that look alike",
        "write it in one script, e.g. with `hone data fix`",
    ),
    "data.text.decomposed": ("advice", "letters are put together from a letter and an accent of its own", "write them as one"),
    "data.text.edges": ("advice", "the answer begins or ends with blanks or line ends", "trim it"),
    "data.text.line_ends": ("advice", "the text has carriage returns", "end lines with \\n only"),
}


@dataclass
class CleanText:
    """`data.text.*`: each message of a record, at most one finding of a code for each message."""

    tally: Tally = field(default_factory=Tally)
    records: int = 0

    def see(self, turns: Turns) -> None:
        self.records += len(turns.all)
        texts = [text for _, _, text in turns.trained]
        are_plain = all(turn.is_plain for turn in turns.all)
        if are_plain and [*map(str.strip, texts)] == texts and not _may_be_lost(turns.trained_text):
            return
        for turn in turns.all:
            if turn.is_plain and not any(
                text[0].isspace() or text[-1].isspace() or _may_be_lost(text) for _, text in turn.trained
            ):
                continue
            for at, (message, text) in enumerate(zip(turn.messages, turn.texts, strict=True)):
                if not text or message.role == "tool":
                    continue
                other = f"{turn.question}\n{turn.texts[0][:_MAX_PROMPT]}" if message.is_trained else turn.answer
                for code in faults(text, is_answer=message.is_trained, other=other):
                    self.tally.add(code, turn.line, f"messages[{at}].content")

    def join(self, later: CleanText, lines_before: int) -> None:
        self.tally.join(later.tally, lines_before)
        self.records += later.records

    def finish(self) -> Iterator[Finding]:
        for code, places in self.tally.places.items():
            count = self.tally.counts[code]
            severity, what, fix = _KINDS[str(code)]
            is_usual = self.records >= 10 and count > _OFTEN * self.records
            are_meant = count > max(1, _FEW * self.records) if code == _INPUT_TAGS else is_usual and code == "data.text.tags"
            if are_meant:
                continue
            for line, at in places[:1] if is_usual else places:
                message = f"{what}; so in {count} messages" if is_usual else what
                yield Finding(str(code).partition(" ")[0], severity, line, at, message, fix, is_safe=code in SAFE_MENDS)


def faults(text: str, *, is_answer: bool, other: str = "") -> Iterator[str]:
    """The codes of what is wrong with one text; `other` is what an answer answers, or the answer to an input."""
    if "\r" in text:
        yield "data.text.line_ends"
    wrong = [] if text.isascii() else [*_beyond_ascii(text)]
    # Control characters that come from a wrong encoding go with it.
    if _has_control(fix_mojibake(text) if "data.text.mojibake" in wrong else text):
        yield "data.text.control"
    yield from wrong
    # In an input they may be what the answer is about: a forged address.
    if is_answer and not text.isascii() and MIXED.search(text) and fix_homoglyphs(text) != text:
        yield "data.text.homoglyphs"
    if is_answer and _may_be_lost(text) and _LOST.search(text) and "://" not in text and not has_code(text):
        yield "data.text.lost"
    if is_answer and (text[0].isspace() or text[-1].isspace()) and not has_code(text) and text.strip():
        yield "data.text.edges"
    if is_answer and not has_code(text):
        if "&" in text and _ENTITY.search(text) and not _is_about_markup(text, other):
            yield "data.text.entities"
        if "<" in text and _TAG.search(_without_code(text)) and not _is_about_markup(text, other):
            yield "data.text.tags"
    elif not is_answer:
        if "&" in text and len(_ENTITY.findall(text)) > 1 and not _is_about_markup(text, ""):
            yield "data.text.entities"
        if "<" in text and len(_TAG.findall(text)) > 1 and "`" not in text + other and not _is_about_markup(text, other):
            yield _INPUT_TAGS
        if "\ufffd" in text:
            yield "data.text.lost"


def _beyond_ascii(text: str) -> Iterator[str]:
    from ftfy.badness import is_bad

    if _MAY_BE_BAD.search(text) and (is_bad(text) or ("Ä" in text and _POLISH.search(text))) and fix_mojibake(text) != text:
        yield "data.text.mojibake"
        return
    if _INVISIBLE.search(text) and _FLAG not in text:
        yield "data.text.invisible"
    if _BLANKS.search(text) and not _CJK.search(text) and _BLANKS.search(_FRENCH.sub("", text)):
        yield "data.text.blanks"
    if fix_decomposed(text) != text:
        yield "data.text.decomposed"


def _has_control(text: str) -> bool:
    if text.isascii():
        return bool(text.encode().translate(None, _NO_CONTROL))
    return not text.isprintable() and bool(_CONTROL.search(text))


def _may_be_lost(text: str) -> bool:
    return "\ufffd" in text or ("?" in text and bool(_MARK_IN_WORD.search(text)))


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", text) if "`" in text else text


def _is_about_markup(text: str, before: str) -> bool:
    """Whether the markup is what the record speaks of."""
    return bool(_MARKUP_MEANT.search(text) or _MARKUP_MEANT.search(before) or _TAG.search(before))
