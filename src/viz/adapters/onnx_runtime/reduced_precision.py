"""What computing in bf16 or fp16 does to a model's scores: measured on a run's own images, and said."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from viz.adapters.onnx_runtime.sessions import Sessions
from viz.core.errors import ModelError, UsageError
from viz.core.result import FloatArray
from viz.core.scores import Scores, per_image, probabilities

IMAGES_COMPARED = 4


@dataclass(frozen=True)
class Off:
    """How far values are from those in float32: the largest and the mean absolute difference of finite ones."""

    largest: float
    mean: float


@dataclass(frozen=True)
class Drift:
    """How far scores in reduced precision are from those in float32 on the same device.

    Attributes:
        precision: bf16 or fp16.
        images: how many images were compared.
        off: by what was compared: logits, probabilities, or the outputs of a model that has no class scores.
        same_top_class: for how many images the most probable class is the same; None without classes.
    """

    precision: str
    images: int
    off: Mapping[str, Off]
    same_top_class: int | None

    def __str__(self) -> str:
        figures = [f"{name} differ by up to {off.largest:.2g}, mean {off.mean:.2g}" for name, off in self.off.items()]
        top = f"; the top class is the same for {self.same_top_class}" if self.same_top_class is not None else ""
        return (
            f"computed in {self.precision}: on the first {self.images} image(s) {', '.join(figures)} from float32{top}"
        )


class ReducedPrecision:
    """A model that is run in reduced precision, held against the same in float32.

    Args:
        sessions: the model as it is run.
        precision: what it is run in, bf16 or fp16.
        scores: where its class scores are; None: `outputs` are compared.
        outputs: tensors with a row per image.

    Raises `UsageError` where noise images come out the same to the last bit: nothing is computed in `precision`.
    """

    def __init__(self, sessions: Sessions, precision: str, scores: Scores | None, outputs: Sequence[str]):
        self._sessions, self._precision, self._scores = sessions, precision, scores
        self._names = _score_tensors(scores) if scores else tuple(outputs)
        self._drift: Drift | None = None
        self._lock = threading.Lock()
        self._check_effect()

    def measure(self, images: FloatArray) -> Drift | None:
        """The drift on the first of `images` (b, 3, h, w); None where it has been measured before.

        Raises `ModelError` where values are finite in one of the two only: the range of `precision` is too small.
        """
        with self._lock:
            if self._drift is not None or not len(images):
                return None
            self._drift = self._measured(images[:IMAGES_COMPARED])
            return self._drift

    def evidence(self) -> dict[str, object]:
        """What was measured, in plain values for run.json; {} before it was."""
        return {"reduced_precision": asdict(self._drift)} if self._drift else {}

    def _check_effect(self) -> None:
        noise = self._sessions.noise(IMAGES_COMPARED)
        ours, theirs = self._sessions.values(noise, self._names), self._sessions.in_float32().values(noise, self._names)
        if all(np.array_equal(ours[name], theirs[name], equal_nan=True) for name in self._names):
            raise UsageError(
                f"--precision {self._precision} changes nothing here, to the last bit: this processor cannot "
                "compute in it, or the model has nothing that could be",
                "leave it out",
            )

    def _measured(self, images: FloatArray) -> Drift:
        ours = self._compared(self._sessions.values(images, self._names))
        theirs = self._compared(self._sessions.in_float32().values(images, self._names))
        for name in ours:
            if not np.array_equal(np.isfinite(ours[name]), np.isfinite(theirs[name])):
                raise ModelError(
                    f"in {self._precision} some {name} are not finite that are in float32, or the reverse",
                    f"leave out --precision {self._precision}",
                )
        off = {name: _off(ours[name], theirs[name]) for name in ours}
        same = None
        if "probabilities" in ours and self._scores is not None:
            same = int((ours["probabilities"].argmax(1) == theirs["probabilities"].argmax(1)).sum())
        return Drift(self._precision, len(images), off, same)

    def _compared(self, values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """What is compared, by the name that people know it by."""
        if self._scores is None:
            return dict(values)
        logits, after = self._scores.logits, self._scores.probabilities
        found = {"logits": per_image(values[logits])} if logits else {}
        # As everywhere in viz: plain scores of classes are taken to be logits of a softmax.
        squash = self._scores.to_probability if self._scores.to_probability != "none" else "softmax"
        own = per_image(values[after]) if after else probabilities(found["logits"], squash)
        return {**found, "probabilities": own}


def _score_tensors(scores: Scores) -> tuple[str, ...]:
    return tuple(name for name in (scores.logits, scores.probabilities) if name)


def _off(ours: FloatArray, theirs: FloatArray) -> Off:
    finite = np.isfinite(theirs)
    difference = np.abs(ours[finite].astype(np.float64) - theirs[finite])
    return Off(float(difference.max()), float(difference.mean())) if difference.size else Off(0, 0)
