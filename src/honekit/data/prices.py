"""List prices of hosted models, from the genai-prices library as it is installed; nothing is looked up online."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime
from importlib import metadata

LIBRARY = "genai-prices"


def cost_usd(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """The list price of so many tokens; None for a model that has none, such as one's own."""
    from genai_prices import Usage, calc_price

    try:
        price = calc_price(Usage(input_tokens=input_tokens, output_tokens=output_tokens), model_ref=model)
    except LookupError:
        return None
    return float(price.total_price)


def per_million_usd(model: str, tokens: float, answer_tokens: float) -> float | None:
    """Dollars for a million tokens, in and out together, where `answer_tokens` of `tokens` are the answer's; None as above."""
    share = answer_tokens / tokens if tokens else 0.0
    return cost_usd(model, round(1e6 * (1 - share)), round(1e6 * share))


def list_price_of(model: str) -> str:
    """How a price of this model is told: where it is from, and how old that is."""
    return f"list price of {model}, {price_data()}"


def no_list_price_of(model: str) -> str:
    """The same for a model that has none."""
    return f"there is no list price of {model} in {price_data()}"


@functools.cache
def price_data() -> str:
    """The library's version with the day on which the newest of its prices that are in force began.

    The library does not say when its data were gathered; they are not older than that day.
    """
    newest = newest_price()
    return f"{LIBRARY} {metadata.version(LIBRARY)}" + (f" (newest price of {newest.isoformat()})" if newest else "")


def newest_price() -> date | None:
    """The latest day, today at most, on which a price of the library began; None when it names no days."""
    from genai_prices.data import providers

    today = datetime.now(UTC).date()
    starts = [
        start
        for provider in providers
        for model in provider.models
        if isinstance(model.prices, list)
        for price in model.prices
        if (start := getattr(price.constraint, "start_date", None)) is not None
    ]
    return max((start for start in starts if start <= today), default=None)
