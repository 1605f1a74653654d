"""Near-duplicate and leak report: Hone's search beside datasketch's MinHash-LSH, on the same texts in one run.

Texts are drawn word by word from a vocabulary with Zipf's frequencies; for a share of them a copy is planted of which words
are replaced one by one until the Jaccard similarity of the shingle sets is as low as it may be at or above the threshold.

- Precision: the share of reported pairs at or above the threshold by the exact rule.
- Recall: the share of planted copies that are reported with any right partner.
- Time: both sides run in one thread; the ratio is of CPU time, which other programs disturb least. The clock's is printed too.

Both sides get equal work: cut the same texts into shingles, sign, and name for each text the near duplicate before it. Then the
last tenth of the texts is held out, and both name for each of these texts the near duplicate among the others: the leaks.
datasketch runs as its documentation shows (`MinHash.update_batch`, query, insert), once with its own choice of bands for the
threshold and 128 permutations, once with Hone's bands, and either as it is and with its candidates checked by the exact rule.

    python benchmarks/near_duplicates.py                    # 50,000 texts
    python benchmarks/near_duplicates.py --texts 1000000 --datasketch-texts 50000
    python benchmarks/near_duplicates.py --json
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import accumulate

from honekit.data.near.rule import THRESHOLD, jaccard, shingles
from honekit.data.near.search import BANDS, ROWS, NearSearch

PLANTED_SHARE = 0.05
GOAL_RATIO, GOAL_RECALL = 5.0, 0.90
Pair = tuple[int, int]


@dataclass(frozen=True)
class Measured:
    """One side: texts searched, seconds, and how right it was."""

    side: str
    texts: int
    cpu_s: float
    wall_s: float
    recall: float
    precision: float

    @property
    def per_million_s(self) -> float:
        """CPU seconds for a million texts if time grows with their number."""
        return self.cpu_s / self.texts * 1e6


def main() -> int:
    arguments = _arguments()
    texts, planted = make_texts(arguments.texts, arguments.words, random.Random(arguments.seed))
    measured = [_measure("hone", texts, planted, None, hone_pairs)]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    count = min(arguments.datasketch_texts or arguments.texts, arguments.texts)
    part, part_planted = (
        (texts, planted) if count == len(texts) else make_texts(count, arguments.words, random.Random(arguments.seed))
    )
    leaks = [_measure("hone, leaks", texts, planted, _held_out(texts), hone_pairs)]
    for name, params in (("datasketch, its own bands", None), (f"datasketch, {BANDS} bands of {ROWS}", (BANDS, ROWS))):
        for is_checked in (False, True):
            label = f"{name}{', checked' if is_checked else ''}"
            search = partial(datasketch_pairs, params=params, is_checked=is_checked)
            measured.append(_measure(label, part, part_planted, None, search))
            leaks.append(_measure(f"{label}, leaks", part, part_planted, _held_out(part), search))
    (ratio, is_met), (leak_ratio, are_leaks_met) = _compared(measured), _compared(leaks)
    is_met = is_met and are_leaks_met
    measured += leaks
    if arguments.json:
        document = {
            "sides": [asdict(side) for side in measured],
            "ratio": ratio,
            "leak_ratio": leak_ratio,
            "peak_mb": peak_mb,
            "met": is_met,
        }
        print(json.dumps({**document, "machine": _machine()}, indent=2))
        return 0 if is_met else 1
    for side in measured:
        print(
            f"{side.side:<43}{side.texts:>10,} texts{side.wall_s:>9.1f} s"
            f"{side.cpu_s:>9.1f} s CPU{side.per_million_s:>9.1f} s CPU per million"
            f"   recall {side.recall:.3f}   precision {side.precision:.3f}"
        )
    print(
        f"\nratio to the fastest other with recall {GOAL_RECALL}: {ratio:.1f}, of leaks {leak_ratio:.1f} (goal {GOAL_RATIO:.0f})"
    )
    print(f"peak memory with the texts themselves: {peak_mb:.0f} MB")
    print(_machine())
    return 0 if is_met else 1


def _held_out(texts: list[str]) -> int:
    """Where the part begins that is held out: half of it are planted copies."""
    return len(texts) - len(texts) // 10


def _compared(measured: list[Measured]) -> tuple[float, bool]:
    """How many times faster the first is than the fastest other one that finds enough, and whether the goals are met."""
    hone, others = measured[0], measured[1:]
    equal = [other for other in others if other.recall >= GOAL_RECALL] or others
    ratio = min(other.per_million_s for other in equal) / hone.per_million_s
    is_right = hone.recall >= GOAL_RECALL and hone.precision >= max(other.precision for other in others) - 1e-9
    return ratio, is_right and ratio >= GOAL_RATIO


def make_texts(count: int, words: int, chance: random.Random) -> tuple[list[str], dict[int, int]]:
    """The texts, copies last, and for each planted copy its source."""
    vocabulary = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(30_000)]
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(vocabulary))))
    copies = int(count * PLANTED_SHARE)
    texts = []
    for _ in range(count - copies):
        length = chance.randint(words // 2, words * 3 // 2)
        texts.append(" ".join(chance.choices(vocabulary, cum_weights=weights, k=length)))
    planted = {}
    for source in sorted(chance.sample(range(len(texts)), copies)):
        planted[len(texts)] = source
        texts.append(_altered(texts[source].split(), vocabulary, chance))
    return texts, planted


def _altered(words: list[str], vocabulary: list[str], chance: random.Random) -> str:
    """The least similar copy that is still a near duplicate, words at random places replaced in turn."""
    original, copy = shingles(" ".join(words)), list(words)
    for place in chance.sample(range(len(words)), len(words)):
        before, copy[place] = copy[place], chance.choice(vocabulary)
        if jaccard(original, shingles(" ".join(copy))) < THRESHOLD:
            copy[place] = before
            break
    return " ".join(copy)


def hone_pairs(texts: list[str], split: int | None) -> list[Pair]:
    search = NearSearch()
    for text in texts:
        search.add(text)
    return [(match.earlier, match.later) for match in search.matches(split)]


def datasketch_pairs(texts: list[str], split: int | None, *, params: tuple[int, int] | None, is_checked: bool) -> list[Pair]:
    from datasketch import MinHash, MinHashLSH

    permutations = params[0] * params[1] if params else 128
    index = MinHashLSH(num_perm=permutations, params=params) if params else MinHashLSH(threshold=THRESHOLD)
    pairs, sets = [], []
    for number, text in enumerate(texts):
        members = shingles(text)
        signature = MinHash(num_perm=permutations)
        signature.update_batch(["\t".join(member).encode() for member in members])
        found = index.query(signature) if number >= (split or 0) else []
        if is_checked:
            sets.append(members)
            found = [other for other in found if jaccard(sets[other], members) >= THRESHOLD]
        pairs += [(min(found), number)] if found else []
        if split is None or number < split:
            index.insert(number, signature, check_duplication=False)
    return pairs


def _measure(
    side: str,
    texts: list[str],
    planted: dict[int, int],
    split: int | None,
    search: Callable[[list[str], int | None], list[Pair]],
) -> Measured:
    wall, cpu = time.perf_counter(), time.process_time()
    pairs = search(texts, split)
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    right = {later for earlier, later in pairs if jaccard(shingles(texts[earlier]), shingles(texts[later])) >= THRESHOLD}
    wanted = planted.keys() if split is None else {copy for copy, source in planted.items() if source < split <= copy}
    recall = len(right & wanted) / max(1, len(wanted))
    precision = len(right) / len(pairs) if pairs else 1.0
    return Measured(side, len(texts), cpu_s, wall_s, recall, precision)


def _machine() -> str:
    import os

    return f"{platform.platform()}, {platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=50_000)
    parser.add_argument("--words", type=int, default=40, help="mean length of a text")
    parser.add_argument("--datasketch-texts", type=int, help="search only so many of them on datasketch's side")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
