"""Texts as vectors for classical classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fitted_tfidf(texts: Sequence[str]) -> Any:
    """Fitted word (1-2) and character (2-5) TF-IDF side by side; None when there is nothing to count."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    vectorizers = {
        "words": TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        "characters": TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    }
    usable = []
    for name, vectorizer in vectorizers.items():
        analyse = vectorizer.build_analyzer()
        if any(analyse(text) for text in texts):
            usable.append((name, vectorizer))
    return FeatureUnion(usable).fit(texts) if usable else None
