"""One answer against one example, by the fields that `hone.toml` declares."""

from honekit.graders.fields import Graded, Item, Parsed, grade, grade_parsed, grade_values
from honekit.graders.labels import NO_ANSWER, NULL_LABEL, classes, named_label, strict_label

__all__ = [
    "NO_ANSWER",
    "NULL_LABEL",
    "Graded",
    "Item",
    "Parsed",
    "classes",
    "grade",
    "grade_parsed",
    "grade_values",
    "named_label",
    "strict_label",
]
