"""The words of refusals by rote, and of assistants that speak of themselves as one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from honekit.data.checks.quality.cues import AI, BEGINNINGS, REFUSAL, SPEAKS_AS_AI

_AI = re.compile(SPEAKS_AS_AI, re.I)
_SORRY = r"\s*(?:I(?:['’]| a)m (?:\w+ )?(?:sorry|afraid)|sorry|I apologi[sz]e|unfortunately|apologies)?[,;.:]?\s*(?:but |that )?"
_HELP = (
    r"(?:help|assist|answer|fulfil+|comply|do (?:that|this)|provide|continue|respond|complete|process|support"
    r"|discuss|engage)\b"
)
_REFUSAL = re.compile(
    rf"{_SORRY}I(?: ca(?:n['’]?|n ?no)t| won['’]?t| will not be able to|(?: a|['’])m (?:unable|not able) to) {_HELP}"
    rf"|{_SORRY}I(?: do not|(?: don['’]?t)|['’]m not| am not) (?:feel )?comfortable\b"
    rf"|{_SORRY}I (?:must|have to) (?:respectfully )?decline\b"
    rf"|{_SORRY}(?:that|this)(?: is|['’]s) (?:against|not something I can)\b"
    rf"|{_SORRY}I(?: do not|(?: don['’]?t)) have (?:the (?:ability|capability)|access to real[- ]time)\b"
    r"|\s*(?:Es tut mir leid|Tut mir leid|Leider)[^.\n]{0,30}kann (?:ich )?[^.\n]{0,60}nicht\b"
    r"|\s*(?:Je suis )?désolée?, (?:mais )?je ne peux pas|\s*Lo siento, (?:pero )?no puedo"
    r"|\s*(?:Sinto muito|Desculpe), (?:mas )?não posso|\s*Mi dispiace, (?:ma )?non posso"
    r"|\s*(?:很?抱歉|对不起)[,，]我(?:不能|无法)"
    r"|\s*申し訳(?:ありません|ございません)が[、,][^。\n]{0,40}(?:お手伝い|お答え|回答|対応|お応え)[^。\n]{0,12}(?:ません|ねます)",
    re.I,
)
_OTHER_WAY = re.compile(r"[^.!?\n]{0,80}\bbut you (?:can|could|may|might)\b", re.I)
"""Who names another way does not refuse by rote."""
_OFFER = re.compile(
    r"\b(?:would you like|shall (?:I|we)|do you want|instead|talk to"
    r"|I can (?:gladly |also )?(?:help|show|explain|suggest|offer|give|tell)"
    r"|I(?: would|['’]d) (?:suggest|recommend))\b",
    re.I,
)
_STOCK = re.compile(r"\b(?:else|other|further|different|feel free|questions?|happy to)\b", re.I)
"""Of what comes by rote behind a refusal."""
_AI_WORDS = (
    " ai", " ia", " ki", "artific", "künstl", "language m", "sprachm", "langage", "lengu", "lingu", "语言", "言語", "人工",
    "nowledge ", "y training", " my last ", "openai", "anthropic", "chatgpt",
)  # fmt: skip
_BEGINNING_CHARS = 250
_OFFER_CHARS = 400


def speaks_as_ai(text: str) -> bool:
    return bool(_AI.search(text))


def refusal_in(text: str, cues: Sequence[int] = (REFUSAL, AI)) -> str | None:
    """The words of a refusal by rote at the beginning of a text, or of an assistant that speaks of itself as an AI."""
    beginning = text[:_BEGINNING_CHARS].lstrip().lower()
    found = _REFUSAL.match(text) if REFUSAL in cues and beginning.startswith(BEGINNINGS) else None
    if not found and AI in cues and any(map(beginning.__contains__, _AI_WORDS)):
        found = _AI.search(text[:_BEGINNING_CHARS])
    if found and not _AI.search(found[0]) and _OTHER_WAY.match(text, found.end()):
        return None
    return found[0].strip() if found else None


def offers_more(text: str, refusal: str) -> bool:
    """Whether what follows a refusal offers something of its own: then it was written for this question."""
    end = text.find(refusal) + len(refusal)
    rest = text[end : end + _OFFER_CHARS]
    return bool(_OFFER.search(rest)) and not _STOCK.search(rest)
