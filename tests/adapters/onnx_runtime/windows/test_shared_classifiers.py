"""Real classifiers by windows: on photos, float and quantized, the logits of whole passes."""

import numpy as np
import pytest

from tests.adapters.onnx_runtime.windows.both_ways import by_whole_passes, by_windows, every_place, ways
from viz import ModelOptions, load
from viz.core.images import fit, read
from viz.core.patches import Patched

pytestmark = pytest.mark.shared

PREPROCESSING = {
    "imagenet/SqueezeNet_fp16": ModelOptions(preprocess="caffe", device="cpu"),
    "imagenet/mobilenetv1_0.25_128_fp32": ModelOptions(preprocess="tf", crop="0.875", device="cpu"),
    "imagenet/mobilenetv1_0.5_160_uint8_nhwc": ModelOptions(preprocess="raw", crop="0.875", device="cpu"),
    "imagenet/mobilenetv1_0.75_192_qdq": ModelOptions(preprocess="tf", crop="0.875", device="cpu"),
    "imagenet/mobilenetv2_fp32": ModelOptions(preprocess="imagenet", device="cpu"),
    "imagenet/shufflenet-v2-12-int8": ModelOptions(preprocess="imagenet", device="cpu"),
    "imagenet/squeezenet1.1_fp32": ModelOptions(preprocess="imagenet", device="cpu"),
    "other/cifar_resnet20_fp32": ModelOptions(preprocess="imagenet", device="cpu"),
    "other/mnist_cntk": ModelOptions(preprocess="raw", device="cpu"),
    "other/mobilenetv2_inat_bird_qdq": ModelOptions(preprocess="raw", device="cpu"),
}
# Sums of whole numbers are the same in any order.
WHOLE_NUMBERS = {
    "imagenet/mobilenetv1_0.75_192_qdq",
    "imagenet/shufflenet-v2-12-int8",
    "other/mobilenetv2_inat_bird_qdq",
}
TOO_SMALL = {"other/mnist_cntk"}  # a whole pass is as fast as what windows would need around them
TOLERANCE = 1e-4
SIDES = (4, 16, 32, 50)


def opened(folder, name):
    return load(folder / f"models/{name}.onnx", PREPROCESSING[name])


def photo(folder, model):
    return fit(read(folder / "images/clean/coral_owl.jpg"), model.preprocess).pixels[None]


def layers_of(model):
    """The logits and the model's own output."""
    return tuple(dict.fromkeys([*([model.scores.logits] if model.scores.logits else []), model.outputs[0]]))


def sampled_places(size, side, stride, seed):
    """Of the places at a stride: corners, others along the border, and as many inside."""
    every = every_place(size, side, stride)
    ends = [{0, length - side} for length in size]
    at_border = np.array([top in ends[0] or left in ends[1] for _, top, left in every])
    at_corner = np.array([top in ends[0] and left in ends[1] for _, top, left in every])
    rng = np.random.default_rng(seed)
    parts = [every[at_corner]]
    for kind in (every[at_border & ~at_corner], every[~at_border]):
        parts.append(kind[rng.permutation(len(kind))[:10]])
    return np.concatenate(parts)


def differences(model, image, side, places):
    """By layer: the largest difference, and the share of values that are the same to the last bit."""
    fills = np.full_like(image, 0.5)
    fills[:, :, ::3] = np.random.default_rng(side).random(fills[:, :, ::3].shape, np.float32)
    patched = Patched(image, fills, side, places)
    layers = layers_of(model)
    whole, ours = by_whole_passes(model, patched, layers), by_windows(model, patched, layers)
    return {
        name: (float(np.abs(ours[name] - whole[name]).max()), float((ours[name] == whole[name]).mean()), whole[name])
        for name in layers
    }


@pytest.mark.usefixtures("windows_anyway")
@pytest.mark.parametrize("name", PREPROCESSING)
def test_logits_are_those_of_whole_passes(shared_data, record_property, name):
    model = opened(shared_data, name)
    image = photo(shared_data, model)
    strides = np.random.default_rng(len(name)).integers(1, 33, len(SIDES)).tolist()
    for side, stride in zip(SIDES, strides, strict=True):
        if side < min(model.size):
            places = sampled_places(model.size, side, stride, seed=side)
            for layer, (worst, same, values) in differences(model, image, side, places).items():
                record_property(f"{layer}, side {side}, stride {stride}", f"{worst:.2g}, {same:.1%} equal")
                assert worst <= TOLERANCE
                assert same == 1 or name not in WHOLE_NUMBERS
                assert np.ptp(values, axis=0).max() > 10 * TOLERANCE


@pytest.mark.parametrize("name", sorted(set(PREPROCESSING) - TOO_SMALL))
def test_windows_are_computed_without_being_asked_for(shared_data, name):
    model = opened(shared_data, name)
    side = min(model.size) // 14
    assert "window" in ways(model, side, layers_of(model)).values()
    [*found] = differences(model, photo(shared_data, model), side, sampled_places(model.size, side, side, 0)).values()
    assert max(worst for worst, _, _ in found) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.usefixtures("windows_anyway")
@pytest.mark.parametrize(("side", "stride"), [(4, 4), (16, 8), (32, 16), (50, 7)])
@pytest.mark.parametrize("name", PREPROCESSING)
def test_logits_at_all_places_are_those_of_whole_passes(shared_data, name, side, stride):
    model = opened(shared_data, name)
    side = min(side, min(model.size) - stride)
    places = every_place(model.size, side, stride)
    found = differences(model, photo(shared_data, model), side, places)
    assert max(worst for worst, _, _ in found.values()) <= TOLERANCE
