"""Guessing an answer's next tokens from what followed the same tokens before, so that one step of a model makes several.

While few sequences run, a step waits for the model's weights, and takes hardly longer for a few tokens more. The answer is the
same with guesses and without: the model is asked at each guessed token too, and the first one that it would not have chosen ends
what the step makes.

Source:  Leviathan et al. 2023, arXiv:2211.17192 (one step checks several tokens); guesses from the text itself instead of a
         smaller model: Yang et al. 2023, arXiv:2304.04487
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

CONTEXTS = (3, 2)
"""Tokens by which a guess is looked up, the longest first."""
MOST_TOKENS = 5
ROWS = 12
"""A step of one row and one of so many take 1 to 1.7 (`docs/lab-notes.md`); beyond, a wrong guess costs what it takes."""
_KEPT = 1 << 15


class Guesses:
    """What followed which tokens last, in some texts."""

    def __init__(self) -> None:
        self._after: dict[tuple[int, ...], int] = {}

    def learn(self, before: Sequence[int], token: int) -> None:
        """`before`: the tokens before it, the last `CONTEXTS[0]` at least where there are so many."""
        if len(self._after) > _KEPT:
            self._after.clear()
        for size in CONTEXTS:
            if len(before) >= size:
                self._after[tuple(before[-size:])] = token

    def learn_text(self, ids: Sequence[int]) -> None:
        """All of a text."""
        longest = CONTEXTS[0]
        for place in range(1, len(ids)):
            self.learn(ids[max(0, place - longest) : place], ids[place])

    def after(self, context: tuple[int, ...]) -> int | None:
        return self._after.get(context)


def following(sources: Sequence[Guesses], before: Sequence[int], most: int, ends: Collection[int]) -> list[int]:
    """Up to `most` tokens that may come next, from the longest context that one of `sources` knows, the first one's before the
    others'; none behind one of `ends`."""
    found: list[int] = []
    tail = list(before[-CONTEXTS[0] :])
    while len(found) < most:
        known = (source.after(tuple(tail[-size:])) for size in CONTEXTS for source in sources)
        token = next((token for token in known if token is not None), None)
        if token is None:
            break
        found.append(token)
        if token in ends:
            break
        tail.append(token)
    return found


def tokens_each(running: int) -> int:
    """How many tokens to guess for each of so many running sequences."""
    return max(0, min(MOST_TOKENS, ROWS // running - 1)) if running else 0
