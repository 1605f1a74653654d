"""The sections of `hone.toml` that are short: data, retrieval, evaluation, gate, decision and prices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from honekit.project.section import Section


class ProjectSection(Section):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """Names the deployed alias `<name>@production`."""
    description: str = ""


class DataSection(Section):
    train: str
    more: tuple[str, ...] = ()
    """Further training files; `hone run` uses them, `hone demo` keeps to `train`."""
    validation: str
    test: str
    group: str = "id"
    """Key of the raw example whose values must not cross a split."""
    device_field: str | None = None
    """Answer field whose values must not cross into the slice named in `unseen_slice`."""
    unseen_slice: str | None = None
    forms: int = Field(1, ge=1, le=20)
    """Forms in which each training example is written. In the further ones the names that the answer copies (device ids, fault
    codes, section numbers) are drawn anew, and passages are shown where the form before had none, and the other way round."""
    word_dropout: float = Field(0.0, ge=0, le=0.5)
    """Share of the words of the input that the further forms leave out, drawn for each form; what the answer copies stays."""
    stratify: str | None = None
    """Answer field by which halves are drawn evenly; slices are always kept even."""
    slices: tuple[str, ...] = ()


class RetrievalSection(Section):
    documents: tuple[str, ...]
    label: str = "Passages"
    k: int | dict[str, int] = 3
    """Passages shown: the best of all documents, or so many of each (`k = { "manual.md" = 1, "signs.md" = 2 }`)."""

    @field_validator("k", mode="before")
    @classmethod
    def _is_a_number(cls, k: object) -> object:
        for number in k.values() if isinstance(k, dict) else [k]:
            if type(number) is not int or not 1 <= number <= 20:
                raise ValueError(f"{number!r} is no number of passages from 1 to 20")
        return k

    @model_validator(mode="after")
    def _names_each_document(self) -> RetrievalSection:
        if isinstance(self.k, dict) and set(self.k) != set(self.documents):
            raise ValueError(
                f"k names {', '.join(self.k) or 'nothing'}; give one number, or one for each of {', '.join(self.documents)}"
            )
        return self


class EvaluateSection(Section):
    few_shot_k: tuple[int, ...] = (2, 4)
    """Numbers of demonstrations to try on validation data."""
    few_shot_sets: int = Field(2, ge=1)
    """Different draws of demonstrations to try for each k."""
    choice_examples: int = Field(60, ge=4)
    """At most this many validation examples decide prompt and demonstrations."""
    subset: float = Field(0.5, gt=0, le=1)
    """Share of the test set that `hone demo` evaluates on; `--full` completes it."""
    latency_sample: int = Field(4, ge=1)
    bootstrap_resamples: int = Field(2000, ge=200)
    batch_size: int = Field(128, ge=1)
    seed: int = 0


class GateSection(Section):
    require_better_than: tuple[Literal["classical", "base", "base_few_shot", "base_few_shot_rag"], ...] = (
        "base",
        "base_few_shot",
        "base_few_shot_rag",
    )
    """Arms that the chosen tuned arm must beat on the primary metric, interval above zero after Holm's correction."""
    min_schema_validity: float = Field(0.95, ge=0, le=1)
    parity_items: int = Field(20, ge=1)
    rules: tuple[str, ...] = ()
    """Promotion rules, which count beside the two above (docs/guide/evaluate.md)."""

    @field_validator("rules", mode="before")
    @classmethod
    def _one_by_one(cls, given: Any) -> Any:
        """One text may hold several rules, with semicolons between them."""
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            return given
        return [rule for text in texts for part in text.split(";") if (rule := part.strip()) or ";" not in text]


class MeasureSection(Section):
    """What `hone decide measure` compares (`docs/guide/decide.md`)."""

    margin: float = Field(0.05, gt=0, lt=1)
    """How much worse on the primary metric than the best arm an arm may be to count as not worse."""
    requests: int = Field(100_000, ge=1)
    """Requests over which the cost of a training is spread."""
    prompts: tuple[str, ...] = ()
    """Files with further wordings of the system prompt, beside `task.prompts` and those made from the fields."""
    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.25, 0.5)
    """Parts of the training data that are trained on too, for the learning curve."""
    seeds: int = Field(1, ge=1, le=20)
    """Trainings of the whole recipe with different seeds, to see how far they differ; the first one is the arm `tuned`."""
    further_examples: tuple[Annotated[int, Field(ge=1)], ...] = (100, 300)
    """Numbers of further training examples whose gain is forecast."""
    endpoint: str | None = None
    """Base URL of an OpenAI-compatible provider, such as https://api.openai.com/v1, whose `model` is measured too."""
    model: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable with the provider's key."""
    per_million_tokens: float | None = Field(None, ge=0)
    """The provider's price, in and out together; default: `cost.alternative_per_million_tokens`."""

    @model_validator(mode="after")
    def _consistent(self) -> MeasureSection:
        if (self.endpoint is None) != (self.model is None):
            raise ValueError("endpoint and model belong together: give both, or none")
        return self


class DecideSection(Section):
    measure: MeasureSection = MeasureSection()


class CostSection(Section):
    currency: str = "USD"
    machine_per_hour: float = Field(0.10, ge=0)
    """Price of an hour of this machine."""
    alternative_per_million_tokens: float = Field(0.60, ge=0)
    """Price of a hosted model that would do the same with the few-shot prompt, for the break-even volume."""
    alternative_model: str | None = None
    """Name of that model, such as `gpt-4.1-mini`: its list price in dollars counts in place of the figure above."""
    label_per_example: float = Field(0.0, ge=0)
    """What a person's label of one training or validation example costs."""
    value_per_corrected_error: float = Field(0.0, ge=0)
    """What it is worth when a request is answered rightly that was answered wrongly."""
    requests_per_day: int | None = Field(None, ge=1)
    """Turns a payback in requests into days."""

    @model_validator(mode="after")
    def _in_dollars(self) -> CostSection:
        if self.alternative_model and self.currency != "USD":
            raise ValueError('alternative_model has its list price in dollars: set currency = "USD", or give the price yourself')
        return self
