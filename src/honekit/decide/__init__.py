"""Whether to fine-tune at all: an interview, readable rules, and a verdict with what would turn it.

`questions` reads and checks answers, `rules` says which rules fire, `verdict` weighs them, `cases` are worked examples.
"""

from honekit.decide.cases import Case, agreement, load_cases
from honekit.decide.questions import OPTIONS, Answers, Option, Question, load_questions, read_answers
from honekit.decide.record import decision_record
from honekit.decide.rules import Rule, load_rules
from honekit.decide.verdict import Decision, decide

__all__ = [
    "OPTIONS",
    "Answers",
    "Case",
    "Decision",
    "Option",
    "Question",
    "Rule",
    "agreement",
    "decide",
    "decision_record",
    "load_cases",
    "load_questions",
    "load_rules",
    "read_answers",
]
