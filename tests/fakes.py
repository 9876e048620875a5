"""Small exact models for tests: their every output can be worked out by hand."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from viz.core.adapter import Adapter, Layer, ModelSource, Rule, Scores, Squash, Trace
from viz.core.errors import ImageError, NotSupported
from viz.core.gradients import input_gradients
from viz.core.images import fit, to_bytes
from viz.core.labels import Labels
from viz.core.making import Photos, Picture, Piece
from viz.core.options import Opt
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray
from viz.core.target import class_target
from viz.core.technique import TechniqueInfo, declared


class LinearModel(Adapter):
    """Class scores that are weighted sums of pixels: score = sum(weights * image) + bias.

    Layers: `pixels` (b, 3, h, w), the image as it came; `products` (b, classes, h, w), each class's
    contributions per pixel; `scores` (b, classes); with `squash`, also `probabilities`. `batches` holds
    the number of images of every call of `run`.
    """

    def __init__(
        self,
        weights: FloatArray,
        bias: Sequence[float] | float = 0.0,
        names: Sequence[str] = (),
        squash: Squash = "none",
        spec: str = "linear.onnx",
    ):
        self.weights = np.asarray(weights, np.float32)
        classes, _, height, width = self.weights.shape
        self.bias = np.broadcast_to(np.asarray(bias, np.float32), (classes,))
        self.source = ModelSource(spec.rsplit(".", 1)[0], spec, "0" * 64, "fake")
        self.labels = Labels(tuple(names), "test")
        self.preprocess = Preprocess(size=(height, width))
        self.scores = Scores(classes, "scores", "probabilities" if squash != "none" else None, squash)
        self.outputs = ("scores",)
        self.layers = {
            "pixels": Layer("pixels", "Input", (None, 3, height, width)),
            "products": Layer("products", "Mul", (None, classes, height, width), aliases=("Mul_0", "features.0")),
            "scores": Layer("scores", "Sum", (None, classes), aliases=("Sum_0", "head")),
            "probabilities": Layer("probabilities", "Squash", (None, classes)),
        }
        self.notes: list[str] = []
        self.batches: list[int] = []

    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run`."""
        assert images.ndim == 4 and images.dtype == np.float32, f"{images.shape} {images.dtype}"
        assert images.shape[1:] == self.weights.shape[1:], "images of another size than the model's"
        self.batches.append(len(images))
        return {name: self._value(images, name).astype(np.float32) for name in layers}

    def trace(self, images, layers: Sequence[str], rule: Rule = "plain") -> Trace:
        """See `Adapter.trace`; a linear model has nothing for a rule to change."""
        import torch

        if rule not in ("plain", "redirected"):
            raise NotSupported(f"{rule}: a linear model has no rectifier")
        weights, bias = torch.from_numpy(self.weights), torch.from_numpy(np.array(self.bias))
        products = torch.einsum("kchw,bchw->bkhw", weights, images)
        scores = products.sum(dim=(2, 3)) + bias
        values = {"pixels": images, "products": products, "scores": scores}
        if "probabilities" in layers:
            kind = self.scores.to_probability if self.scores else "none"
            values["probabilities"] = {"softmax": scores.softmax(1), "sigmoid": scores.sigmoid(), "none": scores}[kind]
        return Trace({name: values[name] for name in layers})

    def _value(self, images: FloatArray, layer: str) -> FloatArray:
        if layer == "pixels":
            return images
        if layer == "products":
            return np.einsum("kchw,bchw->bkhw", self.weights, images)
        scores = np.einsum("kchw,bchw->bk", self.weights.astype(float), images.astype(float)) + self.bias
        return scores if layer == "scores" or not self.scores else _squashed(scores, self.scores.to_probability)


class SumModel(LinearModel):
    """One class, whose score is the sum of all input pixels: the occlusion map of a constant image is flat."""

    def __init__(self, size: tuple[int, int] = (100, 100)):
        super().__init__(np.ones((1, 3, *size), np.float32), spec="sum.onnx")


class WithoutScores(LinearModel):
    """A model that shows tensors and has no class scores, as a detector or an encoder."""

    def __init__(self, weights: FloatArray):
        super().__init__(weights, spec="encoder.onnx")
        self.scores = None


def _squashed(scores: FloatArray, squash: Squash) -> FloatArray:
    """Written apart from `viz.core.adapter.probabilities`, so that tests compare two things."""
    if squash == "softmax":
        return np.stack([np.exp(row - np.logaddexp.reduce(row)) for row in scores.astype(float)])
    return {"sigmoid": lambda s: 0.5 * (1 + np.tanh(s / 2)), "exp": np.exp, "none": lambda s: s}[squash](scores)


