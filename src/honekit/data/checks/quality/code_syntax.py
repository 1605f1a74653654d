"""Python in an answer that cannot be parsed, where nearly all other answers' can: cut off, or mangled on its way."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.accidents import accidents
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import CODE, adviser, has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_STARTS = ("def ", "import ", "from ", "class ", "async def ", "@")
_BLOCK = re.compile(r"```(?:python|py|python3)[ \t]*\n(.*?)\n?```", re.DOTALL)
_NO_SCRIPT = re.compile(r"^\s*(?:>>>|\.\.\.|[!%]|In \[)", re.MULTILINE)
"""A session's prompts and a notebook's commands."""
_PROSE = re.compile(r"^[A-Z][a-z]+(?: [\w'’,-]+){2,}.*[.:!?]$", re.MULTILINE)
_MAX_CHARS, _MAX_NESTED = 6000, 100
_ENOUGH = 500
"""In a part of a file: a parse costs as much as all other checks of a record."""

_MOSTLY = 0.75

_fence = adviser("data.style.markdown", "put the code into a fence everywhere, or nowhere")
_syntax = warner("data.answers.code_syntax", "write the code to its end, and as Python reads it")


@dataclass
class CodeSyntax:
    """`data.answers.code_syntax`, and `data.style.markdown` for code that stands in a fence."""

    faults: Tally = field(default_factory=Tally)
    fences: Tally = field(default_factory=Tally)
    answers: int = 0

    def see(self, turns: Turns) -> None:
        for turn in turns.texts:
            if self.answers >= _ENOUGH:
                return
            blocks = _blocks(turn.answer)
            if blocks:
                self.answers += 1
                text = turn.answer.strip()
                if text.startswith(CODE) == text.endswith(CODE):
                    self.fences.add(text.startswith(CODE), turn.line, turn.field)
                fault = next(filter(None, map(fault_of, blocks)), None)
                if fault:
                    self.faults.add(fault, turn.line, turn.field)

    def join(self, later: CodeSyntax, lines_before: int) -> None:
        self.faults.join(later.faults, lines_before)
        self.fences.join(later.fences, lines_before)
        self.answers += later.answers

    def finish(self) -> Iterator[Finding]:
        for what, (line, at) in accidents(self.faults, self.answers):
            yield _syntax(line, at, f"the Python code cannot be parsed: {what}")
        for is_fenced, (line, at) in self.fences.odd(share=_MOSTLY):
            where = "in a fence" if is_fenced else "without a fence"
            yield _fence(
                line, at, f"the code stands {where}, unlike that of {self.fences.counts[self.fences.main]} other answers"
            )


def _blocks(text: str) -> list[str]:
    if has_code(text):
        # An open fence is told where endings are looked at.
        return _BLOCK.findall(text) if "```py" in text and text.count(CODE) % 2 == 0 else []
    if not text.startswith(_STARTS) or "\n" not in text:
        return []
    if _PROSE.search(text):
        return []
    first = text[: text.index("\n")]
    # `from our side …` and `import duties …` are prose.
    return [text] if first.endswith((":", ")")) or " import " in first or first.count(" ") == 1 else []


def fault_of(code: str) -> str | None:
    """Why Python cannot read this code, with the line in it; None also for what is no script or too big to look at."""
    if len(code) > _MAX_CHARS or _NO_SCRIPT.search(code):
        return None
    if max(code.count(sign) for sign in ("(", "[", "{", "not ", "-", "~", "lambda")) > _MAX_NESTED:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(textwrap.dedent(code))
    except SyntaxError as fault:
        return f"{fault.msg} (line {fault.lineno} of it)"
    except (ValueError, RecursionError, MemoryError):
        return None
    return None
