"""What came of a generation: accepted, refused and why, and its tokens."""

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
