"""Each image's own target, read from the values of a batch."""

from collections.abc import Mapping, Sequence

from viz.core.adapter import Adapter
from viz.core.result import FloatArray
from viz.core.target import Target


def layers_of(targets: Sequence[Target]) -> tuple[str, ...]:
    """Names of the tensors that the targets are read from, each once."""
    return tuple(dict.fromkeys(name for target in targets for name in target.layers))


def scores_in(values: Mapping[str, FloatArray], targets: Sequence[Target]) -> list[float]:
    """The score of image i by target i."""
    return [float(t.of({n: v[i : i + 1] for n, v in values.items()})[0]) for i, t in enumerate(targets)]


def clean_scores(model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[float]:
    """The score of each image (b, 3, h, w) as it is."""
    return scores_in(model.run(images, layers_of(targets)), targets)
