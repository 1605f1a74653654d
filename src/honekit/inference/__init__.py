"""Generation: many sequences at once on one model, with shared prompt prefixes computed once."""

from honekit.inference.engine import Engine, load_engine
from honekit.inference.requests import Completion, Request, Token, Work
from honekit.inference.sampling import SamplingParams
from honekit.inference.session import Session

__all__ = ["Completion", "Engine", "Request", "SamplingParams", "Session", "Token", "Work", "load_engine"]
