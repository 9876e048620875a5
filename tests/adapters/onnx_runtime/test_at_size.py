"""ONNX files at another size: what holds there gives what the file with free sizes gives, what does not is named."""

import numpy as np
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper

from tests.onnx_models import conv_net, image_value, save
from viz.adapters import load
from viz.core.batching import BatchedAdapter
from viz.core.errors import NotSupported, UnknownName, UsageError
from viz.core.gradients import input_gradients
from viz.core.model_options import ModelOptions
from viz.core.target import neuron_target

OWN, OTHER = (8, 8), (12, 16)
UNIT = ModelOptions(preprocess="unit", device="cpu")
WEIGHTS = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
SQUEEZE = np.random.default_rng(1).normal(size=(4, 4, 1, 1)).astype(np.float32)
HEAD = np.random.default_rng(2).normal(size=(4, 5)).astype(np.float32)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


CONV = node("Conv", "image conv_w", "conv", kernel_shape=[3, 3], pads=[1] * 4)


def ints(*values):
    return np.array(values, np.int64)


def file_of(path, nodes, constants=None, last="out", size=OWN, batch="n", opset=17):
    """`image` (batch, 3, *size) -> conv (b, 4, h, w) -> the nodes; the last one gives `last`."""
    weights = {"conv_w": WEIGHTS, **(constants or {})}
    image = image_value("image", [batch, 3, *size])
    return save(path, [CONV, *nodes], [image], [image_value(last, None)], weights, opset)


def noise(count, size, seed=2):
    return np.random.default_rng(seed).random((count, 3, *size), np.float32)


