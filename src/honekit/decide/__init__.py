"""Whether to fine-tune at all: an interview, readable rules, and a verdict with what would turn it.

`questions` reads and checks answers, `rules` says which rules fire, `scoring` weighs them, `flips` computes what would turn
the verdict, `conflicts` names contradictions, `confidence` says how sure it is, and `verdict` puts all of it together.
`cases` are worked examples, `agreement` how often the rules agree with them.
"""

from honekit.decide.agreement import agreement
from honekit.decide.cases import Case, load_cases
from honekit.decide.questions import OPTIONS, Answers, Option, Question, load_questions, questions_document, read_answers
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
    "questions_document",
    "read_answers",
]
