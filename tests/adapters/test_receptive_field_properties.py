"""Windows of random graphs hold what perturbing the image shows, and are exact where nothing is resampled."""

from collections.abc import Iterator
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.adapters.random_graphs import EXACT, OPSET, RESAMPLED, Net, nets
from viz.adapters.onnx_graph.receptive_field import receptive_fields, seen_spans
from viz.adapters.onnx_graph.receptive_field.span import Span
from viz.core.adapter import ReceptiveField


def influences(values: np.ndarray, span: Span, changed: slice) -> np.ndarray:
    """(pixels, positions): whether changing a row (or column) of pixels changes anything at a position."""
    moved = np.abs(values[changed] - values[:1]) > 1e-4 * np.abs(values[:1]).max()
    if span.axis is None:
        return moved.reshape(len(moved), -1).any(axis=1, keepdims=True)
    by_index = np.moveaxis(moved, span.axis, 1).reshape(len(moved), moved.shape[span.axis], -1).any(axis=2)
    if span.fold is None:
        return by_index
    inner, length = span.fold
    return by_index.reshape(len(moved), -1, length, inner).any(axis=(1, 3))


def windows_and_influences(net: Net) -> Iterator[tuple[str, Span, ReceptiveField, int, np.ndarray]]:
    """For each tensor and image axis: its span, the public window, and (pixels, positions) found by perturbation."""
    arguments = (net.whole_model().graph, net.shapes, net.stored.get, "image", net.layout, OPSET)
    spans, public, values = seen_spans(*arguments), receptive_fields(*arguments), net.run()
    assert set(spans) == set(net.tensors)
    for name in values:
        rows, columns = slice(1, 1 + net.height), slice(1 + net.height, None)
        for k, changed in enumerate((rows, columns)):
            span, window = spans[name][k], public[name]
            yield name, span, window, k, influences(values[name], span, changed)


def checked(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("step", [*dict.fromkeys(EXACT), *RESAMPLED], ids=lambda step: step.__name__)
@checked(25)
@given(data=st.data())
def test_no_pixel_outside_the_window_matters(step, data):
    net = data.draw(nets(EXACT, [step], [*EXACT, *RESAMPLED], EXACT))
    for name, span, window, k, seen in windows_and_influences(net):
        for pixel, position in np.argwhere(seen):
            assert span.low + position * span.step <= pixel <= span.high + position * span.step, (name, position)
            start = window.offset[k] + (0 if span.fold else position) * window.stride[k]
            assert start - 1e-6 <= pixel <= start + window.size[k] - 1 + 1e-6, (name, position)


@checked(100)
@given(nets(*[EXACT] * 5))
def test_without_resampling_the_first_and_last_pixel_of_the_window_matter(net):
    compared = 0
    for name, span, _, _, seen in windows_and_influences(net):
        for position in range(seen.shape[1]):
            first, last = span.low + position * span.step, span.high + position * span.step
            if span.axis is not None and first >= 0 and last < span.extent:
                pixels = np.flatnonzero(seen[:, position])
                assert (pixels.min(), pixels.max()) == (ceil(first), floor(last)), (name, position)
                compared += 1
    event(f"positions compared: {'many' if compared > 50 else 'few' if compared else 'none'}")
