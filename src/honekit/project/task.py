"""`[task]`: the prompt, the fields of the answer, and how each is scored."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from honekit.project.section import Section

Score = Literal["macro_f1", "accuracy", "phrase", "set_f1", "none"]


class OutputField(Section):
    """One field of the answer, in the order in which the model writes it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: Literal["string", "enum", "list"]
    values: tuple[str, ...] = ()
    """Allowed values of an enum, or of a list's members."""
    nullable: bool = False
    min_items: int = 1
    max_items: int = 3
    score: Score = "accuracy"
    """macro_f1 over all `values`; accuracy by equality; phrase by normalised equality with any accepted phrase; set_f1."""
    metric: str | None = None
    """Name of the field's metric where `<name>_<score>` does not read well."""
    lenient: bool = False
    """Also score 'named anywhere in the answer' (`<name>_lenient_accuracy`), so that format alone decides nothing."""
    classical: bool = False
    """The classical baseline predicts this field."""
    from_retrieval: bool = False
    """Can only be known from a retrieved passage: it is the passage's reference, or null."""

    @model_validator(mode="after")
    def _consistent(self) -> OutputField:
        if self.type in ("enum", "list") and not self.values:
            raise ValueError(f"field {self.name!r} is of type {self.type} and needs `values`")
        if self.score == "macro_f1" and self.type != "enum":
            raise ValueError(f"field {self.name!r}: score macro_f1 needs type enum")
        if self.score == "set_f1" and self.type != "list":
            raise ValueError(f"field {self.name!r}: score set_f1 needs type list")
        return self

    @property
    def metric_name(self) -> str:
        """`category_macro_f1`, `severity_accuracy`, or the name given in `hone.toml`."""
        if self.metric:
            return self.metric
        return f"{self.name}_{'accuracy' if self.score == 'phrase' else self.score}"


class TaskSection(Section):
    input: str = "input"
    """Key of the raw example that holds the text to answer."""
    input_label: str = "Input"
    """Heading above that text in the prompt."""
    question: str = ""
    """A line below that text, in every prompt: a small model reads the text better when it is asked about it at once."""
    instructions: str
    """File with the system prompt that the tuned model is trained and asked with."""
    prompts: tuple[str, ...] = ()
    """Files with further wordings of the system prompt; the base's arms use the best of all on validation data."""
    format: Literal["json", "text"] = "json"
    """json: one object with all fields; text: the value of the only field, bare."""
    fields: tuple[OutputField, ...] = Field(min_length=1)
    primary_metric: str
    max_new_tokens: int = Field(160, ge=1)
    """The cap on an answer, in tokens: one for every arm."""

    @model_validator(mode="after")
    def _consistent(self) -> TaskSection:
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names):
            raise ValueError("two fields have the same name")
        if self.format == "text" and len(self.fields) != 1:
            raise ValueError('format = "text" needs exactly one field')
        if self.primary_metric not in self.metric_names():
            raise ValueError(
                f"primary_metric {self.primary_metric!r} is not a metric of this task; it has {', '.join(self.metric_names())}"
            )
        return self

    def metric_names(self) -> list[str]:
        """All quality metrics of the task, by the names used in reports, JSON and the gate."""
        names = ["json_validity", "schema_validity"] if self.format == "json" else ["schema_validity"]
        for field in self.fields:
            if field.score == "none":
                continue
            names.append(field.metric_name)
            if field.lenient:
                names.append(f"{field.name}_lenient_accuracy")
        names.append("field_exact_match")
        names += [f"field_exact_match_without_{field.name}" for field in self.fields if field.from_retrieval]
        return names

    def field(self, name: str) -> OutputField:
        return next(field for field in self.fields if field.name == name)
