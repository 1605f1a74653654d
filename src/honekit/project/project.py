"""A loaded project: all its sections, and the files that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import model_validator

from honekit.errors import SettingsError
from honekit.project.recipe import TrainSection
from honekit.project.section import Section
from honekit.project.sections import (
    CostSection,
    DataSection,
    DecideSection,
    EvaluateSection,
    GateSection,
    ProjectSection,
    RetrievalSection,
)
from honekit.project.task import TaskSection

_NEEDED = {"dpo": "pairs of answers", "reinforcement": "a grader"}


class Project(Section):
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
                what=f"the file that {key} names cannot be read: {reason(fault)}",
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

    def with_recipe(self, **changes: Any) -> Project:
        """The project with other values in `train`, which are not checked."""
        return self.model_copy(update={"train": self.train.model_copy(update=changes)})

    @property
    def system_prompt(self) -> str:
        return self.read_text(self.task.instructions)

    @property
    def state_dir(self) -> Path:
        """Runs, caches and the lock of this project."""
        return self.root / ".hone"


def reason(fault: ValueError | OSError) -> str:
    """In words, without the path, which stands beside it."""
    if isinstance(fault, UnicodeDecodeError):
        line = fault.object[: fault.start].count(b"\n") + 1
        return f"line {line} is not UTF-8 (byte 0x{fault.object[fault.start]:02x})"
    return (fault.strerror or str(fault)).lower() if isinstance(fault, OSError) else str(fault)