def by_onnxruntime(path, images, layer="out"):
    """The file as it is, without anything of ours."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run([layer], {"image": images[i : i + 1]})[0] for i in range(len(images))])


# --- what holds at any size ---------------------------------------------------------------------------------------

SHAPE = node("Shape", "conv", "conv_shape")
HOLDS = {
    "a convolution and a rectifier": ([node("Relu", "conv", "out")], {}),
    "a pool that slides": ([node("MaxPool", "conv", "out", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)], {}),
    "a pool of four": ([node("AveragePool", "conv", "out", kernel_shape=[4, 4], strides=[4, 4])], {}),
    "squeeze and excite": (
        [
            node("GlobalAveragePool", "conv", "mean"),
            node("Conv", "mean squeeze", "mixed"),
            node("Sigmoid", "mixed", "gate"),
            node("Mul", "conv gate", "out"),
        ],
        {"squeeze": SQUEEZE},
    ),
    "a mean over positions and a dense layer": (
        [node("ReduceMean", "conv", "mean", axes=[2, 3], keepdims=0), node("Gemm", "mean head", "out")],
        {"head": HEAD},
    ),
    "a dense layer after a global pool": (
        [
            node("GlobalAveragePool", "conv", "mean"),
            node("Flatten", "mean", "flat"),
            node("Gemm", "flat head", "out"),
        ],
        {"head": HEAD},
    ),
    "a sum over positions that is left a sum": (
        [node("ReduceSum", "conv axes", "sum"), node("Mul", "sum half", "out")],
        {"axes": ints(2, 3), "half": np.float32(0.5)},
    ),
    "resizing by a factor": (
        [node("Resize", "conv  scales", "out", mode="nearest")],
        {"scales": np.array([1, 1, 2, 2], np.float32)},
    ),
    "resizing to a size that is computed": (
        [
            node("GlobalAveragePool", "conv", "mean"),
            SHAPE,
            node("Slice", "conv_shape two four", "sides"),
            node("Concat", "ones sides", "sizes", axis=0),
            helper.make_node("Resize", ["mean", "", "", "sizes"], ["wide"], mode="nearest"),
            node("Concat", "conv wide", "out", axis=1),
        ],
        {"two": ints(2), "four": ints(4), "ones": ints(1, 4)},
    ),
    "positions as tokens, and as a map again": (
        [
            node("Reshape", "conv tokens", "flat"),
            node("Softmax", "flat", "attended", axis=2),
            SHAPE,
            node("Reshape", "attended conv_shape", "out"),
        ],
        {"tokens": ints(0, 0, -1)},
    ),
    "group normalization of old": (
        [
            node("Reshape", "conv groups", "grouped"),
            node("InstanceNormalization", "grouped ones zeros", "normal"),
            SHAPE,
            node("Reshape", "normal conv_shape", "out"),
        ],
        {"groups": ints(0, 2, -1), "ones": np.ones(2, np.float32), "zeros": np.zeros(2, np.float32)},
    ),
    "cutting a border": (
        [node("Slice", "conv from to axes", "out")],
        {"from": ints(1, 1), "to": ints(-1, 2**31), "axes": ints(2, 3)},
    ),
    "depth to space": ([node("DepthToSpace", "conv", "out", blocksize=2)], {}),
    "padding that goes by the size, at a size where it is the same": (
        [node("MaxPool", "conv", "out", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")],
        {},
    ),
}


def fixed(case):
    """Resize leaves out its second input, which splitting at blanks loses."""
    nodes, constants = case
    for one in nodes:
        if one.op_type == "Resize" and list(one.input) == ["conv", "scales"]:
            one.input[:] = ["conv", "", "scales"]
    return nodes, constants


@pytest.mark.parametrize("size", [OTHER, (32, 26), (6, 20)])
@pytest.mark.parametrize("name", HOLDS)
def test_what_goes_by_the_actual_size_gives_what_the_file_with_free_sizes_gives(tmp_path, name, size):
    nodes, constants = fixed(HOLDS[name])
    free = file_of(tmp_path / "free.onnx", nodes, constants, size=("h", "w"))
    model = load(file_of(tmp_path / "net.onnx", nodes, constants, batch=1), UNIT).at_size(size, ["out"])
    images = noise(3, size)
    expected = by_onnxruntime(free, images)
    np.testing.assert_allclose(model.run(images, ["out"])["out"], expected, rtol=1e-4, atol=1e-5)
    traced = model.trace(torch.from_numpy(images), ["out"]).values["out"].numpy()
    np.testing.assert_allclose(traced, expected, rtol=1e-4, atol=1e-5)
    assert model.layers["out"].shape[1:] == expected.shape[1:]


# --- what has a size written into it ----------------------------------------------------------------------------

REFUSED = {
    "tokens of a fixed number": ([node("Reshape", "conv t", "out")], {"t": ints(1, 4, 64)}, OTHER, r"\[1, 4, 64\]"),
    "a reshape whose free axis swallows the rest": (
        [node("Reshape", "conv t", "out")],
        {"t": ints(-1, 4, 8, 8)},
        (16, 16),
        "makes .* into",
    ),
    "tokens that become a map of the wrong width": (
        [node("Reshape", "conv t", "flat"), node("Softmax", "flat", "soft"), node("Reshape", "soft m", "out")],
        {"t": ints(0, 0, -1), "m": ints(0, 0, 8, -1)},
        OTHER,
        "makes 192 into 8x24",
    ),
    "a dense layer on positions": ([node("Flatten", "conv", "out")], {}, OTHER, "joins positions"),
    "position embeddings": (
        [node("Add", "conv p", "out")],
        {"p": np.ones((1, 4, 8, 8), np.float32)},
        OTHER,
        "1x4x8x8",
    ),
    "position embeddings that a single position is spread over": (
        [node("Add", "conv p", "out")],
        {"p": np.ones((1, 4, 8, 8), np.float32)},
        (1, 1),
        "combines with values whose size",
    ),
    "a pool that stood for the whole map": (
        [node("AveragePool", "conv", "m", kernel_shape=[8, 8], strides=[8, 8]), node("Mul", "conv m", "out")],
        {},
        (12, 12),
        "covers all of its map",
    ),
    "resizing to a fixed size": (
        [helper.make_node("Resize", ["conv", "", "", "sizes"], ["out"], mode="nearest")],
        {"sizes": ints(1, 4, 16, 16)},
        OTHER,
        "resizes to 16",
    ),
    "a cut at a fixed place": (
        [node("Slice", "conv from to axes", "out")],
        {"from": ints(0), "to": ints(8), "axes": ints(2)},
        OTHER,
        "cuts at places",
    ),
    "a row by its number": ([node("Gather", "conv row", "out", axis=2)], {"row": ints(5)}, OTHER, "picks positions"),
    "halves": (
        [node("Split", "conv", "out other", axis=3)],
        {},
        OTHER,
        "splits an axis that grows",
    ),
    "a mean with the number of positions in the file": (
        [node("ReduceSum", "conv axes", "sum"), node("Mul", "sum share", "out")],
        {"axes": ints(2, 3), "share": np.float32(1 / 64)},
        OTHER,
        "divides by the number of positions",
    ),
    "sampling at fixed points": (
        [node("GridSample", "conv grid", "out")],
        {"grid": np.zeros((1, 3, 3, 2), np.float32)},
        OTHER,
        "is not known to do the same",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_size_written_into_the_file_is_named_with_its_layer(tmp_path, name):
    nodes, constants, size, reason = REFUSED[name]
    opset = 16 if name == "sampling at fixed points" else 13 if name == "halves" else 17
    model = load(file_of(tmp_path / "net.onnx", nodes, constants, batch=1, opset=opset), UNIT)
    with pytest.raises(NotSupported, match=reason) as problem:
        model.at_size(size, ["out"])
    assert "12x16" in str(problem.value) or size != OTHER
    assert "choose a layer before" in problem.value.next_step and "'conv'" in problem.value.next_step
    assert model.at_size(size, ["conv"]).layers["conv"].shape == (None, 4, *size)


def test_a_softmax_of_old_over_classes_and_positions_is_refused(tmp_path):
    nodes = [
        node("MaxPool", "conv", "pool", kernel_shape=[8, 8], strides=[8, 8]),
        node("Softmax", "pool", "out", axis=1),
    ]
    model = load(file_of(tmp_path / "net.onnx", nodes, opset=11), UNIT)
    with pytest.raises(NotSupported, match="classes and positions together"):
        model.at_size((16, 16), ["out"])


def test_padding_that_moves_one_branch_against_the_other_is_found_by_its_values(tmp_path):
    same = {"strides": [2, 2], "auto_pad": "SAME_UPPER"}
    nodes = [
        node("Conv", "conv three", "wide", kernel_shape=[3, 3], **same),
        node("Conv", "conv squeeze", "short", kernel_shape=[1, 1], **same),
        node("Add", "wide short", "out"),
    ]
    constants = {"three": np.random.default_rng(3).normal(size=(4, 4, 3, 3)).astype(np.float32), "squeeze": SQUEEZE}
    model = load(file_of(tmp_path / "net.onnx", nodes, constants, size=(16, 16)), UNIT)
    with pytest.raises(NotSupported, match="another function than at 16x16") as problem:
        model.at_size((31, 31), ["out"])
    assert "multiples of 2" in problem.value.next_step
    assert model.at_size((30, 22), ["out"]).evidence()["same_at_own_size"]["out"]["positions"] > 20


# --- what comes back ----------------------------------------------------------------------------------------------


def test_it_is_cut_to_the_layers_and_says_so(tmp_path):
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    part = model.at_size((33, 20), ["stem.relu"])  # an alias
    assert list(part.layers) == ["conv", "relu"] and part.outputs == ("relu",)
    assert part.layers["relu"].shape == (None, 6, 17, 10)
    assert part.layers["relu"].aliases == model.layers["relu"].aliases
    assert part.size == (33, 20) and part.scores is None and not part.labels.names
    assert part.source.details["size"] == "33x20"
    assert model.size == (16, 16) and "size" not in model.source.details
    with pytest.raises(UnknownName):
        part.run(noise(1, (33, 20)), ["scores"])
    with pytest.raises(UnknownName):
        model.at_size((33, 20), ["nothing"])
    with pytest.raises(UsageError, match="size is"):
        model.at_size((0, 20), ["relu"])


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("elem_type", [TensorProto.FLOAT, TensorProto.UINT8], ids=["float", "uint8"])
@pytest.mark.parametrize("batch", ["n", 1, 4])
def test_layout_number_format_and_batch_stay_as_they_are(tmp_path, layout, elem_type, batch):
    options = ModelOptions(preprocess="raw", device="cpu")
    kind = {"layout": layout, "elem_type": elem_type, "end": "Softmax"}
    free = load(conv_net(tmp_path / "free.onnx", size=(24, 40), **kind), options)
    part = load(conv_net(tmp_path / "net.onnx", batch=batch, **kind), options).at_size((24, 40), ["relu"])
    images = noise(5, (24, 40))
    expected = free.run(images, ["relu"])["relu"]
    np.testing.assert_allclose(part.run(images, ["relu"])["relu"], expected, rtol=1e-5, atol=1e-3)
    targets = [neuron_target(part, "relu", channel=2)] * 5
    ours, theirs = (input_gradients(m, images, targets).pixels for m in (part, free))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6 * np.abs(theirs).max())


@pytest.mark.parametrize("rule", ["plain", "guided", "deconvnet", "redirected", "lrp-epsilon-plus-flat"])
def test_every_rule_of_the_backward_pass_works_there(tmp_path, rule):
    free = load(conv_net(tmp_path / "free.onnx", size=(24, 40)), UNIT)
    part = load(conv_net(tmp_path / "net.onnx"), UNIT).at_size((24, 40), ["relu"])
    images, targets = noise(2, (24, 40)), [neuron_target(part, "relu", channel=2)] * 2
    ours, theirs = (input_gradients(m, images, targets, rule).pixels for m in (part, free))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)


def test_a_large_image_of_a_small_model_is_run_one_by_one(tmp_path):
    free = load(conv_net(tmp_path / "free.onnx", size=(1200, 1001)), UNIT)
    part = load(conv_net(tmp_path / "net.onnx"), UNIT).at_size((1200, 1001), ["relu"])
    images = noise(2, (1200, 1001))
    expected = free.run(images[1:], ["relu"])["relu"]
    np.testing.assert_allclose(part.run(images, ["relu"])["relu"][1:], expected, rtol=1e-5, atol=1e-5)
    traced = part.trace(torch.from_numpy(images), ["relu"]).values["relu"]
    np.testing.assert_allclose(traced[1:].numpy(), expected, rtol=1e-4, atol=1e-5)


def test_in_batches_it_is_counted_as_the_whole_is(tmp_path):
    counted = []
    model = BatchedAdapter(load(conv_net(tmp_path / "net.onnx"), UNIT), 2, counted.append)
    part = model.at_size((20, 20), ["relu"])
    part.run(noise(5, (20, 20)), ["relu"])
    assert sorted(counted) == [1, 2, 2] and part.batch_size == 2 and part.size == (20, 20)
    assert BatchedAdapter(load(tmp_path / "net.onnx", UNIT)).at_size((1600, 1600), ["relu"]).batch_size == 1


def test_a_part_can_be_taken_again_and_drawn_anew(tmp_path):
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    part = model.at_size((40, 24), ["relu"])
    images = noise(1, (20, 20))
    again, direct = (m.at_size((20, 20), ["conv"]).run(images, ["conv"])["conv"] for m in (part, model))
    np.testing.assert_array_equal(again, direct)
    drawn = part.randomized(0).run(noise(1, (40, 24)), ["relu"])["relu"]
    assert np.abs(drawn - part.run(noise(1, (40, 24)), ["relu"])["relu"]).max() > 0.1


def test_a_model_that_cannot_says_so():
    from tests.fakes import SumModel

    with pytest.raises(NotSupported, match="takes images of 100x100 only"):
        SumModel().at_size((10, 10), ["scores"])
