"""What the order of the roles says about a conversation, worked out once for each order that a file has."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, cast

from honekit.chat.messages import Message, Role
from honekit.data.chat import conversation_faults
from honekit.data.checks.structure.plain import PlainMessage

LEADING = ("system", "developer")
_MAX_ORDERS = 10_000


class Order(NamedTuple):
    """What the roles of a conversation say about it, worked out once for all that have the same."""

    answers: tuple[int, ...]
    """Where its trained messages are."""
    at: int
    """The last of them."""
    asked: int
    """The user message before that, -1 when there is none."""
    is_led: bool
    """Whether a system prompt comes first."""
    before: tuple[int, ...]
    """What comes before the last answer, system prompts aside."""
    field: str
    """The last answer's place as findings name it."""


def order_of(roles: Sequence[str], answers: Sequence[int]) -> Order:
    """Of a conversation with at least one trained message, at `answers`."""
    at = answers[-1]
    asked = next((index for index in range(at - 1, -1, -1) if roles[index] == "user"), -1)
    before = tuple(index for index in range(at) if roles[index] not in LEADING)
    return Order(tuple(answers), at, asked, roles[0] in LEADING, before, f"messages[{at}].content")


class Orders(dict[tuple[str, ...], Order | None]):
    """What each order of roles says about a plain conversation; None when it is not a good one."""

    def of(self, conversations: list[list[PlainMessage]]) -> list[Order | None]:
        """The order of each. Most files have a single one, so that all of them are compared with the first at once."""
        first = [message.role for message in conversations[0]] if conversations else []
        roles = [message.role for message in chain.from_iterable(conversations)]
        if roles == first * len(conversations) and {*map(len, conversations)} == {len(first)}:
            return [self[tuple(first)]] * len(conversations)
        return [self[tuple([message.role for message in messages])] for messages in conversations]

    def __missing__(self, roles: tuple[str, ...]) -> Order | None:
        is_good = not conversation_faults([Message(cast(Role, role), "-") for role in roles], 0)
        answers = [index for index, role in enumerate(roles) if role == "assistant"]
        order = order_of(roles, answers) if is_good else None
        if len(self) < _MAX_ORDERS:
            self[roles] = order
        return order
