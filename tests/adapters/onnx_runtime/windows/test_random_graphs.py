"""Random small networks have the values of whole passes, whatever they are made of."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.adapters.onnx_runtime.windows.both_ways import (
    TOLERANCE,
    by_whole_passes,
    by_windows,
    noise_patched,
    some_places,
)
from tests.adapters.onnx_runtime.windows.graphs import BETWEEN, LOCAL, MIXING, MOVING, drawn_quantized, nets

pytestmark = pytest.mark.usefixtures("windows_anyway")


def trying(count):
    """So many examples; making a network takes long."""
    suppressed = [
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,  # the same for all examples
    ]
    return settings(max_examples=count, deadline=None, suppress_health_check=suppressed)


def both_ways(net, last, side, stride, data):
    """Values of the output and of a drawn inner tensor, at 24 places on two images: by windows, by whole passes."""
    maps = [name for name, shape in net.shapes.items() if len(shape) == 4 and shape[0] == 1 and name != "image"]
    layers = list(dict.fromkeys([last, data.draw(st.sampled_from(maps))]))
    with tempfile.TemporaryDirectory() as folder:
        model = net.opened(Path(folder), last)
        assume(model.patch_plan(side, layers).reason == "")  # hypothesis complains where that is rare
        size = (net.height, net.width)
        patched = noise_patched(size, side, some_places(size, side, 12, images=2, seed=stride, stride=stride))
        whole, ours = by_whole_passes(model, patched, layers), by_windows(model, patched, layers)
    return [(name, ours[name], whole[name]) for name in layers]


def differences(ours, whole):
    """Of each variant the largest, in units of the largest value.

    Values far below those of the layers before have only what is left of their rounding.
    """
    return np.abs(ours - whole).reshape(len(ours), -1).max(axis=1) / np.abs(whole).max(initial=0.05)


def check(*drawn):
    for name, ours, whole in both_ways(*drawn):
        assert differences(ours, whole).max() <= TOLERANCE, name


@trying(40)
@given(nets(LOCAL, BETWEEN, LOCAL, LOCAL), st.integers(1, 9), st.integers(1, 4), st.data())
def test_local_operators_in_any_order(net, side, stride, data):
    check(*net, side, stride, data)


@trying(25)
@given(nets(LOCAL, MOVING, LOCAL, MOVING), st.integers(1, 9), st.integers(1, 4), st.data())
def test_operators_that_move_positions(net, side, stride, data):
    check(*net, side, stride, data)


@trying(15)
@given(nets(LOCAL, LOCAL, MIXING, LOCAL, MOVING), st.integers(1, 9), st.integers(1, 4), st.data())
def test_operators_that_mix_all_positions(net, side, stride, data):
    check(*net, side, stride, data)


@trying(10)
@given(nets([drawn_quantized], LOCAL[2:6], [drawn_quantized]), st.integers(1, 9), st.integers(1, 4), st.data())
def test_rounded_values(net, side, stride, data):
    """Where a sum of floats is on the edge of being rounded up or down, its last bit decides, for a whole step."""
    for name, ours, whole in both_ways(*net, side, stride, data):
        found = differences(ours, whole)
        assert np.mean(found > TOLERANCE) < 0.25, name
        assert found.max() < 0.02, name


@pytest.mark.slow
@trying(1500)
@given(
    nets(LOCAL, BETWEEN, LOCAL, [*MOVING, *MIXING, *LOCAL], BETWEEN, LOCAL, [*MOVING, *LOCAL]),
    st.integers(1, 12),
    st.integers(1, 4),
    st.data(),
)
def test_larger_networks_of_everything(net, side, stride, data):
    check(*net, side, stride, data)
