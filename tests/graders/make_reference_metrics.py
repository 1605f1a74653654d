"""Writes reference_metrics.json: what the reference packages said of some pairs of texts, each by a call of its own choosing.

Run by hand, in an environment of its own: pip install nltk==3.10.4 rouge-score==0.1.2 sacrebleu==2.6.0 rapidfuzz==3.14.6
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PAIRS = [
    ("The cat sat on the mat.", "The cat sat on the mat."),
    ("the cat sat on the mat", "The cat is sitting on the mat."),
    ("It is a guide to action which ensures that the military always obeys the commands of the party",
     "It is a guide to action that ensures that the military will forever heed Party commands"),
    ("the the the the the the the", "the cat is on the mat"),
    ("Motor overheating caused the trip of pump 14", "Pump 14 tripped because its motor overheated"),
    ("motors were running hotly, runs run", "the motor is running hot: running, run"),
    ("police killed the gunman", "the gunman police killed"),
    ("yes", "no"),
    ("yes", "yes"),
    ("cats", "cat"),
    ("", "something"),
    ("something", ""),
    ("...", "..."),
    ("code E41: check the fan!", "Code E41 - check the fan, then the filter."),
    ("one two three four five six seven", "one two three four five six seven eight nine ten"),
    ("one two three four five six seven eight nine ten", "one two three four five six seven"),
    ("a b c d e f", "f e d c b a"),
    ("a a a b b b", "b b b a a a"),
    ("Replacing the bearings is recommended; lubrication alone is insufficient.",
     "We recommend replacement of the bearing. Lubricating it alone is not sufficient."),
    ("price: 3.50 EUR (net)", "the price is 3.50 EUR net"),
    ("relational databases generalize nationally", "relation database generalizes national"),
    ("x" * 40, "x" * 30),
]  # fmt: skip


def main() -> None:
    from nltk.stem.porter import PorterStemmer
    from nltk.translate.gleu_score import sentence_gleu
    from nltk.translate.meteor_score import single_meteor_score
    from rapidfuzz import fuzz
    from rouge_score import rouge_scorer
    from sacrebleu import sentence_bleu

    class NoWordNet:
        """The third stage of METEOR finds nothing."""

        def synsets(self, _word: str) -> list[Any]:
            return []

    stemmer = PorterStemmer(mode=PorterStemmer.ORIGINAL_ALGORITHM)
    names = [f"rouge{n}" for n in (1, 2, 3, 4, 5, "L")]
    rouge = rouge_scorer.RougeScorer(names, use_stemmer=False)
    rows = []
    for text, reference in PAIRS:
        left, right = (re.findall(r"\w+|[^\w\s]", side) for side in (text, reference))
        scores = rouge.score(reference, text)
        rows.append(
            {
                "text": text,
                "reference": reference,
                "fuzzy_match": fuzz.ratio(text, reference) / 100,
                "bleu": sentence_bleu(" ".join(left), [" ".join(right)], tokenize="none", use_effective_order=True).score / 100
                if left and right
                else 0.0,
                "gleu": sentence_gleu([right], left) if left and right else 0.0,
                "meteor": single_meteor_score(
                    [token.lower() for token in right],
                    [token.lower() for token in left],
                    stemmer=stemmer,
                    wordnet=NoWordNet(),
                )
                if left and right
                else 0.0,
                **{"rouge_" + name.removeprefix("rouge").lower(): scores[name].fmeasure for name in names},
            }
        )
    content = {"pairs": rows}
    path = Path(__file__).with_name("reference_metrics.json")
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