class TensorModel(Adapter):
    """A model without class scores whose tensors are functions of the images, in arithmetic that torch has too.

    `functions` maps each layer's name to a function of images (b, 3, h, w), given as numpy arrays to `run` and as
    tensors to `trace`; `outputs` names those that are outputs, default: the last one.
    """

    def __init__(
        self,
        functions: Mapping[str, Callable[[Any], Any]],
        size: tuple[int, int],
        outputs: Sequence[str] = (),
        names: Sequence[str] = (),
    ):
        self.functions = dict(functions)
        self.source = ModelSource("tensors", "tensors.onnx", "0" * 64, "fake")
        self.labels = Labels(tuple(names), "test")
        self.preprocess = Preprocess(size=size)
        self.scores: Scores | None = None
        self.outputs = tuple(outputs) or (list(functions)[-1],)
        self.notes: list[str] = []
        self.runs: list[tuple[str, ...]] = []
        trial = {name: function(np.zeros((1, 3, *size), np.float32)) for name, function in functions.items()}
        self.layers = {name: Layer(name, "Function", (None, *value.shape[1:])) for name, value in trial.items()}

    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run`."""
        assert images.ndim == 4 and images.dtype == np.float32, f"{images.shape} {images.dtype}"
        self.runs.append(tuple(layers))
        return {name: np.asarray(self.functions[name](images), np.float32) for name in layers}

    def trace(self, images: Any, layers: Sequence[str], rule: Rule = "plain") -> Trace:
        """See `Adapter.trace`."""
        return Trace({name: self.functions[name](images) for name in layers})


def painter(makes: Literal["required", "optional"] = "optional") -> Any:
    """A technique that makes images, not registered: each pixel goes to the side where a class's score rises.

    A fresh class at every call, whose `calls` has the names of the pieces of every call of an instance. One
    whose piece is called `interrupted_at` is stopped by Ctrl-C after the first step; `refused` cannot be made.
    """

    class Painter:
        """Paint what a class likes.

        From gray, or from photos.
        """

        classes: Annotated[tuple[int, ...], Opt("Classes to paint for.")] = (0, 1)
        steps: Annotated[int, Opt("Steps of the painting.", min=1)] = 4
        strength: Annotated[float, Opt("How far a pixel goes.", min=0, max=1)] = 0.5
        target: Annotated[str, Opt("As everywhere.")] = ""
        like: Annotated[str, Opt("A file.")] = ""
        seed: Annotated[int, Opt("Seed.")] = 0

        calls: ClassVar[list[list[str]]] = []
        interrupted_at: ClassVar[str] = ""
        refused: ClassVar[str] = ""
        look_at: ClassVar[int | None] = None  # a photo besides the pieces' own

        def pieces(self, model: Adapter, photos: Photos) -> list[list[Piece]]:
            """One group for each photo, or one of all classes from gray."""
            if len(photos) == 0:
                return [[Piece(f"class {k}", k) for k in self.classes]]
            return [
                [Piece(f"{name} {k}", k, index, row=name, column=f"class {k}") for k in self.classes]
                for index, name in enumerate(photos.names)
            ]

        def __call__(self, model, pieces, given, photos, watch):
            type(self).calls.append([piece.name for piece in pieces])
            if self.look_at is not None:
                photos[self.look_at]
            watch.begin(self.steps, "score")
            for step in range(1, self.steps + 1):
                watch.step(step, float(step))
                if any(piece.name == self.interrupted_at for piece in pieces):
                    watch.interrupted = True
                    break
            pairs = zip(pieces, given, strict=True)
            return [self._picture(model, piece, photo, step, watch.frames) for piece, photo in pairs]

        def _picture(self, model, piece, given, done, frames):
            if piece.name == self.refused:
                return ImageError("it does not paint that", "ask for another")
            start = np.full((3, *model.size), 0.5, np.float32)
            if given is not None:
                start = fit(given.photo, model.preprocess).pixels
            target = class_target(model, piece.asked)
            gradient = input_gradients(model, start[None], [target]).pixels[0]
            image = np.clip(start + self.strength * done / self.steps * np.sign(gradient), 0, 1).astype(np.float32)
            shares = np.linspace(0, 1, frames, dtype=np.float32)
            way = tuple(to_bytes(start * (1 - share) + image * share) for share in shares)
            return Picture(
                {"image": image, "curve": np.arange(done, dtype=np.float32)},
                {"steps_done": done, "score": 1e9},
                target=target,
                frames=way,
                panels={"start": to_bytes(start)},
            )

        def passes(self, size: tuple[int, int]) -> int:
            """Two for each step."""
            return 2 * self.steps

        def overview(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
            """As many white pixels as there are records."""
            return {"profile": np.full((1, len(records), 3), 255, np.uint8)}

    found = declared(Painter)
    found.info = TechniqueInfo(
        "painter", "synthesis", "Paint what a class likes.", "none", True, 8, {"steps": 1}, makes
    )
    return found
