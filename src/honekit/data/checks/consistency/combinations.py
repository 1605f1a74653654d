"""Fields of a JSON answer that go together: where one value nearly always comes with another, the few that part are doubtful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

from honekit.data.checks.short_texts import labels_of
from honekit.data.checks.tally import Tallies, Tally
from honekit.data.checks.turn import adviser, has_digit
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MAX_FIELDS = 5
_MAX_CHARS = 24
_LEAST, _LEAST_EACH = 20, 5
_FEW, _SHARE = 3, 0.05

_odd = adviser("data.labels.combination", "see which of the two is right")


@dataclass
class Combinations:
    """`data.labels.combination`."""

    pairs: Tallies = field(default_factory=Tallies)
    """By the names of two fields: how often their values stand together."""

    def see(self, turns: Turns) -> None:
        for turn in turns.objects:
            labels = labels_of(turn)
            values = [(name, texts[0]) for name, texts in labels if "[]" not in name and _may_go_together(texts[0])]
            for (first, value), (second, other) in combinations(values[:_MAX_FIELDS], 2):
                self.pairs.add(turn.task, f"{first}\0{second}", (value, other), turn.line, turn.field)

    def join(self, later: Combinations, lines_before: int) -> None:
        self.pairs.join(later.pairs, lines_before)

    def finish(self) -> Iterator[Finding]:
        told: set[int] = set()
        for names, tally in self.pairs.all():
            first, _, second = names.partition("\0")
            for given, follows in ((0, 1), (1, 0)):
                name, other = (first, second) if given == 0 else (second, first)
                for (value, odd, usual, times), (line, at) in _exceptions(tally, given, follows):
                    if line not in told:
                        told.add(line)
                        said = f"{times} records with it have {shown(usual)}"
                        yield _odd(line, f"{at}.{other}", f"`{name}` is {shown(value)} and `{other}` {shown(odd)}; {said}")


@lru_cache(maxsize=4096)
def _may_go_together(value: str) -> bool:
    return len(value) <= _MAX_CHARS and not has_digit(value)


def _exceptions(tally: Tally, given: int, follows: int) -> Iterator[tuple[tuple[str, str, str, int], tuple[int, str]]]:
    """The few places where the second value is not the one that comes with the first nearly always."""
    if tally.is_open or tally.total < _LEAST:
        return
    by_value: dict[str, Counter[str]] = {}
    for pair, count in tally.counts.items():
        by_value.setdefault(pair[given], Counter())[pair[follows]] += count
    frequent = {value: counts.most_common(1)[0] for value, counts in by_value.items() if counts.total() >= _LEAST_EACH}
    covered = sum(by_value[value].total() for value in frequent)
    odd = sum(by_value[value].total() - count for value, (_, count) in frequent.items())
    is_rule = covered >= 0.8 * tally.total and len({usual for usual, _ in frequent.values()}) > 1
    if not is_rule or not 0 < odd <= min(_FEW, _SHARE * tally.total):
        return
    for pair, places in tally.places.items():
        usual, count = frequent.get(pair[given], (pair[follows], 0))
        if pair[follows] != usual and sum(counts[pair[follows]] for counts in by_value.values()) >= _LEAST_EACH:
            yield from (((pair[given], pair[follows], usual, count), place) for place in places)
