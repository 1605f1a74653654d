"""Traces of where a text comes from: marks of a chat template, thoughts meant for nobody, the foot of a page or a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from honekit.data.checks.accidents import accidents, is_meant
from honekit.data.checks.quality.cues import FILLER, FOOT, FOOT_WORDS, OPENING, SOURCE
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import Turn, adviser, has_code, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MARK = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|end_of_text|begin_of_text|eot_id|start_header_id|end_header_id|eom_id|end|user|assistant"
    r"|system)\|>|<(?:start|end)_of_turn>|<</?SYS>>|\[/?INST\]|</s>\s*$|\[(?:end of text|EOS)\]\s*$"
    r"|#(?<=^#)## (?:Instruction|Response|Input|Human|Assistant):",
    re.MULTILINE,
)
"""Each begins with its first sign: such patterns are looked for three times as fast as one with a place before a sign."""
_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
"""Code may be about such marks."""
_TURN = re.compile(r"\n\s*(?:\*\*)?(?:User|Human|Assistant|Customer|Nutzer|Benutzer|Utilisateur|Usuario)(?:\*\*)?: ")
_FURTHER = "after the answer comes a further turn of the conversation, with the speaker's name before it"
_SPEAKER = re.compile(
    r"(?:\*\*)?(?:assistant|ai|bot|gpt|chatgpt|model|a|output|response|gpt-4|answer|translation|translated text"
    r"|summary|corrected(?: text| sentence)?|english|german|french|spanish|italian|dutch|portuguese|polish|deutsch"
    r"|français|español|asistente|assistente|assistent|respuesta|resposta|réponse|antwort|risposta)"
    r"(?:\*\*)? ?:(?=\s)",
    re.I,
)
_SPEAKER_CHARS = 16
_CHOICE = re.compile(r"\bB ?[:.)]")
_DIALOGUE = re.compile(r"dialog|conversation|transcript|interview|script|scene|chat|gespräch|conversa", re.I)
_ENDS = ("[end of text]", "[EOS]")
_THOUGHT = re.compile(r"</?(?:think(?:ing)?|thought|reasoning|scratchpad|reflection)>", re.I)
_FOOT = re.compile(
    r"all rights reserved|copyright (?:©|\(c\)|\d{4})|© ?(?:copyright |\d{4})|\bread more (?:on our |»)"
    r"|subscribe to (?:our|the|my) (?:newsletter|channel)|source: wikipedia"
    r"|\bretrieved (?:on )?(?:\d{1,2} )?[A-Z][a-z]+ (?:\d{1,2}, )?\d{4}"
    r"|(?:this|the) (?:e-?mail|message) (?:and any attachments? )?(?:is|are|may be) confidential|not the intended recipient"
    r"|\nregenerate(?: response)?\s*$|chatgpt can make mistakes|\bwas this (?:response|answer) better or worse"
    r"|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados|sent from my (?:iphone|phone|mobile)"
    r"|gesendet von meinem",
    re.I,
)
_SOURCE = re.compile(r"【\d+(?::\d+)?†[^【】\n]{0,80}】|:contentReference\[oaicite:\d+\]")
"""How chat programs mark the sources that they have looked up."""
_NOTE = re.compile(r"\[\d{1,3}\]")
_CITED = re.compile(r"(?<=[.!?])\s?(?:\[\d{1,3}\])+(?=\s|$)")
_OPENINGS = (
    "Sure", "Certainly", "Of course", "Absolutely", "Great question", "Here is", "Here's", "Here are",
    "Natürlich", "Gerne", "Bien sûr",
    "Claro", "Por supuesto",
)  # fmt: skip
_OPENING = re.compile(
    r"(?:(?:Sure(?: thing)?|Certainly|Of course|Absolutely)[!,.][^\n.:]{0,20}"
    r"\b(?:[Hh]ere(?:'s| is| are)|I(?:'d| would) be happy|happy to)"
    r"|Great question|Here(?:'s| is| are) (?:the|an?|your|some) (?:answer|response|summary|translation|corrected|list)\b"
    r"|(?:Natürlich|Gerne)[!,.] Hier (?:ist|sind)|Bien sûr ?[!,.] Voici|(?:Claro|Por supuesto)[!,.] Aquí)"
)
_CLOSING = re.compile(
    r"(?:(?<=[.!?] )|(?<=\n))(?:I hope (?:this|that) helps|let me know if|feel free to (?:ask|reach|contact)"
    r"|if you have any (?:other|further|more) questions"
    r"|is there anything else|happy to help|ich hoffe, (?:das|dies) hilft|n'hésitez pas|no dudes en)[^\n]{0,80}$",
    re.I,
)
_CLOSING_WORDS = ("helps", "know if", "eel free", "uestions", "anything else", "to help", "hilft", "hésitez", "dudes en")
_LAST_CHARS = 200
"""Of an answer: where the feet of pages and stock phrases stand."""

_mark = warner("data.text.template_marks", "take them out: the model's own chat template writes such marks around each message")
_thought = warner("data.text.reasoning", "take the thoughts out, or write them in all answers")
_foot = warner("data.text.page_remnants", "take out what belongs to the page or mail that the text was copied from")
_filler = adviser("data.style.filler", "take the phrase out, unless all answers shall have it")


@dataclass
class Traces:
    """`data.text.template_marks`, `data.text.reasoning`, `data.text.page_remnants`, `data.style.filler`."""

    marks: Tally = field(default_factory=Tally)
    turns: Tally = field(default_factory=Tally)
    thoughts: Tally = field(default_factory=Tally)
    feet: Tally = field(default_factory=Tally)
    fillers: Tally = field(default_factory=Tally)
    answers: int = 0
    parted: int = 0
    """How many answers have `Answer:` behind their steps: there an answer without steps may begin with it."""

    def see(self, turns: Turns) -> None:
        self.answers += len(turns.trained)
        for turn in turns.all:
            if _may_have_mark(turn):
                self._look_for_marks(turn)
        for turn, cues in zip(turns.all, turns.cues, strict=True):
            for at, answer in turn.trained:
                if cues or "\n" in answer or "]" in answer or ":" in answer[:_SPEAKER_CHARS]:
                    self._look_at_answer(turn, at, answer, cues.get(at, ()))

    def _look_at_answer(self, turn: Turn, at: int, answer: str, cues: Sequence[int]) -> None:
        if "\n" in answer:
            if ": " in answer and _TURN.search(answer) and not _DIALOGUE.search(turn.text):
                self.turns.add(_FURTHER, turn.line, f"messages[{at}].content")
            self.parted += "\nAnswer:" in answer
        if SOURCE in cues:
            self._note(self.feet, _SOURCE, answer, turn, at)
        last = answer[-_LAST_CHARS:] if cues else ""
        if FOOT in cues and any(map(last.__contains__, FOOT_WORDS)):
            self._note(self.feet, _FOOT, last, turn, at)
        elif (
            "]" in answer
            and _NOTE.search(answer)
            and not has_code(answer)
            and (cited := _CITED.search(answer))
            and _first_of(cited[0]) not in turn.question
        ):
            self.feet.add("a footnote mark", turn.line, f"messages[{at}].content")
        if ":" in answer[:_SPEAKER_CHARS]:
            self._look_at_beginning(turn, at, answer)
        if OPENING in cues and answer.lstrip().startswith(_OPENINGS):
            self._note(self.fillers, _OPENING, answer, turn, at)
        if FILLER in cues and any(map(last.__contains__, _CLOSING_WORDS)):
            self._note(self.fillers, _CLOSING, last, turn, at)

    def _look_at_beginning(self, turn: Turn, at: int, answer: str) -> None:
        found = _SPEAKER.match(answer)
        # `A: the heron` may be the first of several choices, and `Answer:` what the prompt asks for.
        may_be_choice = found and found[0][0] in "aA" and _CHOICE.search(turn.question)
        if found and not may_be_choice and found[0].strip() not in said_before(turn):
            self.turns.add(found[0].strip(), turn.line, f"messages[{at}].content")

    def _look_for_marks(self, turn: Turn) -> None:
        for at, message in enumerate(turn.messages):
            if message.role == "tool":
                continue
            text = _BLOCK.sub("", message.text) if has_code(message.text) else message.text
            self._note(self.marks, _MARK, text, turn, at)
            if message.is_trained and "<" in text:
                self._note(self.thoughts, _THOUGHT, text, turn, at)

    def _note(self, tally: Tally, pattern: re.Pattern[str], text: str, turn: Turn, at: int) -> None:
        found = pattern.search(text)
        if found and found[0] not in turn.question[: -len(found[0])]:
            tally.add(found[0].strip(), turn.line, f"messages[{at}].content")

    def join(self, later: Traces, lines_before: int) -> None:
        for name in ("marks", "turns", "thoughts", "feet", "fillers"):
            getattr(self, name).join(getattr(later, name), lines_before)
        self.answers += later.answers
        self.parted += later.parted

    def finish(self) -> Iterator[Finding]:
        yield from self._marks()
        for what, (line, at) in accidents(self.turns, self.answers):
            if self.parted and what.casefold() == "answer:":
                continue
            yield _mark(
                line, at, what if what == _FURTHER else f"the answer begins with {shown(what)}, the mark of a speaker or a part"
            )
        for what, (line, at) in accidents(self.thoughts, self.answers):
            yield _thought(line, at, f"the answer has {shown(what)}, unlike nearly all others")
        for what, (line, at) in accidents(self.feet, self.answers, each=True):
            yield _foot(line, at, f"the answer has what stands around a text on a page or in a mail: {what}")
        for what, (line, at) in accidents(self.fillers, self.answers):
            yield _filler(line, at, f"the answer has the phrase {shown(what)}, unlike nearly all others")

    def _marks(self) -> Iterator[Finding]:
        """A mark is wrong however many have it; then one finding stands for all."""
        tally = self.marks
        for what, places in tally.places.items():
            is_usual = is_meant(tally.counts[what], self.answers)
            more = f"; so in {tally.counts[what]} messages" if is_usual else ""
            for line, at in places[:1] if is_usual else places:
                yield _mark(line, at, f"the text has {shown(what)}, a mark of a chat template{more}")


def _may_have_mark(turn: Turn) -> bool:
    """A quick test: what fails it has none of `_MARK` and `_THOUGHT`."""
    text = turn.text
    return (
        (not turn.is_plain and "<" in text)
        or ("]" in text and ("INST]" in text or text.rstrip().endswith(_ENDS)))
        or ("#" in text and "### " in text)
    )


def _first_of(marks: str) -> str:
    """`[1]` of ` [1][2]`."""
    return marks[marks.index("[") : marks.index("]") + 1]
