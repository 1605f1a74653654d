"""A map of the examples: alike ones lie close together, so that clusters, gaps and outliers are seen.

TF-IDF of the users' words, truncated SVD, k-means on its dimensions, and the two directions that differ most to draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DIMENSIONS = 50
MAX_CLUSTERS = 8
EXAMPLES_PER_CLUSTER = 25
TERMS = 3
EDGE = 0.01
"""Share of the examples at either end of an axis that may stand at its edge."""
LEAST = 12
"""With fewer examples there is nothing to see."""


@dataclass(frozen=True)
class ClusterMap:
    """Positions in 0..1 and a cluster for each text; clusters are named by the words that set them apart."""

    points: list[tuple[float, float]]
    clusters: list[int]
    names: list[str]


def cluster_map(texts: Sequence[str]) -> ClusterMap | None:
    """The map of some thousand texts, the same for the same texts; None where they are too few or have no words."""
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA, TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(texts) < LEAST:
        return None
    vectorizer = TfidfVectorizer(sublinear_tf=True, max_features=20_000, min_df=2, max_df=0.5)
    try:
        weights = vectorizer.fit_transform(texts)
    except ValueError:  # no word is left: texts of symbols, or each word in one text only
        return None
    wide = min(DIMENSIONS, weights.shape[1] - 1, len(texts) - 1)
    if wide < 2:
        return None
    places = TruncatedSVD(wide, random_state=0).fit_transform(weights)
    distinct = len({tuple(place) for place in places.round(6).tolist()})
    count = max(1, min(MAX_CLUSTERS, len(texts) // EXAMPLES_PER_CLUSTER + 1, distinct))
    clusters = KMeans(count, n_init=3, random_state=0).fit_predict(places)
    flat = PCA(2, random_state=0).fit_transform(places)
    # Single far-off texts would press all others together; they stand at the edge instead.
    low, high = np.quantile(flat, EDGE, axis=0), np.quantile(flat, 1 - EDGE, axis=0)
    scaled = np.clip((flat - low) / np.maximum(high - low, 1e-9), 0, 1)
    order = [int(cluster) for cluster, _ in _by_size(clusters)]
    renamed = {cluster: place for place, cluster in enumerate(order)}
    words = vectorizer.get_feature_names_out()
    names = [_name(weights, clusters == cluster, words) for cluster in order]
    return ClusterMap([(round(float(x), 4), round(float(y), 4)) for x, y in scaled], [renamed[int(c)] for c in clusters], names)


def _by_size(clusters: Any) -> list[tuple[Any, int]]:
    return Counter(clusters.tolist()).most_common()


def _name(weights: Any, inside: Any, words: Any) -> str:
    """The words whose mean weight inside exceeds that outside most; English words without a content name nothing."""
    import numpy as np
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    here = np.asarray(weights[inside].mean(axis=0)).ravel()
    elsewhere = np.asarray(weights[~inside].mean(axis=0)).ravel() if not inside.all() else np.zeros_like(here)
    best = [place for place in np.argsort(elsewhere - here, kind="stable") if words[place] not in ENGLISH_STOP_WORDS]
    return ", ".join(str(words[place]) for place in best[:TERMS] if here[place] > elsewhere[place]) or "no word of its own"
