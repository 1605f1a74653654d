"""A conversation whose sides were exchanged: the user states what the assistant then asks, or gives what it then asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import Turn, warner
from honekit.data.checks.turns import Turns
from honekit.data.checks.two_lengths import reversed_lengths
from honekit.data.lines import Finding

_MOSTLY = 0.75
_MAX_LENGTHS = 2000
_MARKS = frozenset("?？؟")
_VERBS = frozenset(
    {
        "answer",
        "arrange",
        "change",
        "classify",
        "compare",
        "complete",
        "compose",
        "convert",
        "correct",
        "create",
        "decide",
        "define",
    }
    | {
        "describe",
        "draft",
        "edit",
        "explain",
        "extract",
        "find",
        "fix",
        "generate",
        "give",
        "identify",
        "improve",
        "list",
        "make",
    }
    | {"name", "paraphrase", "pick", "rank", "rephrase", "reply", "rewrite", "shorten", "simplify", "solve", "sort", "suggest"}
    | {"summarise", "summarize", "tell", "translate", "turn", "write"}
)
"""What an instruction begins with."""
_TASK = re.compile(
    r"(?:(?:Explain|Summari[sz]e|Translate|Rewrite|Rephrase|Paraphrase|Classify|Generate|Compose|Define) "
    r"|(?:Name|List|Suggest|Write|Create|Draft) (?:an?|the|one|two|three|four|five|six|ten|some|\d+) "
    r"|(?:Correct|Fix|Sort|Change|Turn|Complete|Edit|Improve|Shorten|Simplify) (?:the|this|these) )[^.\n]*\.?"
)
"""An instruction to a writer with nothing behind it; whoever asks back does not say so."""
_TASK_BEGINS = frozenset("CDEFGILNPRSTW")
_ASKED_AND_ANSWERED, _STATED_AND_ASKED = (True, False), (False, True)

_swapped = warner("data.roles.swapped", "exchange the two texts, so that the user asks and the assistant answers")


@dataclass
class Sides:
    """`data.roles.swapped`, by the question marks and instructions of a conversation's first two turns."""

    tallies: Tallies = field(default_factory=Tallies)
    lengths: list[tuple[int, int, str, int, int]] = field(default_factory=list)
    """Task, line, place of the user's message and lengths of the two texts, of the first conversations with one turn."""

    def see(self, turns: Turns) -> None:
        firsts = [0 if system is None else 1 for system in turns.systems]
        opened = [(turn, at) for turn, at in zip(turns.all, firsts, strict=True) if _opens(turn, at)]
        for turn, at in opened:
            if len(self.lengths) >= _MAX_LENGTHS:
                break
            if len(turn.messages) == at + 2 and turn.is_prose:
                asked, answered = turn.texts[at].rstrip(), turn.texts[at + 1].rstrip()
                self.lengths.append((turn.task, turn.line, f"messages[{at}].content", len(asked), len(answered)))
        opened = [(turn, at) for turn, at in opened if " " in turn.texts[at].rstrip() and " " in turn.texts[at + 1].rstrip()]
        marks = [_marks(turn.texts[at].rstrip(), turn.texts[at + 1].rstrip()) for turn, at in opened]
        places = ((turn.line, _place(turn, at, own)) for (turn, at), own in zip(opened, marks, strict=True))
        self.tallies.add_each("", [turn for turn, _ in opened], marks, places)

    def join(self, later: Sides, lines_before: int) -> None:
        self.tallies.join(later.tallies, lines_before)
        room = _MAX_LENGTHS - len(self.lengths)
        self.lengths += [
            (task, line + lines_before, at, asked, answered) for task, line, at, asked, answered in later.lengths[:room]
        ]

    def finish(self) -> Iterator[Finding]:
        for _, tally in self.tallies.all():
            if tally.main != _ASKED_AND_ANSWERED:
                continue
            for marks, (line, at) in tally.odd(share=_MOSTLY):
                if marks == _STATED_AND_ASKED and at:
                    usual = f"in {tally.counts[tally.main]} of {tally.total} records it is the user who asks"
                    yield _swapped(line, at, f"the user makes a statement and the assistant asks; {usual}")
        for task in dict.fromkeys(task for task, *_ in self.lengths):
            places = [(line, at) for other, line, at, *_ in self.lengths if other == task]
            lengths = [(asked, answered) for other, _, _, asked, answered in self.lengths if other == task]
            for place in reversed_lengths(lengths):
                asked, answered = lengths[place]
                usual = "in nearly all records the lengths are the other way round"
                yield _swapped(*places[place], f"the user's text has {asked} characters and the answer {answered}; {usual}")


def _opens(turn: Turn, at: int) -> bool:
    """Whether a user's message at `at` and a trained answer come first."""
    return bool(turn.trained) and turn.trained[0][0] == at + 1 and turn.messages[at].role == "user"


def _marks(asked: str, answered: str) -> tuple[bool, bool]:
    """Whether the user asks, and whether the assistant does."""
    return (
        asked[-1] in _MARKS or asked[: asked.index(" ")].casefold() in _VERBS,
        answered[-1] in _MARKS or (answered[0] in _TASK_BEGINS and bool(_TASK.fullmatch(answered))),
    )


def _place(turn: Turn, at: int, marks: tuple[bool, bool]) -> str:
    """Of the user's message, where it is to be named."""
    # `Set the heating.`, `Which room?`: who asks back says no less than was said, and answers in the end.
    is_told = marks == _STATED_AND_ASKED and len(turn.texts[at].rstrip()) > len(turn.texts[at + 1].rstrip())
    is_told = is_told and (turn.at == at + 1 or turn.answer.rstrip()[-1:] in _MARKS)
    return f"messages[{at}].content" if is_told else ""
