"""Generation: many sequences at once on one model, with shared prompt prefixes computed once."""

from honekit.inference.engine import Completion, Engine, Request, Session, Token, Work, load_engine
from honekit.inference.sampling import SamplingParams

__all__ = ["Completion", "Engine", "Request", "SamplingParams", "Session", "Token", "Work", "load_engine"]
