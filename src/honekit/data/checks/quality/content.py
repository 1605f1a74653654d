"""Answers that teach nothing or the wrong thing: refusals by rote, placeholders, copies of the question, empty words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.quality.cues import MARK, SLOT, SLOT_CAPITALS, SLOT_PHRASES, SLOT_WORDS, Cues
from honekit.data.checks.quality.echo import is_echo, is_edit
from honekit.data.checks.quality.refusals import offers_more, refusal_in, speaks_as_ai
from honekit.data.checks.quality.unfilled import is_in_code, unfilled_slot
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import NO_JSON, Turn, adviser, has_code, json_value, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_UNITS = (
    "days?|weeks?|months?|years?|hours?|minutes?|per ?cent|EUR|USD|euros?|dollars?|pounds?|km|kg|mg|ml"
    "|Tagen?|Wochen?|Monaten?|Jahren?|Stunden?|Prozent|Euro|jours|semaines|mois|heures|d[ií]as|semanas|meses|años|horas"
)
_MARK = re.compile(
    r"\b(?:TODO|TBD|FIXME)\b|\bXX+\b[^\n]{0,80}\bYY+\b|(?i:\blorem ipsum\b)|(?<![\w-])(?:xxx+|XXX+)(?![\w-])"
    rf"|(?<![\w-])XX ?(?:%|(?:{_UNITS})\b)|(?<=[€$£])XX\b"
    r"|(?i:[<\[(]?\b(?:your|(?:insert|put|write|add)(?: the| an?)?) (?:answer|response|text) (?:goes )?here\b[>\])]?)"
    r"|(?i:[<\[](?:\w+ )?(?:translation|summary|answer|response|text|output|content|description|result) here[>\]](?!\())"
    r"|(?i:\b(?:answer|response) goes here\b"
    r"|\bantwort (?:hier )?(?:einfügen|ergänzen)\b|\b(?:à|a) compléter\b|\bbitte ausfüllen\b"
    r"|\bpor completar\b|\bda completare\b|\bnog invullen\b)"
    r"|(?i:[<\[](?:hier|bitte|noch)\b[^<>\[\]\n]{1,60}\b(?:einfügen|ergänzen|eintragen|nachtragen)[>\]](?!\())"
    r"|(?i:\[(?:reviewer|annotator|editor|labell?er|note to self)(?:['’]s)?(?: note| comment)?:[^\[\]\n]{1,120}\])"
)
"""Marks of work that was left: nobody wants a model to write them."""
_SLOT = re.compile(
    r"\{\{\s*[A-Za-z_][\w. ]{0,40}\}\}|(?<![{$\w])\{[a-z]+(?:_[a-z]+)+\}(?!\})"
    r"|(?i:<(?:insert|your|enter|add|fill in)\b[^<>\n]{0,60}>)"
    rf"|\[(?i:insert|your|enter|add|fill in)\b[^\[\]\n]{{0,60}}\](?!\()|\[(?i:{SLOT_WORDS})\](?!\()"
    rf"|<(?i:{SLOT_WORDS})>|(?i:[<\[]{SLOT_PHRASES}[^<>\[\]\n]{{1,40}}[>\]](?!\())"
    r"|\[(?:[A-Z][a-z]{1,20} ){1,2}(?:Name|Date|Time|Address|Email|Phone|Number|Amount|Title|Company|Position|Department"
    r"|Signature)\](?!\()"
    rf"|{SLOT_CAPITALS}"
    r"|(?<=[A-Za-z,] )\$\{[a-z][A-Za-z_]{1,30}\}(?=[,.!?]| [a-z])|^\$\{[a-z][A-Za-z_]{1,30}\}(?=,| [a-z]{2})(?=.*[.!?]$)"
)
"""Slots of a template: a model may be meant to write them."""
_NOTE = re.compile(
    r"\[(?=[^\n]* )[^\[\]\n]{4,200}\]|<[a-z][a-z _]{3,60}>|\[(?:translation|summary|answer|response|output)\]", re.I
)
"""A whole answer that says what should stand there: `[translation of the second line]`, `<translation>`."""
_BRACE = re.compile(r"\{[a-z{]")
_FILLER_INPUT = re.compile(
    r"(?<=[.?!:])\n{1,2}(n/?a|none|null|nan|<?no ?input>?|-)$|\n(?:input|context): *(n/?a|none|null|nan)$", re.I
)
_LAST_OF_FILLER = frozenset("aAnNeElLtT>-")
_FILLER_CHARS, _FEW_FILLERS = 24, 5
_UNSEEN = "\u00ad\u200b\u2060\ufeff \n\t"
_EMPTY = re.compile(
    rf"[\s\-–—_.…?*/{_UNSEEN}]*"
    r"|n\s?/?\s?a\.?|\(?(?:none|null|nil|nan|empty|blank|undefined|tbd|tba|to ?do|xxx+|idk|dunno"
    r"|no (?:answer|response))\)?\.?",
    re.I,
)
_PLACEHOLDER_WORDS = ("orem", " YY", "COMPL", "ompletar", "invullen")
_NOT_ASCII_WORDS = ("einfügen", "ergänzen", "ausfüllen", "ompléter")
_HERE = ("swer here", "ponse here", "text here", "goes here", "tion here", "mary here", "tent here", "tput here", "sult here")
_OPEN = re.compile(r"[<\[][A-Za-z]|\{[A-Za-z{]")
"""Quick tests: what has none of these need not be searched."""
_NOTHING_CHARS = 12
_OF_QUESTION, _OF_TOOL = "the text of the question", "the tool's result as it stands"
_OF_PROMPT = "the system prompt"
_TASK = 0.6
"""More placeholders than this are the task itself."""
_MEANT, _MARKS_MEANT = 0.1, 0.4
"""What more of the answers have than this is a way of answering, not an accident."""
_LEAST = 20
_MOSTLY_EDITS = 0.5
_ENOUGH, _EVERY = 200, 64
"""After so many answers, every one of so many lines tells whether texts are edited."""

_refusal = warner("data.answers.refusal", "write the answer that the model shall give, or delete the record")
_placeholder = warner("data.text.placeholder", "fill it in, or delete the record")
_slots = adviser("data.text.placeholder", "leave them when the model shall write them, else fill them in")
_filler = warner("data.text.placeholder", "leave that part of the input out, as where there is none")
_echo = warner("data.answers.echo", "write an answer; this one repeats the question")
_empty = warner("data.answers.no_content", "write the answer, or delete the record")


@dataclass
class Content:
    """`data.answers.refusal`, `data.answers.echo`, `data.answers.no_content`, `data.text.placeholder`."""

    refusals: Tally = field(default_factory=Tally)
    as_ai: Tally = field(default_factory=Tally)
    echoes: Tally = field(default_factory=Tally)
    empty: Tally = field(default_factory=Tally)
    slots: Tally = field(default_factory=Tally)
    marks: Tally = field(default_factory=Tally)
    fillers: Tally = field(default_factory=Tally)
    """Inputs that end with a word for nothing."""
    answers: int = 0
    compared: int = 0
    """Answers that were held against their questions, and how many of these were edits."""
    edits: int = 0
    copies: int = 0
    """How many of them stand in their questions, which are longer."""
    labels: int = 0

    def see(self, turns: Turns) -> None:
        self.answers += len(turns.trained)
        self.labels += sum([turn.value is NO_JSON for turn in turns.labels])
        for turn, at, text in turns.trained:
            if len(text) <= _NOTHING_CHARS and says_nothing(text) and not _MARK.search(text):
                self.empty.add(text.strip(), turn.line, f"messages[{at}].content")
            elif text[0] in "[<" and text not in turn.question and _NOTE.fullmatch(text) and _is_note(text):
                self.slots.add(text, turn.line, f"messages[{at}].content")
        for turn, cues in zip(turns.all, turns.cues, strict=True):
            if cues:
                self._look_at_cues(turn, cues)
            text = turn.text
            if ("{" in text and _BRACE.search(text)) or (("<" in text or "[" in text) and "nsert" in text):
                self._count_unfilled(turn)
            if self.compared < _ENOUGH or not turn.line % _EVERY:
                self.compared += len(turn.trained)
                self.edits += is_edit(turn)
                self.copies += 0 < len(turn.answer) < len(turn.question) and turn.answer in turn.question
            if turn.question[-1:] in _LAST_OF_FILLER and (filler := _FILLER_INPUT.search(turn.question[-_FILLER_CHARS:])):
                self.fillers.add(filler[1] or filler[2], turn.line, f"messages[{turn.at - 1}].content")
            if turn.value is NO_JSON and is_echo(turn.answer, turn.question):
                self.echoes.add(_OF_QUESTION, turn.line, turn.field)
            elif turn.answer == turn.texts[turn.at - 1] and turn.answer and turn.messages[turn.at - 1].role == "tool":
                self.echoes.add(_OF_TOOL, turn.line, turn.field)
            elif turn.answer == turn.texts[0] and turn.messages[0].role in ("system", "developer") and turn.answer:
                self.echoes.add(_OF_PROMPT, turn.line, turn.field)

    def _look_at_cues(self, turn: Turn, all_cues: Cues) -> None:
        for at, text in turn.trained:
            if not (cues := all_cues.get(at)):
                continue
            refusal = refusal_in(text, cues)
            # With tools a refusal says what these cannot do; without, it is there by rote.
            is_ai = refusal is not None and speaks_as_ai(refusal)
            if refusal and (is_ai or not (turn.tools or offers_more(text, refusal))):
                tally = self.as_ai if is_ai else self.refusals
                tally.add(refusal, turn.line, f"messages[{at}].content")
            if (MARK in cues or SLOT in cues) and may_have_placeholder(text) and not has_code(text):
                self._count_placeholder(turn, at, text)

    def _count_placeholder(self, turn: Turn, at: int, text: str) -> None:
        for pattern, tally in ((_MARK, self.marks), (_SLOT, self.slots)):
            found = pattern.search(text)
            if found and found[0] not in turn.question and not is_in_code(text, found.start()) and not _is_quoted(text, found):
                is_asked_for = turn.messages[0].role != "user" and found[0] in turn.texts[0]
                if not is_asked_for:
                    tally.add(found[0], turn.line, f"messages[{at}].content")
                return

    def _count_unfilled(self, turn: Turn) -> None:
        """Slots of a template in what the answer answers."""
        for at, message in enumerate(turn.messages):
            is_asked = message.role in ("user", "system", "developer") and "`" not in message.text
            if is_asked and (slot := unfilled_slot(message.text)):
                self.slots.add(slot, turn.line, f"messages[{at}].content")

    def join(self, later: Content, lines_before: int) -> None:
        for name in ("refusals", "as_ai", "echoes", "empty", "slots", "marks", "fillers"):
            getattr(self, name).join(getattr(later, name), lines_before)
        self.answers += later.answers
        self.compared += later.compared
        self.edits += later.edits
        self.copies += later.copies
        self.labels += later.labels

    def finish(self) -> Iterator[Finding]:
        spoken = _places(self.as_ai) if self.as_ai.total <= max(2, _MARKS_MEANT * self.answers) else ()
        for what, (line, at) in self._meant_aside(self.refusals):
            yield _refusal(line, at, f"the answer is a refusal by rote ({shown(what)})")
        for what, (line, at) in spoken:
            yield _refusal(line, at, f"the answer speaks as another assistant does ({shown(what)})")
        marks = _places(self.marks) if self.marks.total <= max(2, _MARKS_MEANT * self.answers) else ()
        for what, (line, at) in (*marks, *self._meant_aside(self.slots)):
            yield _placeholder(line, at, f"a placeholder was left in the text: {shown(what)}")
        if self._is_meant(self.slots) and self.slots.total <= _TASK * self.answers:
            what = self.slots.main
            line, at = self.slots.places[what][0]
            total = self.slots.total
            yield _slots(line, at, f"{total} records have placeholders such as {shown(what)}: are they meant?")
        for what, places in self.fillers.places.items():
            count = self.fillers.counts[what]
            more = f"; so in {count} records" if count > _FEW_FILLERS else ""
            for line, at in places[:1] if more else places:
                yield _filler(line, at, f"the input ends with {shown(what)}, which stands for nothing{more}")
        # Who corrects or redacts texts leaves some as they are; who cuts a part out of them may take all that there is.
        is_editing = max(self.edits, self.copies) > _MOSTLY_EDITS * self.compared
        for what, (line, at) in self._meant_aside(self.echoes) if not is_editing else ():
            yield _echo(line, at, f"the answer repeats {what}")
        for what, (line, at) in _places(self.empty):
            is_class = self.labels > 0.5 * self.answers and self.empty.counts[what] > 2
            if not is_class:
                said = f"{shown(what)} says nothing" if str(what).strip(_UNSEEN) else "has no visible character"
                yield _empty(line, at, f"the answer {said}")

    def _meant_aside(self, tally: Tally) -> Iterator[tuple[object, tuple[int, str]]]:
        """The places, unless there are so many that they are meant."""
        if not self._is_meant(tally):
            yield from _places(tally)

    def _is_meant(self, tally: Tally) -> bool:
        share = _MEANT if self.answers >= _LEAST else 2 * _MEANT
        return tally.total > max(2, share * self.answers)


def _is_quoted(text: str, slot: re.Match[str]) -> bool:
    """Whether it stands between backticks: how a command is used."""
    return text.count("`", 0, slot.start()) % 2 == 1 and "`" in text[slot.end() :]


def _is_note(text: str) -> bool:
    """Whether it is words, and none that the patterns of marks and slots know."""
    if _SLOT.search(text) or _MARK.search(text):
        return False
    return json_value(text) is NO_JSON and text[1].isalpha() and "," not in text


def _places(tally: Tally) -> Iterator[tuple[object, tuple[int, str]]]:
    for category, places in tally.places.items():
        yield from ((category, place) for place in places)


def may_have_placeholder(text: str) -> bool:
    """A quick test: what fails it need not be searched."""
    if ("[" in text or "<" in text or "{" in text) and _OPEN.search(text):
        return True
    if "T" in text and ("TODO" in text or "TBD" in text):  # one letter is looked for ten times as fast as a word
        return True
    if "X" in text and ("FIXME" in text or "XX" in text):
        return True
    if ("x" in text and "xxx" in text) or (" here" in text and any(map(text.__contains__, _HERE))):
        return True
    if any(map(text.__contains__, _PLACEHOLDER_WORDS)):
        return True
    return not text.isascii() and any(map(text.__contains__, _NOT_ASCII_WORDS))


def says_nothing(text: str) -> bool:
    """Whether a text is a dash, dots or a word such as `n/a` in the place of an answer."""
    return len(text) <= _NOTHING_CHARS and bool(text.strip()) and bool(_EMPTY.fullmatch(text))
