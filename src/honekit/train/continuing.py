"""Going on from an adapter: checked against the base and the recipe, then loaded into what training moves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from honekit.errors import TrainError
from honekit.models import adapters, fingerprint, lora
from honekit.models.adapters import LoraAdapter
from honekit.project import TrainSection
from honekit.train.recipe import TrainSpec
from honekit.train.state import TrainState


@dataclass(frozen=True)
class Start:
    """The adapter that a job goes on from."""

    directory: Path
    adapter: LoraAdapter
    fingerprint: str

    def recipe(self, wanted: TrainSection) -> TrainSection:
        """The recipe with the adapter's own rank, scale and targets, which cannot be changed on the way."""
        targets = tuple(sorted({name.rsplit(".", 1)[-1] for name in self.adapter.pairs}))
        alpha = self.adapter.scale * self.adapter.rank
        # Validated anew: the adapter's numbers have to be ones that a recipe may hold.
        return TrainSection.model_validate({**wanted.model_dump(), "rank": self.adapter.rank, "alpha": alpha, "targets": targets})

    def load(self, model: nn.Module, state: TrainState) -> None:
        """Put the adapter's matrices in place of the fresh ones.

        Raises: TrainError[train.start_mismatch] when it does not cover exactly the injected layers in their shapes.
        """
        layers = dict(lora.layers(model))
        if layers.keys() != self.adapter.pairs.keys():
            missing, more = layers.keys() - self.adapter.pairs.keys(), self.adapter.pairs.keys() - layers.keys()
            raise self._mismatch(f"it has no matrices for {min(missing)}" if missing else f"the base has no layer {min(more)}")
        values: dict[str, Tensor] = {}
        for name, layer in layers.items():
            a, b = self.adapter.pairs[name]
            if a.shape != layer.lora_a.shape or b.shape != layer.lora_b.shape:
                raise self._mismatch(
                    f"{name} has A {tuple(a.shape)} and B {tuple(b.shape)} where the base needs "
                    f"{tuple(layer.lora_a.shape)} and {tuple(layer.lora_b.shape)}"
                )
            values |= {f"{name}.lora_a": a.float(), f"{name}.lora_b": b.float()}
        state.load(values)

    def _mismatch(self, what: str) -> TrainError:
        return TrainError(
            "train.start_mismatch",
            what=f"training cannot go on from this adapter: {what}",
            where=str(self.directory),
            mend="go on from an adapter that changes the same linear layers in every block, or start without one",
        )


def read_start(spec: TrainSpec, base_fingerprint: str) -> Start | None:
    """The job's starting adapter, or None when it starts from the base.

    Raises: TrainError[train.start_method | train.start_wrong_base | train.start_changed | train.start_mismatch]; ModelError for
    an adapter that is missing, damaged or no plain LoRA.
    """
    if spec.start_from is None:
        return None
    directory = Path(spec.start_from)
    if spec.recipe.method != "lora":
        raise TrainError(
            "train.start_method",
            what="a full fine-tuning cannot go on from an adapter",
            where=str(directory),
            mend='set train.method = "lora", or give a base into which the adapter is merged',
        )
    origin = adapters.read_origin(directory)
    if origin.base_fingerprint != base_fingerprint:
        raise TrainError(
            "train.start_wrong_base",
            what=f"the adapter to go on from was made on another base: {origin.base} with fingerprint {origin.base_fingerprint}, "
            f"and this job trains {spec.base} with {base_fingerprint}",
            where=str(directory),
            mend=f"train on {origin.base}, or go on from an adapter of {spec.base}",
        )
    found = fingerprint.fingerprint_adapter(directory)
    if spec.start_fingerprint not in (None, found):
        raise TrainError(
            "train.start_changed",
            what=f"the adapter to go on from is not the one that the job was made with: its fingerprint is {found}, "
            f"it was {spec.start_fingerprint}",
            where=str(directory),
            mend="put the adapter back, or start a new job from this one",
        )
    adapter = adapters.read_adapter(directory)
    if not (adapter.scale > 0 and adapter.rank <= 1024):
        raise TrainError(
            "train.start_mismatch",
            what=f"training cannot go on from this adapter: its rank is {adapter.rank} and its scale {adapter.scale:g}",
            where=str(directory),
            mend="go on from an adapter of rank 1 to 1024 with a positive alpha",
        )
    return Start(directory, adapter, found)
