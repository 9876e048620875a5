"""The shipped model is small, sees shapes, looks at them, and is the same net in both files."""

import json
from importlib import resources

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from viz.model_zoo.shape_pictures import LABELS, draw
from viz.model_zoo.shapes_net import MEAN, STD
from viz.model_zoo.train_shapes import export_onnx, load_net, normalized

BUILTIN = resources.files("viz.model_zoo") / "builtin"
ONNX_FILE, WEIGHTS = str(BUILTIN / "shapes.onnx"), str(BUILTIN / "shapes.safetensors")


@pytest.fixture(scope="module")
def graph():
    return onnx.load(ONNX_FILE)


@pytest.fixture(scope="module")
def logits_of():
    session = onnxruntime.InferenceSession(ONNX_FILE, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(["logits"], {"image": _normalized(pixels)})[0]


def _normalized(pixels):
    """Written out by hand, so that it can disagree with the training script."""
    return ((pixels.astype(np.float32) / 255 - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32)


def test_over_95_of_100_unseen_pictures_are_named_right(logits_of):
    pictures = [draw(index) for index in range(500)]
    guesses = logits_of(np.stack([picture.pixels for picture in pictures])).argmax(axis=1)
    assert np.mean(guesses == [picture.label for picture in pictures]) > 0.95


def test_hiding_the_shape_hurts_most(logits_of):
    hits = [_peak_lies_in_the_mask(logits_of, draw(index)) for index in range(50)]  # all of the first 100: 0.93
    assert np.mean(hits) >= 0.9


def _peak_lies_in_the_mask(logits_of, picture):
    """The slow twin of the training script's drop map: pixel by pixel, each asking its patches."""
    corners = [(y, x) for y in range(0, 73, 8) for x in range(0, 73, 8)]
    hidden = [picture.pixels.copy() for _ in corners]
    for pixels, (y, x) in zip(hidden, corners, strict=True):
        pixels[y : y + 24, x : x + 24] = 128
    before, *after = logits_of(np.stack([picture.pixels, *hidden]))[:, picture.label]
    drops = {corner: before - score for corner, score in zip(corners, after, strict=True)}
    heat = np.zeros((96, 96))
    for row, column in np.ndindex(96, 96):
        tops = [y for y in range(0, 73, 8) if y <= row < y + 24]
        lefts = [x for x in range(0, 73, 8) if x <= column < x + 24]
        heat[row, column] = sum(drops[y, x] for y in tops for x in lefts) / (len(tops) * len(lefts))
    return picture.mask.flat[heat.argmax()]


def test_both_files_hold_the_same_net(logits_of):
    pixels = np.stack([draw(index, seed=9).pixels for index in range(20)])
    with torch.no_grad():
        from_weights = load_net(WEIGHTS)(normalized(torch.from_numpy(pixels))).numpy()
    np.testing.assert_allclose(logits_of(pixels), from_weights, atol=1e-4, rtol=0)


def test_any_batch_gives_each_picture_the_same_logits(logits_of):
    pixels = np.stack([draw(index).pixels for index in range(7)])
    one_by_one = np.concatenate([logits_of(picture[None]) for picture in pixels])
    np.testing.assert_allclose(logits_of(pixels), one_by_one, atol=1e-4, rtol=0)


def test_the_architecture_takes_other_picture_sizes():
    with torch.no_grad():
        assert load_net(WEIGHTS)(torch.zeros(2, 3, 160, 120)).shape == (2, len(LABELS))


def test_exporting_the_weights_again_gives_the_shipped_graph(tmp_path, graph):
    net = load_net(WEIGHTS)
    for name in ("first.onnx", "second.onnx"):
        export_onnx(net, tmp_path / name)
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()
    assert onnx.load(tmp_path / "first.onnx").graph == graph.graph  # the producer's version may differ


def test_both_files_call_each_weight_by_the_same_name(graph):
    shipped = {name for name in load_net(WEIGHTS).state_dict() if not name.endswith("num_batches_tracked")}
    assert {weight.name for weight in graph.graph.initializer} == shipped


def test_each_file_is_under_two_megabytes():
    for name in ("shapes.onnx", "shapes.safetensors"):
        assert len((BUILTIN / name).read_bytes()) < 2_000_000


def test_the_file_says_how_to_feed_it_and_what_it_answers(graph):
    notes = {entry.key: json.loads(entry.value) for entry in graph.metadata_props}
    assert notes["viz.labels"] == list(LABELS)
    assert notes["viz.preprocess"] == {
        "size": [96, 96], "channels": "rgb", "layout": "nchw", "range": [0, 1],
        "mean": list(MEAN), "std": list(STD),
    }  # fmt: skip


def test_only_the_batch_is_free(graph):
    dims = {value.name: value.type.tensor_type.shape.dim for value in (*graph.graph.input, *graph.graph.output)}
    sizes = {name: [dim.dim_param or dim.dim_value for dim in shape] for name, shape in dims.items()}
    assert sizes == {"image": ["batch", 3, 96, 96], "logits": ["batch", 10]}


def test_nodes_are_named_after_the_modules_and_nothing_is_folded(graph):
    ops = {node.name: node.op_type for node in graph.graph.node}
    modules = dict(load_net(WEIGHTS).named_modules())
    leaves = {name for name, module in modules.items() if name and not any(module.children())}
    assert leaves <= set(ops)
    assert ops["stages.0.conv1"] == "Conv"
    assert sum(op == "BatchNormalization" for op in ops.values()) == 10
    assert not {"Softmax", "Identity"} & set(ops.values())
    assert len(ops) == len(graph.graph.node)  # each name once
