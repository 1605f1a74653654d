"""What came of a generation: accepted, refused and why, tokens and their price."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Tally:
    """What came of it, over all runs of this output."""

    wanted: int
    accepted: int = 0
    requests: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def is_enough(self) -> bool:
        return self.accepted >= self.wanted

    def sentence(self) -> str:
        """Why there are too few."""
        reasons = ", ".join(f"{reason} ({count})" for reason, count in self.refused.most_common(3))
        return (
            f"the endpoint gave {self.accepted} acceptable examples of the {self.wanted} wanted in {self.requests} requests"
            + (f"; most often refused: {reasons}" if reasons else "")
        )

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "refused": dict(self.refused)}


def cost_usd(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """The list price of so many tokens; None for a model that has none, such as one's own."""
    from genai_prices import Usage, calc_price

    try:
        price = calc_price(Usage(input_tokens=input_tokens, output_tokens=output_tokens), model_ref=model)
    except LookupError:
        return None
    return float(price.total_price)
