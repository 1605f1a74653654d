"""How alike two texts are, in [0, 1], by the metrics that OpenAI's text_similarity graders name.

Their exact implementations are not published; each function here says which published definition it follows, and takes the
package that is its reference where that can be had. Words are runs of letters and digits; tokens are words and single marks.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

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
    """Indel similarity of the characters: 2 * longest common subsequence / total length; two empty texts: 1."""
    from rapidfuzz import fuzz

    return fuzz.ratio(text, reference) / 100


def rouge_n(text: Sequence[str], reference: Sequence[str], n: int) -> float:
    """ROUGE-N (Lin 2004) as F1 of the n-grams, without stemming, as rouge-score's `fmeasure`.

    That package comes as a source archive only, which would be built on every user's machine.
    """
    left, right = (Counter(zip(*(side[start:] for start in range(n)), strict=False)) for side in (text, reference))
    found = (left & right).total()
    return 2 * found / (left.total() + right.total()) if found else 0.0


def rouge_l(text: Sequence[str], reference: Sequence[str]) -> float:
    """ROUGE-L (Lin 2004) as F1 of the longest common subsequence, without stemming, as rouge-score's `fmeasure`."""
    from rapidfuzz.distance import LCSseq

    found = LCSseq.similarity(text, reference)
    return 2 * found / (len(text) + len(reference)) if found else 0.0


def bleu(text: Sequence[str], reference: Sequence[str]) -> float:
    """BLEU-4 (Papineni et al. 2002) of one sentence over ready tokens, with exponential smoothing (Chen and Cherry 2014)."""
    from sacrebleu import sentence_bleu

    if not text or not reference:
        return 0.0
    return min(1.0, float(sentence_bleu(" ".join(text), [" ".join(reference)], tokenize="none").score) / 100)


def gleu(text: Sequence[str], reference: Sequence[str]) -> float:
    """GLEU (Wu et al. 2016, section 4.3): of all 1- to 4-grams the lesser of precision and recall."""
    from nltk.translate.gleu_score import sentence_gleu

    if not text or not reference:
        return 0.0
    return float(sentence_gleu([reference], text))
