"""From pixels to a model's input, held against a twin that works one value at a time."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viz.core.errors import UsageError
from viz.core.preprocess import GRAY_WEIGHTS, Preprocess

COUNTS = {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4}


def encode_slowly(preprocess: Preprocess, images: np.ndarray) -> np.ndarray:
    """What `encode` does, in plain Python, value by value."""
    count = COUNTS[preprocess.channels]
    mean = list(preprocess.mean) * (count if len(preprocess.mean) == 1 else 1)
    std = list(preprocess.std) * (count if len(preprocess.std) == 1 else 1)
    low, high = preprocess.range
    batch, _, height, width = images.shape
    out = np.zeros((batch, count, height, width))
    for b, y, x in np.ndindex(batch, height, width):
        red, green, blue = (float(v) for v in images[b, :, y, x])
        gray = GRAY_WEIGHTS[0] * red + GRAY_WEIGHTS[1] * green + GRAY_WEIGHTS[2] * blue
        colours = {"gray": [gray], "rgb": [red, green, blue], "bgr": [blue, green, red], "rgba": [red, green, blue, 1]}
        for c, value in enumerate(colours[preprocess.channels]):
            out[b, c, y, x] = (low + value * (high - low) - mean[c]) / std[c]
    return out if preprocess.layout == "nchw" else out.transpose(0, 2, 3, 1)


numbers = st.floats(-300, 300)
spreads = st.floats(0.0625, 300)


@st.composite
def preprocesses(draw: st.DrawFn) -> Preprocess:
    channels = draw(st.sampled_from(sorted(COUNTS)))
    per_channel = st.sampled_from([1, COUNTS[channels]])
    mean, std = (draw(per_channel.flatmap(lambda n, v=values: st.tuples(*[v] * n))) for values in (numbers, spreads))
    return Preprocess(
        size=(3, 2),
        channels=channels,
        layout=draw(st.sampled_from(["nchw", "nhwc"])),
        range=(draw(numbers), draw(numbers)),
        mean=mean,
        std=std,
    )


@settings(max_examples=200, deadline=None)
@given(preprocesses(), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_encoding_equals_the_slow_twin(preprocess: Preprocess, batch: int, seed: int):
    images = np.random.default_rng(seed).random((batch, 3, 3, 2), np.float32)
    before = images.copy()
    found, expected = preprocess.encode(images), encode_slowly(preprocess, images)
    assert (found.dtype, found.flags.c_contiguous) == (np.float32, True)
    scale = max(map(abs, (*preprocess.range, *preprocess.mean))) / min(preprocess.std)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * max(1, scale))
    np.testing.assert_array_equal(images, before)


def test_encoding_into_itself_never_changes_the_images():
    images = np.full((2, 3, 4, 4), 0.5, np.float32)
    Preprocess((4, 4)).encode(images)[:] = 9
    assert (images == 0.5).all()


@pytest.mark.parametrize("channels", COUNTS)
def test_the_matrix_is_the_encoding(channels: str):
    preprocess = Preprocess((1, 1), channels=channels, range=(-3, 5), mean=(0.5,), std=(2.0,))
    pixels = np.array([0.1, 0.5, 0.9], np.float32)
    weights, offset = preprocess.matrix()
    np.testing.assert_allclose(
        weights @ pixels + offset, preprocess.encode(pixels.reshape(1, 3, 1, 1)).ravel(), atol=1e-5
    )


@pytest.mark.parametrize(
    ("preprocess", "white"),
    [
        (Preprocess((1, 1)), [1, 1, 1]),
        (Preprocess((1, 1), range=(-1, 1)), [1, 1, 1]),
        (Preprocess((1, 1), channels="bgr", range=(0, 255), mean=(104, 117, 123)), [151, 138, 132]),
        (Preprocess((1, 1), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)), [2.2489, 2.4286, 2.64]),
        (Preprocess((1, 1), channels="gray", range=(0, 255)), [255]),
        (Preprocess((1, 1), channels="rgba", range=(0, 255)), [255, 255, 255, 255]),
    ],
)
def test_white_becomes_the_known_values(preprocess: Preprocess, white: list[float]):
    found = preprocess.encode(np.ones((1, 3, 1, 1), np.float32)).ravel()
    np.testing.assert_allclose(found, white, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"size": (0, 5)}, r"size is \(0, 5\)"),
        ({"channels": "cmyk"}, "channels is 'cmyk'"),
        ({"layout": "hwc"}, "layout is 'hwc'"),
        ({"interpolation": "hamming"}, "interpolation is 'hamming'"),
        ({"std": (1.0, 0.0, 1.0)}, "dividing by it is not possible"),
        ({"std": (float("nan"),)}, "dividing by it is not possible"),
        ({"mean": (1.0, 2.0)}, r"mean has 2 values for 3 channel\(s\) \(rgb\)"),
        ({"channels": "gray", "std": (1.0, 2.0, 3.0)}, r"std has 3 values for 1 channel\(s\) \(gray\)"),
        ({"crop": 0.0}, "crop is 0.0"),
        ({"crop": 1.5}, "crop is 1.5"),
        ({"crop": "middle"}, "crop is 'middle'"),
        ({"crop": "center", "resize_short": 200}, "resize_short is 200, smaller than the 224x224 crop"),
    ],
)
def test_impossible_preprocessing_names_the_value_at_fault(changes: dict[str, object], complaint: str):
    with pytest.raises(UsageError, match=complaint):
        Preprocess(**{"size": (224, 224)} | changes)


@pytest.mark.parametrize(
    ("preprocess", "described"),
    [
        (Preprocess((240, 320)), "240x320 rgb nchw, stretched (bilinear), 0..1"),
        (Preprocess((8, 8), "center"), "8x8 rgb nchw, short side to fit, centre crop (bilinear), 0..1"),
        (Preprocess((8, 8), "center", 9), "8x8 rgb nchw, short side 9, centre crop (bilinear), 0..1"),
        (
            Preprocess((8, 8), 0.875, interpolation="bicubic", layout="nhwc", range=(-1, 1)),
            "8x8 rgb nhwc, central 87.5% of each side (bicubic), -1..1",
        ),
        (
            Preprocess((8, 8), channels="gray", mean=(0.5,), std=(0.25,)),
            "8x8 gray nchw, stretched (bilinear), 0..1, mean 0.5, std 0.25",
        ),
        (Preprocess((8, 8), std=(2.0,)), "8x8 rgb nchw, stretched (bilinear), 0..1, mean 0, std 2"),
    ],
)
def test_preprocessing_is_described_in_one_line(preprocess: Preprocess, described: str):
    assert preprocess.describe() == described


def test_preprocessing_survives_json():
    preprocess = Preprocess((240, 320), 0.875, channels="bgr", mean=(1, 2, 3), origin={"mean": "flag --mean"})
    table = json.loads(json.dumps(preprocess.as_dict()))
    assert table.pop("origin") == {"mean": "flag --mean"}
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    assert Preprocess(**lists) == preprocess


def test_where_values_were_found_does_not_make_preprocessing_another():
    assert Preprocess((8, 8), origin={"size": "a"}) == Preprocess((8, 8), origin={"size": "b"})
