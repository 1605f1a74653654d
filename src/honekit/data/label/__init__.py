"""Examples written, reviewed and relabelled by a person: what `hone data label` shows, keeps and writes."""

from honekit.data.label.form import Form, form_of_answers, form_of_project, form_of_schema, read_schema
from honekit.data.label.items import Item, items_of_chat, items_of_log, with_review
from honekit.data.label.record import answer_of
from honekit.data.label.session import Session

__all__ = [
    "Form",
    "Item",
    "Session",
    "answer_of",
    "form_of_answers",
    "form_of_project",
    "form_of_schema",
    "items_of_chat",
    "items_of_log",
    "read_schema",
    "with_review",
]
