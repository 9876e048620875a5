"""Every figure and patch against a slow and obvious twin: plain loops over images and channels, float64."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import viz
from tests.fakes import TensorModel
from tests.techniques.activation.surveying import seen, surveyed
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.surveying import Found, Seen
from viz.model_zoo.shape_pictures import draw
from viz.techniques.activation.patches import Patches

COUNT = 43
CLASSES = tuple("abcdefghij")
LAYERS = ("stem.relu", "stages.0.conv2", "stages.2.relu2", "pool", "logits")


def shapes_in_pictures() -> list[Seen]:
    pictures = [draw(index, seed=5) for index in range(COUNT)]
    pixels = [np.ascontiguousarray(p.pixels.transpose(2, 0, 1), np.float32) / np.float32(255) for p in pictures]
    return seen(pixels, [p.label for p in pictures])


@pytest.fixture(scope="module")
def shapes() -> Adapter:
    return viz.load("zoo:shapes")


@pytest.fixture(scope="module")
def found(shapes: Adapter) -> list[Found]:
    return surveyed(Patches(layer=LAYERS, top=6), BatchedAdapter(shapes, 3), shapes_in_pictures(), CLASSES, at_once=16)


@pytest.fixture(scope="module")
def maps(shapes: Adapter) -> dict[str, np.ndarray]:
    """Every response, (images, channels, rows, columns), an image at a time."""
    every = [shapes.run(image.pixels[None], LAYERS) for image in shapes_in_pictures()]
    values = {name: np.stack([one[name][0] for one in every]) for name in LAYERS}
    return {name: v.reshape(*v.shape[:2], *(v.shape[2:] or (1, 1))).astype(float) for name, v in values.items()}


@pytest.mark.parametrize("index", range(len(LAYERS)))
def test_patches_are_those_of_a_plain_loop(found: list[Found], maps: dict[str, np.ndarray], index: int) -> None:
    layer = found[index]
    assert layer.layer == LAYERS[index]
    for unit in layer.units:
        best = []
        for image in range(COUNT):
            one = maps[layer.layer][image, unit.channel]
            y, x = divmod(int(one.argmax()), one.shape[1])
            best.append((-one[y, x], image, (y, x)))
        expected = [entry for entry in sorted(best)[:6] if entry[0] < 0 or sorted(best)[0][0] > 0]
        assert [-cut.value for cut in unit.cuts] == pytest.approx([value for value, *_ in expected], rel=1e-5)
        exact = [value for value, *_ in expected]
        for cut, (value, image, place) in zip(unit.cuts, expected, strict=True):
            if np.count_nonzero(np.isclose(exact, value, rtol=1e-5)) == 1:  # rounding may turn near ties around
                assert (cut.image, cut.place or (0, 0)) == (image, place)


@pytest.mark.parametrize("index", range(len(LAYERS)))
def test_figures_are_those_of_a_plain_loop(found: list[Found], maps: dict[str, np.ndarray], index: int) -> None:
    layer = found[index]
    labels = [image.truth for image in shapes_in_pictures()]
    for unit in layer.units:
        mine = maps[layer.layer][:, unit.channel]
        peaks = [one.max() for one in mine]
        assert unit.numbers["max"] == pytest.approx(max(peaks), rel=1e-5, abs=1e-6)
        assert unit.numbers["mean"] == pytest.approx(np.mean([one.mean() for one in mine]), rel=1e-4, abs=1e-6)
        assert unit.numbers["fires"] == pytest.approx(np.mean([(one > 0).mean() for one in mine]), abs=1e-4)
        assert unit.numbers["fires_images"] == pytest.approx(np.mean([peak > 0 for peak in peaks]))
        assert unit.numbers["selectivity"] == pytest.approx(selectivity(peaks, labels), rel=1e-4, abs=1e-6)


def test_quantiles_are_within_their_error(found: list[Found], maps: dict[str, np.ndarray]) -> None:
    for layer in found:
        scale = layer.facts["scale"]
        for unit in layer.units:
            peaks = sorted(one.max() for one in maps[layer.layer][:, unit.channel])
            for share, value in unit.details["quantiles"].items():
                exact = peaks[int(np.ceil(float(share) * COUNT)) - 1]
                assert value == pytest.approx(exact, rel=1 / 16, abs=scale / 8192)


def test_histograms_count_every_image_between_its_edges(found: list[Found], maps: dict[str, np.ndarray]) -> None:
    for layer in found:
        for unit in layer.units:
            histogram = unit.details["histogram"]
            assert sum(histogram["counts"]) == COUNT
            assert len(histogram["edges"]) == len(histogram["counts"]) + 1 <= 49
            peaks = [one.max() for one in maps[layer.layer][:, unit.channel]]
            expected = np.histogram(peaks, histogram["edges"])[0]
            assert np.abs(expected - histogram["counts"]).sum() <= 2  # at an edge, by rounding


def test_related_channels_are_those_of_numpy(found: list[Found], maps: dict[str, np.ndarray]) -> None:
    for layer in found:
        peaks = maps[layer.layer].max(axis=(2, 3))
        with np.errstate(invalid="ignore", divide="ignore"):
            expected = np.nan_to_num(np.corrcoef(peaks.T))
        np.fill_diagonal(expected, 0)
        for index, unit in enumerate(layer.units):
            strongest = sorted(np.abs(expected[index]), reverse=True)[:5]
            mine = unit.details["related"]
            assert [abs(one["correlation"]) for one in mine] == pytest.approx([r for r in strongest if r], abs=2e-4)
            for one in mine:
                assert one["correlation"] == pytest.approx(expected[index, one["channel"]], abs=2e-4)


def test_windows_are_those_of_the_receptive_field_within_the_image(shapes: Adapter, found: list[Found]) -> None:
    field = shapes.receptive_field("stages.0.conv2")
    assert field is not None
    cuts = [cut for unit in found[1].units for cut in unit.cuts]
    assert {cut.clipped for cut in cuts} == {True, False}
    for cut in cuts:
        top, left = (field.offset[axis] + cut.place[axis] * field.stride[axis] for axis in (0, 1))
        inside = (max(top, 0), max(left, 0), min(top + field.size[0], 96), min(left + field.size[1], 96))
        assert (cut.window.top, cut.window.left, cut.window.bottom, cut.window.right) == inside
        assert cut.clipped == (inside != (top, left, top + field.size[0], left + field.size[1]))


@pytest.mark.parametrize("rank", ["max", "mean"])
@pytest.mark.parametrize("per_image", [1, 2])
def test_channels_last_gives_what_channels_first_gives(rank: str, per_image: int) -> None:
    random = np.random.default_rng(3)
    images = seen(list(random.random((12, 3, 6, 8))))
    first = TensorModel({"maps": lambda x: x * 2 - 1}, (6, 8))
    last = TensorModel({"maps": lambda x: (x * 2 - 1).transpose(0, 2, 3, 1)}, (6, 8))
    options: dict[str, Any] = {"layer": ("maps",), "rank": rank, "per_image": per_image}
    (one,), (other,) = (surveyed(Patches(**options), model, images) for model in (first, last))
    assert (one.facts["kind"], other.facts["kind"]) == ("nchw", "nhwc")
    assert [shown(unit) for unit in one.units] == [shown(unit) for unit in other.units]


def shown(unit: Any) -> Any:
    return unit.channel, [(c.image, c.value, c.place, c.heat.tolist()) for c in unit.cuts], unit.details["histogram"]


def selectivity(peaks: Sequence[float], labels: Sequence[int | None]) -> float:
    means = [max(0.0, float(np.mean([p for p, of in zip(peaks, labels, strict=True) if of == k]))) for k in range(10)]
    best = max(means)
    others = (sum(means) - best) / 9
    return (best - others) / (best + others) if best + others else 0.0
