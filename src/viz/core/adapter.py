"""A model as every technique sees it: pixels in, named tensors out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from viz.core.agreement import Agreement, differences
from viz.core.errors import NotSupported, UnknownName
from viz.core.kernel import Kernel
from viz.core.labels import Labels
from viz.core.layer import Layer, LazyLayers, ReceptiveField
from viz.core.patch_plan import PatchPlan, whole
from viz.core.patch_runner import PatchRunner
from viz.core.patches import Patched
from viz.core.preprocess import Preprocess
from viz.core.recipe import Recipe
from viz.core.result import FloatArray
from viz.core.scores import Scores, Squash, per_image, probabilities
from viz.core.trace import INPUT_ROUNDING, Edge, Rule, Trace

if TYPE_CHECKING:
    from torch import Tensor

# The nouns that adapters speak in are imported from here or from where they are defined.
__all__ = [
    "FORWARD_ONLY",
    "INPUT_ROUNDING",
    "Adapter",
    "Edge",
    "Layer",
    "LazyLayers",
    "ModelSource",
    "ReceptiveField",
    "Rule",
    "Scores",
    "Squash",
    "Trace",
    "per_image",
    "probabilities",
]


FORWARD_ONLY = "these need none: viz occlusion, rise, recipro-cam, score-cam"


@dataclass(frozen=True)
class ModelSource:
    """What identifies a model in a record: how it was asked for, which bytes, which runtime."""

    name: str
    spec: str
    sha256: str
    runtime: str
    device: str = "cpu"
    details: Mapping[str, str] = field(default_factory=dict)


class Adapter(ABC):
    """Runs a model forward and returns any of its tensors. Preprocessing is inside: pixels are public.

    Attributes:
        source: what the model is and where it runs.
        layers: every tensor on offer, in execution order.
        outputs: names of the model's own outputs.
        scores: where class scores are, or None for a model that has no class scores.
        labels: the class names, possibly empty.
        preprocess: how pixels become the model's input.
        notes: what the user should know about how the model is run.
        recipe: how to open it again elsewhere; None for a model that is here only, such as a module at hand.
        parallel: how many calls of `run` may go on at the same time, from different threads.
        warnings: what may be wrong, above all preprocessing that had to be guessed.
        forward_tolerance: how far values of `trace` may be from those of `run`, relative to a tensor's largest,
            and still count as rounding.
    """

    source: ModelSource
    layers: Mapping[str, Layer]
    outputs: tuple[str, ...]
    scores: Scores | None
    labels: Labels
    preprocess: Preprocess
    notes: list[str]
    recipe: Recipe | None = None
    warnings: tuple[str, ...] = ()
    parallel: int = 1
    forward_tolerance: float = 1e-3

    @abstractmethod
    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """Values of `layers` for images (b, 3, h, w), RGB float32 in [0, 1]; first axis b, float32.

        Raises `OutOfMemory` where the device has no room for b images, `ModelError` otherwise.
        """

    def compare_precision(self, images: FloatArray) -> None:
        """Hold a few of a run's images (b, 3, h, w) against float32, for a model in reduced precision, and note it.

        Once: called again, and for any other model, it does nothing. `evidence` has the figures.
        """
        return

    def run_patched(self, patched: Patched, layers: Sequence[str]) -> dict[str, FloatArray]:
        """Values of `layers` for every variant of `patched`; see `run`.

        An adapter that can do this without drawing and preprocessing every variant overrides it; the
        values are the same.
        """
        return self.run(patched.drawn(), layers)

    def patch_plan(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchPlan:
        """How variants of an image with one square of `side` pixels replaced are computed; `cap` as in `Patched`.

        Where windows gain nothing or are out of reach, the plan's `reason` says why and `patch_runner` has none.
        """
        return whole(side, f"{self.source.runtime} shows no graph that windows could be computed on")

    def patch_runner(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchRunner | None:
        """What computes such variants by windows, as `patch_plan` says; None where its `reason` says why not."""
        return None

    def run_from(self, layer: str, values: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """Values of `layers` where the inner tensor `layer` has the given values (b, …), in the form that `run` gives.

        No image is needed: everything that `layers` follow from goes through `layer`. Raises `NotSupported`
        where something goes around it, naming that, or where its values cannot be given; else as `run`.
        """
        raise NotSupported(
            f"{self.source.name} ({self.source.runtime}) cannot be run from an inner layer on",
            "viz occlusion, rise and score-cam run the whole model only",
        )

    def trace(self, images: "Tensor", layers: Sequence[str], rule: Rule = "plain") -> Trace:
        """Values of `layers` with autograd back to `images`, a float32 tensor (b, 3, h, w), RGB in [0, 1].

        `images` may be on any device and needs `requires_grad` where gradients are wanted with respect to
        it; preprocessing is part of the graph. `rule` says what the backward pass does; the forward values
        are the same for all. Raises `NotSupported` where the model has no gradient, or where `rule` finds
        no operation that it could change; else as `run`.
        """
        raise NotSupported(f"{self.source.name} ({self.source.runtime}) gives no gradients", FORWARD_ONLY)

    def trace_double(self, images: "Tensor", layers: Sequence[str]) -> Trace:
        """`trace` in float64 throughout, from and to float64 and without rounding to whole numbers: for checks.

        Raises `NotSupported` where the model cannot be computed so without being changed.
        """
        raise NotSupported(f"{self.source.name} ({self.source.runtime}) cannot be computed in float64", "")

    def run_unrounded(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """`run` in float32 throughout, for a model that takes whole numbers or computes in half precision.

        It is what small steps of a pixel are tried on, which rounding would hide; the same as `run` for any
        other model. Raises `NotSupported` where the model cannot be run so.
        """
        return self.run(images, layers)

    def randomized(self, seed: int, part: float = 1.0) -> "Adapter":
        """The same network with the weights of its last layers drawn anew, as before training; this one stays as it is.

        `part`, above 0 up to 1, is the share of the layers that have weights, counted from the output towards the
        image, at least one. A larger part holds the same new weights as a smaller one, and more (cascading, Adebayo
        et al. 2018, section 3.1). Raises `NotSupported` where the weights are out of reach.
        """
        raise NotSupported(
            f"the weights of {self.source.name} ({self.source.runtime}) cannot be drawn anew",
            "leave the metric randomization out, or give an ONNX file or a torch model",
        )

    def at_size(self, size: tuple[int, int], layers: Sequence[str]) -> "Adapter":
        """The network up to `layers`, for images of another size (height, width) in pixels; this one stays as it is.

        What comes back has `layers` for outputs, no scores, and the layers that these follow from, with their
        shapes at that size; images are given to it in that size. Raises `NotSupported` where something before
        `layers` depends on the model's own size, naming it and what comes before; `OutOfMemory` where there is no
        room for an image.
        """
        raise NotSupported(
            f"{self.source.name} ({self.source.runtime}) takes images of {self.size[0]}x{self.size[1]} only",
            "leave the size to the model, or give an ONNX file or a torch module",
        )

    def agreement(self, image: FloatArray) -> Agreement:
        """How far each layer in the gradient pass is from that of `run`, for an image (3, h, w).

        Layers that only one of the two can show are left out: all of them, where the model has no gradient.
        What is above `forward_tolerance` is no rounding.
        """
        from viz.core.gradients import traced_layers

        found = differences(
            list(self.layers),
            lambda names: traced_layers(self, image[None], names),
            lambda names: self.run(image[None], names),
        )
        return Agreement(dict(found))

    def note(self, text: str) -> None:
        """Tell the user something about how the model is run, once."""
        if text not in self.notes:
            self.notes.append(text)

    def evidence(self) -> Mapping[str, object]:
        """How it is known that values and gradients are right, in plain values for run.json; {} where unknown."""
        return {}

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that `run` expects, in pixels."""
        return self.preprocess.size

    def layer(self, name: str) -> Layer:
        """The layer with this name or alias; raises `UnknownName` with the nearest ones."""
        found = self.layers.get(name) or self._by_alias().get(name)
        if found is None:
            listing = f"`viz layers --model {self.source.spec}` lists all {len(self.layers)}"
            raise UnknownName("layer", name, [*self.layers, *self._by_alias()], listing)
        return found

    def receptive_field(self, name: str) -> ReceptiveField | None:
        """The window of pixels that a layer's positions see; None where it is not known.

        The layer table has it where it follows from the graph; an adapter that has to run the model for it
        overrides this.
        """
        return self.layer(name).receptive_field

    def kernel(self, name: str) -> Kernel:
        """The weights that make a layer: its own, or those of the convolution or dense layer whose channels it has.

        What lies between may change values in place only (normalization, activation). Raises `NotSupported` with the
        reason where there is none, or the weights are out of reach; `UnknownName` for no layer.
        """
        raise NotSupported(
            f"the weights of {self.source.name} ({self.source.runtime}) are out of reach",
            "give an ONNX file or a torch module",
        )

    def channels_of(self, name: str) -> str:
        """The layer whose channels a layer has, one to one: itself, or where only values change in between, an earlier.

        Normalization, activation and pooling change values; a convolution, a sum and a join make new channels.
        Where that is not known, the layer itself.
        """
        return self.layer(name).name

    def kernels(self) -> Sequence[str]:
        """The outputs of all convolutions and dense layers that `kernel` knows, in execution order."""
        return ()

    def matching(self, pattern: str) -> list[Layer]:
        """The layers whose name or an alias matches a glob, in execution order."""
        return [
            layer
            for layer in self.layers.values()
            if any(fnmatchcase(name, pattern) for name in (layer.name, *layer.aliases))
        ]

    def _by_alias(self) -> dict[str, Layer]:
        """Aliases that mean one layer only."""
        owners: dict[str, list[Layer]] = {}
        for layer in self.layers.values():
            for alias in layer.aliases:
                owners.setdefault(alias, []).append(layer)
        return {alias: found[0] for alias, found in owners.items() if len(found) == 1}
