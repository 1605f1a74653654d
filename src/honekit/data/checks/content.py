"""Answers that teach nothing or the wrong thing: refusals by rote, placeholders, copies of the question, empty words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import CODE, NO_JSON, Turn, adviser, bare, is_label, warner
from honekit.data.lines import Finding, shown

_AI = re.compile(
    r"\bas an? (?:AI|artificial intelligence|(?:large )?language model)\b"
    r"|\bI(?:['’]| a)m (?:just |only )?an? (?:AI|language model)\b"
    r"|\bals (?:KI|eine? (?:KI|künstliche Intelligenz|(?:großes )?Sprachmodell))\b"
    r"|\ben tant qu(?:e |['’])(?:IA|modèle de langage|intelligence artificielle)\b"
    r"|\bcomo (?:una? )?(?:IA|modelo de lenguaje|inteligencia artificial)\b|\bcomo (?:uma? )?modelo de linguagem\b"
    r"|\bcome (?:IA|modello linguistico|intelligenza artificiale)\b|作为一个?(?:AI|人工智能|大?语言模型)|AI言語モデルとして",
    re.I,
)
_SORRY = r"\s*(?:I(?:['’]| a)m (?:\w+ )?(?:sorry|afraid)|sorry|I apologi[sz]e|unfortunately|apologies)?[,;.:]?\s*(?:but |that )?"
_HELP = r"(?:help|assist|answer|fulfil+|comply|do (?:that|this)|provide|continue|respond|complete|process|support)\b"
_REFUSAL = re.compile(
    rf"{_SORRY}I(?: ca(?:n['’]?|n ?no)t| won['’]?t| will not be able to|(?: a|['’])m (?:unable|not able) to) {_HELP}"
    rf"|{_SORRY}I(?: do not|(?: don['’]?t)) have (?:the (?:ability|capability)|access to real[- ]time)\b"
    r"|\s*(?:Es tut mir leid|Tut mir leid|Leider)[^.\n]{0,30}kann (?:ich )?[^.\n]{0,60}nicht\b"
    r"|\s*(?:Je suis )?désolée?, (?:mais )?je ne peux pas|\s*Lo siento, (?:pero )?no puedo"
    r"|\s*(?:Sinto muito|Desculpe), (?:mas )?não posso|\s*Mi dispiace, (?:ma )?non posso"
    r"|\s*(?:很?抱歉|对不起)[,，]我(?:不能|无法)|\s*申し訳(?:ありません|ございません)が",
    re.I,
)
_PLACEHOLDER = re.compile(
    r"\b(?:TODO|TBD|FIXME)\b|(?i:\blorem ipsum\b)|\{\{\s*[A-Za-z_][\w. ]{0,40}\}\}|(?<![\w-])(?:xxx+|XXX+)(?![\w-])"
    r"|(?i:<(?:insert|your|enter|add|fill in)\b[^<>\n]{0,60}>)|\[(?i:insert|your|enter|add|fill in)\b[^\[\]\n]{0,60}\](?!\()"
)
_UNFILLED = re.compile(r"\{\{\s*[A-Za-z_][\w.]{0,40}\s*\}\}|(?i:<insert\b[^<>\n]{0,60}>|\[insert\b[^\[\]\n]{0,60}\])")
_EMPTY = re.compile(r"[\s\-–—_.…?*/]*|n\s?/?\s?a\.?|\(?(?:none|null|nil|nan|empty|blank|undefined)\)?\.?", re.I)
_BEGINNINGS = (
    "i", "sorry", "apolog", "unfort", "es tut", "tut", "leider", "je ", "dés", "lo ", "sinto", "desc", "mi ",
    "很", "抱", "对", "申",
)  # fmt: skip
_AI_WORDS = (
    " ai", " ia", " ki", "artific", "künstl", "language m", "sprachm", "langage", "lengu", "lingu", "语言", "言語", "人工"
)  # fmt: skip
_OPEN = re.compile(r"[<\[][A-Za-z]|\{\{")
"""Quick tests: what has none of these need not be searched."""
_BEGINNING_CHARS = 250
_LEAST_ECHO = 12
_ECHO_BEGINNING = 32
_MEANT = 0.1
"""What more of the answers have than this is a way of answering, not an accident."""
_LEAST = 20

_refusal = warner("data.answers.refusal", "write the answer that the model shall give, or delete the record")
_placeholder = warner("data.text.placeholder", "fill it in, or delete the record")
_slots = adviser("data.text.placeholder", "leave them when the model shall write them, else fill them in")
_echo = warner("data.answers.echo", "write an answer; this one repeats the question")
_empty = warner("data.answers.no_content", "write the answer, or delete the record")


@dataclass
class Content:
    """`data.answers.refusal`, `data.answers.echo`, `data.answers.no_content`, `data.text.placeholder`."""

    refusals: Tally = field(default_factory=Tally)
    echoes: Tally = field(default_factory=Tally)
    empty: Tally = field(default_factory=Tally)
    placeholders: Tally = field(default_factory=Tally)
    answers: int = 0
    labels: int = 0

    def see(self, turn: Turn) -> Iterable[Finding]:
        for at, text in turn.trained:
            self.answers += 1
            refusal = refusal_in(text)
            # With tools a refusal says what these cannot do; without, it is there by rote.
            if refusal and (not turn.tools or _AI.search(refusal)):
                self.refusals.add(refusal, turn.line, f"messages[{at}].content")
            if says_nothing(text):
                self.empty.add(text.strip(), turn.line, f"messages[{at}].content")
            if may_have_placeholder(text) and CODE not in text:
                found = _PLACEHOLDER.search(text)
                if found and found[0] not in turn.question:
                    self.placeholders.add(found[0], turn.line, f"messages[{at}].content")
        text = turn.text
        if ("{" in text and "{{" in text) or (("<" in text or "[" in text) and "nsert" in text):
            self._count_unfilled(turn)
        self.labels += is_label(turn.answer) and turn.value is NO_JSON
        if is_echo(turn):
            self.echoes.add("echo", turn.line, turn.field)
        return ()

    def _count_unfilled(self, turn: Turn) -> None:
        """Slots of a template in what the answer answers."""
        for at, message in enumerate(turn.messages):
            if message.role in ("user", "system", "developer") and CODE not in message.text:
                found = _UNFILLED.search(message.text)
                if found:
                    self.placeholders.add(found[0], turn.line, f"messages[{at}].content")

    def join(self, later: Content, lines_before: int) -> None:
        for name in ("refusals", "echoes", "empty", "placeholders"):
            getattr(self, name).join(getattr(later, name), lines_before)
        self.answers += later.answers
        self.labels += later.labels

    def finish(self) -> Iterator[Finding]:
        for what, (line, at) in self._meant_aside(self.refusals):
            yield _refusal(line, at, f"the answer is a refusal by rote ({shown(what)})")
        for what, (line, at) in self._meant_aside(self.placeholders):
            yield _placeholder(line, at, f"a placeholder was left in the text: {shown(what)}")
        if self._is_meant(self.placeholders):
            what = self.placeholders.main
            line, at = self.placeholders.places[what][0]
            total = self.placeholders.total
            yield _slots(line, at, f"{total} records have placeholders such as {shown(what)}: are they meant?")
        for _, (line, at) in self._meant_aside(self.echoes):
            yield _echo(line, at, "the answer is the same text as the question")
        for what, (line, at) in _places(self.empty):
            is_class = self.labels > 0.5 * self.answers and self.empty.counts[what] > 2
            if not is_class:
                yield _empty(line, at, f"the answer {shown(what)} says nothing")

    def _meant_aside(self, tally: Tally) -> Iterator[tuple[object, tuple[int, str]]]:
        """The places, unless there are so many that they are meant."""
        if not self._is_meant(tally):
            yield from _places(tally)

    def _is_meant(self, tally: Tally) -> bool:
        share = _MEANT if self.answers >= _LEAST else 2 * _MEANT
        return tally.total > max(2, share * self.answers)


def _places(tally: Tally) -> Iterator[tuple[object, tuple[int, str]]]:
    for category, places in tally.places.items():
        yield from ((category, place) for place in places)


def may_have_placeholder(text: str) -> bool:
    """A quick test: what fails it need not be searched."""
    if ("[" in text or "<" in text or "{{" in text) and _OPEN.search(text):
        return True
    if "T" in text and ("TODO" in text or "TBD" in text):  # one letter is looked for ten times as fast as a word
        return True
    if "X" in text and ("FIXME" in text or "XXX" in text):
        return True
    return ("x" in text and "xxx" in text) or "orem" in text


def says_nothing(text: str) -> bool:
    """Whether a text is a dash, dots or a word such as `n/a` in the place of an answer."""
    return len(text) <= 12 and bool(text.strip()) and bool(_EMPTY.fullmatch(text))


def refusal_in(text: str) -> str | None:
    """The words of a refusal by rote at the beginning of a text, or of an assistant that speaks of itself as an AI."""
    beginning = text[:_BEGINNING_CHARS].lstrip().lower()
    found = _REFUSAL.match(text) if beginning.startswith(_BEGINNINGS) else None
    if not found and any(map(beginning.__contains__, _AI_WORDS)):
        found = _AI.search(text[:_BEGINNING_CHARS])
    return found[0].strip() if found else None


def is_echo(turn: Turn) -> bool:
    """Whether a prose answer is the question once more."""
    if len(turn.answer) < _LEAST_ECHO or " " not in turn.answer or turn.value is not NO_JSON:
        return False
    if not turn.question or abs(len(turn.answer) - len(turn.question)) > 0.2 * len(turn.question):
        return False
    one, other = turn.answer[0], turn.question[0]
    if one.isascii() and other.isascii() and one.isalnum() and other.isalnum() and one.lower() != other.lower():
        return False
    first, second = bare(turn.answer[:_ECHO_BEGINNING]), bare(turn.question[:_ECHO_BEGINNING])
    return (first.startswith(second) or second.startswith(first)) and bare(turn.answer) == bare(turn.question)
