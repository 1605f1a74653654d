"""The language of blocks of code."""

from __future__ import annotations

from tests.data.checks.conversations import answers, conversation, findings

from honekit.data.checks.consistency.fences import Fences

PYTHON = [f"```python\nx = {n}\n```" for n in range(10)]
SCRIPT = "```javascript\nlet x = 1\n```"
SYSTEM = "You write Python functions."


def test_code_in_another_language_than_asked_for_is_found() -> None:
    found = findings(Fences(), answers([*PYTHON, SCRIPT], SYSTEM))
    assert [(one.code, one.line) for one in found] == [("data.answers.code_language", 11)]


def test_code_that_is_asked_for_passes() -> None:
    assert findings(Fences(), answers([*PYTHON, SCRIPT], "You help programmers.")) == []
    assert findings(Fences(), answers([*PYTHON, "```bash\npip install x\n```"], SYSTEM)) == []
    asked = conversation(11, "How is that in JavaScript?", SCRIPT, SYSTEM)
    assert findings(Fences(), [*answers(PYTHON, SYSTEM), asked]) == []
    assert findings(Fences(), answers([*PYTHON, "```\nplain\n```", "```py\nx = 1\n```"], SYSTEM)) == []
