"""`hone.toml`: everything that makes one task different from another.

The pipeline reads a `Project` and knows nothing else about the task: the fields of the answer and how each is scored,
the slices, the documents for retrieval, the recipe, the gate and the prices all come from here.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from honekit.errors import SettingsError
from honekit.settings import Device

Score = Literal["macro_f1", "accuracy", "phrase", "set_f1", "none"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ProjectSection(_Section):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """Names the deployed alias `<name>@production`."""
    description: str = ""


class OutputField(_Section):
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


class TaskSection(_Section):
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


class DataSection(_Section):
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


class RetrievalSection(_Section):
    documents: tuple[str, ...]
    label: str = "Passages"
    k: int = Field(3, ge=1, le=20)


class ReinforcementSection(_Section):
    """How a reinforcement job explores and is evaluated (`docs/training.md`)."""

    group_size: int = Field(8, ge=2, le=80)
    """Answers that are drawn for each prompt of a step, and compared with each other."""
    max_new_tokens: int = Field(256, ge=1)
    """The cap on an answer, in tokens."""
    updates: int = Field(1, ge=1, le=8)
    """Optimizer updates on the answers of one step; more than one is held back by `clip`."""
    clip: float = Field(0.2, gt=0, lt=1)
    """How far the ratio of new to old probability counts, as a distance from 1."""
    kl_weight: float = Field(0.02, ge=0, le=10)
    """Weight of the distance to the model that training starts from; 0 leaves it out and saves a pass."""
    eval_interval: int | None = Field(None, ge=1)
    """Steps between evaluations on the validation file, beside those after each epoch."""
    eval_samples: int = Field(4, ge=1)
    """Answers that an evaluation draws for each validation prompt."""


class TrainSection(_Section):
    """The recipe. What was tried, and with which result, stands in `docs/lab-notes.md`."""

    base: str = "smollm2-135m"
    objective: Literal["supervised", "dpo", "reinforcement"] = "supervised"
    """supervised: imitate the answers of conversations; dpo: prefer one answer over another; reinforcement: write answers and
    make those likelier that a grader rates higher (`docs/training.md`)."""
    beta: float = Field(0.1, gt=0, le=2)
    """DPO only: how closely the model is held to where it starts; higher is closer."""
    method: Literal["lora", "full"] = "lora"
    rank: int = Field(16, ge=1, le=1024)
    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    learning_rate: float = Field(1e-3, gt=0)
    warmup_ratio: float = Field(0.1, ge=0, lt=1)
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    epochs: int = Field(5, ge=1, le=50)
    batch_size: int = Field(8, ge=1, le=256)
    """Examples per optimizer step."""
    select_by: Literal["loss", "accuracy"] = "loss"
    """What makes a checkpoint the best: the validation loss, or the token accuracy there. With long answers and few examples
    the loss rises from overconfidence while the answers still improve (`docs/lab-notes.md`)."""
    early_stopping_patience: int = Field(2, ge=0)
    """Epochs without a better checkpoint before training stops; 0 never stops early."""
    field_weights: dict[str, Annotated[float, Field(gt=0)]] = {}
    """How much more a field's value counts in the loss than the rest of a JSON answer, such as { category = 4 }."""
    max_length: int | None = Field(None, ge=16)
    """Tokens per example; longer ones are cut. Default: the base's context."""
    seed: int = Field(0, ge=0, le=2**31 - 1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Device = "auto"
    checkpoint_steps: int = Field(10, ge=1)
    """Optimizer steps between checkpoints, counted from the beginning of an epoch; there is one at its end as well."""
    reinforcement: ReinforcementSection | None = None
    """Only for that objective, which has its defaults without it."""

    @model_validator(mode="after")
    def _consistent(self) -> TrainSection:
        if self.objective != "supervised" and self.field_weights:
            raise ValueError('field_weights belong to objective = "supervised": the others rate whole answers')
        if self.objective != "reinforcement" and self.reinforcement:
            raise ValueError('the reinforcement section belongs to objective = "reinforcement"')
        if self.objective == "reinforcement" and self.select_by != "loss":
            raise ValueError('select_by = "accuracy" has no meaning for objective = "reinforcement", which goes by the reward')
        return self

    @property
    def exploring(self) -> ReinforcementSection:
        """The reinforcement section, or its defaults."""
        return self.reinforcement or ReinforcementSection()

    @property
    def updates(self) -> int:
        """Optimizer updates that a step makes of its examples."""
        return self.exploring.updates if self.objective == "reinforcement" else 1


_NEEDED = {"dpo": "pairs of answers", "reinforcement": "a grader"}


class EvaluateSection(_Section):
    few_shot_k: tuple[int, ...] = (2, 4)
    """Numbers of demonstrations to try on validation data."""
    few_shot_sets: int = Field(1, ge=1)
    """Different draws of demonstrations to try for each k."""
    choice_examples: int = Field(60, ge=4)
    """At most this many validation examples decide prompt and demonstrations."""
    subset: float = Field(0.5, gt=0, le=1)
    """Share of the test set that `hone demo` evaluates on; `--full` completes it."""
    latency_sample: int = Field(4, ge=1)
    bootstrap_resamples: int = Field(2000, ge=200)
    batch_size: int = Field(128, ge=1)
    seed: int = 0


class GateSection(_Section):
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


class MeasureSection(_Section):
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


class DecideSection(_Section):
    measure: MeasureSection = MeasureSection()


class CostSection(_Section):
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


class Project(_Section):
    """A loaded `hone.toml`. Paths in it are relative to `root`."""

    root: Path
    project: ProjectSection
    task: TaskSection
    data: DataSection
    retrieval: RetrievalSection | None = None
    train: TrainSection = TrainSection()
    evaluate: EvaluateSection = EvaluateSection()
    gate: GateSection = GateSection()
    cost: CostSection = CostSection()
    decide: DecideSection = DecideSection()

    def path(self, relative: str) -> Path:
        return self.root / relative

    def read_text(self, relative: str) -> str:
        """A prompt or document of the project, without the trailing newline.

        Raises: SettingsError[settings.file_unreadable], also for a prompt that is empty.
        """
        path, key = self.path(relative), self._key_of(relative)
        try:
            text = path.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as fault:
            raise SettingsError(
                "settings.file_unreadable",
                what=f"the file that {key} names cannot be read: {_reason(fault)}",
                where=str(path),
                mend="write the file as UTF-8" if isinstance(fault, UnicodeDecodeError) else f"mend the path in hone.toml, {key}",
            ) from fault
        if not text.strip() and key != "retrieval.documents":
            raise SettingsError(
                "settings.file_unreadable", what=f"the file that {key} names is empty", where=str(path), mend="write the prompt"
            )
        return text

    def _key_of(self, file: str) -> str:
        named = {
            "task.instructions": (self.task.instructions,),
            "task.prompts": self.task.prompts,
            "retrieval.documents": self.retrieval.documents if self.retrieval else (),
        }
        return next((key for key, files in named.items() if file in files), "hone.toml")

    @model_validator(mode="after")
    def _known_fields(self) -> Project:
        if self.train.objective != "supervised":
            raise ValueError(
                f"train.objective = {self.train.objective!r} needs {_NEEDED[self.train.objective]}, which a project has none of; "
                'leave it at "supervised" here'
            )
        known = [field.name for field in self.task.fields]
        named = {"data.stratify": (self.data.stratify,), "data.device_field": (self.data.device_field,)}
        for key, names in {**named, "train.field_weights": self.train.field_weights}.items():
            unknown = sorted(name for name in names if name is not None and name not in known)
            if unknown:
                raise ValueError(f"{key} names no field of the task: {', '.join(unknown)}; it has {', '.join(known)}")
        unseen = self.data.unseen_slice
        if unseen is not None and unseen not in self.data.slices:
            raise ValueError(f"data.unseen_slice {unseen!r} is none of data.slices: {', '.join(self.data.slices)}")
        return self

    @property
    def system_prompt(self) -> str:
        return self.read_text(self.task.instructions)

    @property
    def state_dir(self) -> Path:
        """Runs, caches and the lock of this project."""
        return self.root / ".hone"


def load_project(path: Path) -> Project:
    """Read `hone.toml` (or the folder that holds it); report every fault in it at once.

    Raises: SettingsError[settings.project_missing | settings.toml_syntax | settings.project_invalid].
    """
    file = path / "hone.toml" if path.is_dir() else path
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise SettingsError(
            "settings.project_missing",
            what="there is no hone.toml here",
            where=str(file),
            mend="run `hone init --from YOUR_FILE`, or go to the folder of a project",
        ) from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as fault:
        raise _unreadable(file, fault) from fault
    try:
        return Project.model_validate({**raw, "root": file.parent.resolve()})
    except ValidationError as fault:
        faults = _faults(fault, raw)
    # Not raised from pydantic's error: that keeps a validator's own, and so all frames, where no collection of garbage looks.
    raise SettingsError(
        "settings.project_invalid",
        what="hone.toml does not fit:\n" + "\n".join(f"    {line}" for line in faults),
        where=str(file),
        mend="mend the named keys; `hone init --example` prints a commented hone.toml",
    )


def _unreadable(file: Path, fault: tomllib.TOMLDecodeError | UnicodeDecodeError | OSError) -> SettingsError:
    mend = "mend that line"
    if isinstance(fault, OSError):
        mend = "put a file there that you may read; `hone init --example` prints one"
    elif file.suffix != ".toml":
        mend = f"name a folder with a hone.toml; `hone init NEW_FOLDER --from {file}` makes one of a file with examples"
    elif isinstance(fault, UnicodeDecodeError):
        mend = "save the file as UTF-8"
    return SettingsError("settings.toml_syntax", what=f"{file.name} cannot be read: {_reason(fault)}", where=str(file), mend=mend)


def _reason(fault: ValueError | OSError) -> str:
    """In words, without the path, which stands beside it."""
    if isinstance(fault, UnicodeDecodeError):
        line = fault.object[: fault.start].count(b"\n") + 1
        return f"line {line} is not UTF-8 (byte 0x{fault.object[fault.start]:02x})"
    return (fault.strerror or str(fault)).lower() if isinstance(fault, OSError) else str(fault)


def _faults(fault: ValidationError, raw: dict[str, Any]) -> list[str]:
    lines = []
    for error in fault.errors():
        location = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            message = "unknown key" + _nearest(str(error["loc"][-1]), error["loc"][:-1])
        lines.append(f"{location}: {message}" if location else message)
    return lines


def _nearest(key: str, parents: tuple[int | str, ...]) -> str:
    model: Any = Project
    for part in parents:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if model is None:
            return ""
    close = difflib.get_close_matches(key, model.model_fields, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; allowed: {', '.join(model.model_fields)}"
