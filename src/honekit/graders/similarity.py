"""How alike two texts are, in [0, 1], by the metrics that OpenAI's text_similarity graders name.

Their exact implementations are not published; each function here says which published definition it follows, and the tests
compare it with the reference packages. Words are runs of letters and digits; tokens are words and single marks.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from honekit.graders.faults import GradingFault
from honekit.graders.meteor import meteor

MAX_SIMILARITY_CHARS = 100_000

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Texts to vectors of one length."""

_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"\w+|[^\w\s]")


def similarity(metric: str, text: str, reference: str, embed: Embed | None = None) -> float:
    """`text` against `reference`. With `embed` cosine compares embeddings, without it (no model at hand) word counts.

    Raises: GradingFault[truncated_observation_error] for a text over MAX_SIMILARITY_CHARS.
    """
    longest = max(len(text), len(reference))
    if longest > MAX_SIMILARITY_CHARS:
        raise GradingFault("truncated_observation_error", f"a text of {longest} characters is over {MAX_SIMILARITY_CHARS}")
    if metric == "cosine":
        return embedding_cosine(text, reference, embed) if embed else word_cosine(text, reference)
    if metric == "fuzzy_match":
        return fuzzy_match(text, reference)
    if metric == "rouge_l":
        return rouge_l(words(text), words(reference))
    if metric.startswith("rouge_"):
        return rouge_n(words(text), words(reference), int(metric.removeprefix("rouge_")))
    if metric == "meteor":
        return meteor(tokens(text.lower()), tokens(reference.lower()))
    return {"bleu": bleu, "gleu": gleu}[metric](tokens(text), tokens(reference))


def words(text: str) -> list[str]:
    """Lower-case runs of letters and digits; of ASCII text the same as rouge-score's tokens."""
    return _WORD.findall(text.lower())


def tokens(text: str) -> list[str]:
    """Words and single marks, case kept."""
    return _TOKEN.findall(text)


def word_cosine(text: str, reference: str) -> float:
    """Cosine of the two vectors of word counts (Salton's vector-space model, no weights); 0 when one has no words."""
    left, right = Counter(words(text)), Counter(words(reference))
    product = sum(count * right[word] for word, count in left.items())
    norms = math.sqrt(sum(count**2 for count in left.values()) * sum(count**2 for count in right.values()))
    return min(1.0, product / norms) if norms else 0.0


def embedding_cosine(text: str, reference: str, embed: Embed) -> float:
    """Cosine of two embeddings; an angle over 90 degrees counts as 0, and so does a text without anything in it."""
    if not text or not reference:
        return 0.0
    left, right = embed([text, reference])
    product = sum(a * b for a, b in zip(left, right, strict=True))
    norms = math.sqrt(sum(a * a for a in left)) * math.sqrt(sum(b * b for b in right))
    return min(1.0, max(0.0, product / norms)) if norms else 0.0


def fuzzy_match(text: str, reference: str) -> float:
    """Indel similarity of the characters, as `rapidfuzz.fuzz.ratio`: 2 * common subsequence / total length; two empty: 1."""
    total = len(text) + len(reference)
    return 2 * common_subsequence(text, reference) / total if total else 1.0


def rouge_n(text: Sequence[str], reference: Sequence[str], n: int) -> float:
    """ROUGE-N (Lin 2004) as F1 of the n-grams, without stemming, as rouge-score's `fmeasure`."""
    left, right = _grams(text, n), _grams(reference, n)
    return _f1((left & right).total(), left.total(), right.total())


def rouge_l(text: Sequence[str], reference: Sequence[str]) -> float:
    """ROUGE-L (Lin 2004) as F1 of the longest common subsequence, without stemming, as rouge-score's `fmeasure`."""
    return _f1(common_subsequence(text, reference), len(text), len(reference))


def bleu(text: Sequence[str], reference: Sequence[str]) -> float:
    """BLEU-4 (Papineni et al. 2002) of one sentence, as sacrebleu's `sentence_bleu` over ready tokens.

    An order without a match counts as 1/2, 1/4, ... of a match (exponential smoothing, Chen and Cherry 2014), and orders
    longer than the text are left out (effective order).
    """
    logs: list[float] = []
    halvings = 0
    found_any = False
    for n in range(1, 5):
        left = _grams(text, n)
        if not left:
            break
        found = (left & _grams(reference, n)).total()
        found_any = found_any or found > 0
        if not found:
            halvings += 1
        logs.append(math.log(found / left.total() if found else 0.5**halvings / left.total()))
    if not found_any:
        return 0.0
    brevity = min(0.0, 1 - len(reference) / len(text))
    return math.exp(brevity + sum(logs) / len(logs))


def gleu(text: Sequence[str], reference: Sequence[str]) -> float:
    """GLEU (Wu et al. 2016, section 4.3), as nltk's `sentence_gleu`: of all 1- to 4-grams the lesser of precision and recall."""
    found = left_total = right_total = 0
    for n in range(1, 5):
        left, right = _grams(text, n), _grams(reference, n)
        found += (left & right).total()
        left_total += left.total()
        right_total += right.total()
    most = max(left_total, right_total)
    return found / most if most else 0.0


def common_subsequence(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence, one row of bits at a time (Hyyrö 2004)."""
    places: dict[Hashable, int] = {}
    for index, element in enumerate(left):
        places[element] = places.get(element, 0) | 1 << index
    everything = (1 << len(left)) - 1
    row = everything
    for element in right:
        matched = row & places.get(element, 0)
        row = (row + matched | row - matched) & everything
    return len(left) - row.bit_count()


def _grams(sequence: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(sequence[start:] for start in range(n)), strict=False))


def _f1(found: int, left: int, right: int) -> float:
    return 2 * found / (left + right) if found else 0.0
