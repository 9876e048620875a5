"""Several images through graphs made for any number, for one, for four: each gets what it gets alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from tests.adapters.onnx_torch.exports import IMAGE, OUTPUT, Variant
from viz.adapters.onnx_torch.batching import BatchedProgram
from viz.adapters.onnx_torch.program import OnnxProgram
from viz.core.errors import NotSupported

WEIGHTS = np.random.default_rng(0).normal(size=(48, 5)).astype(np.float32)


def graph(nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Any], batch: int | str) -> OnnxProgram:
    """Nodes from `image` (batch, 3, 4, 4) to `output`."""
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    image = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [batch, 3, 4, 4])
    output = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph(nodes, "test", [image], [output], stored), opset_imports=[helper.make_opsetid("", 17)]
    )
    return OnnxProgram(model, Path())


def noise(count: int) -> Tensor:
    return torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(count))


def batched(program: OnnxProgram, batch: int | None) -> BatchedProgram:
    return BatchedProgram(program, IMAGE, batch, {}, noise)


def scores(shape: Sequence[int], last: str = OUTPUT) -> list[onnx.NodeProto]:
    """relu, reshape to a constant `shape` (named in the constants), matrix product."""
    return [
        helper.make_node("Relu", [IMAGE], ["relu"]),
        helper.make_node("Reshape", ["relu", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], [last]),
    ]


def classifier(batch: int | str, shape: Sequence[int]) -> OnnxProgram:
    """A linear classifier of rectified pixels."""
    return graph(scores(shape), {"shape": np.array(shape), "weights": WEIGHTS}, batch)


def expected_scores(images: Tensor) -> Tensor:
    return images.relu().flatten(1) @ torch.from_numpy(WEIGHTS)


def mixing_classifier() -> OnnxProgram:
    """Right for one image. For several, of the right shape and wrong: channels come first when it flattens."""
    nodes = [
        helper.make_node("Relu", [IMAGE], ["relu"]),
        helper.make_node("Transpose", ["relu"], ["turned"], perm=[1, 0, 2, 3]),
        helper.make_node("Reshape", ["turned", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], [OUTPUT]),
    ]
    return graph(nodes, {"shape": np.array([-1, 48]), "weights": WEIGHTS}, 1)


def branching_classifier() -> OnnxProgram:
    """Takes one of two branches by the sum of the pixels: one image at a time, whatever one does."""
    value = helper.make_tensor_value_info
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(op, ["flat"], [name])], name, [], [value(name, TensorProto.FLOAT, None)]
        )
        for name, op in (("then", "Exp"), ("else", "Neg"))
    }
    nodes = [
        helper.make_node("Reshape", [IMAGE, "shape"], ["flat"]),
        helper.make_node("ReduceSum", ["flat"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["bright"]),
        helper.make_node("If", ["bright"], [OUTPUT], **branches),
    ]
    return graph(nodes, {"shape": np.array([1, 48]), "zero": np.float32(0)}, 1)


def test_a_graph_that_takes_any_batch_runs_all_images_together() -> None:
    program = batched(classifier("n", [-1, 48]), None)
    images = noise(4)
    torch.testing.assert_close(program.run(images, [OUTPUT]).values[OUTPUT], expected_scores(images))
    assert program.way([OUTPUT]) == "together"
    assert program.notes == []


def test_a_fixed_batch_without_a_constant_shape_runs_all_images_together_too() -> None:
    assert batched(classifier(1, [-1, 48]), 1).way([OUTPUT]) == "together"


def test_a_reshape_to_one_image_is_run_through_vmap() -> None:
    program = batched(classifier(1, [1, 48]), 1)
    images = noise(4)
    torch.testing.assert_close(program.run(images, [OUTPUT]).values[OUTPUT], expected_scores(images))
    assert program.way([OUTPUT]) == "vmapped"


def test_a_graph_that_gives_wrong_values_of_the_right_shape_is_found_out() -> None:
    program, images = mixing_classifier(), noise(3)
    plain = program.run({IMAGE: images}, [OUTPUT]).values[OUTPUT]
    assert plain.shape == (3, 5)
    assert not torch.allclose(plain, expected_scores(images), atol=0.1)

    several = batched(program, 1)
    torch.testing.assert_close(several.run(images, [OUTPUT]).values[OUTPUT], expected_scores(images))
    assert several.way([OUTPUT]) == "vmapped"
    assert "together: 'output' differs from images run alone by" in several.notes[0]


def test_a_fixed_batch_file_of_the_new_exporter_is_right_for_three_images() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Linear(3, 12)

        def forward(self, x: Tensor) -> Tensor:
            b = x.shape[0]
            q, k = self.project(x.flatten(2).transpose(1, 2)).reshape(b, 16, 2, 2, 3).permute(2, 0, 3, 1, 4).unbind(0)
            return (q @ k.transpose(-2, -1)).softmax(-1).amax(-1).reshape(b, -1)

    torch.manual_seed(0)
    network = Heads().requires_grad_(False)
    program = batched(OnnxProgram(Variant("new", 18, free=False).export(network, noise(1)), Path()), 1)
    images = noise(3)
    torch.testing.assert_close(program.run(images, [OUTPUT]).values[OUTPUT], network(images))
    assert program.way([OUTPUT]) == "vmapped"


def test_a_branch_that_depends_on_the_image_is_run_one_by_one() -> None:
    program = batched(branching_classifier(), 1)
    images = noise(4)
    bright = images.sum((1, 2, 3)) > 0
    assert bright.any(), "both branches should be taken"
    assert not bright.all(), "both branches should be taken"
    flat = images.flatten(1)
    found = program.run(images, [OUTPUT]).values[OUTPUT]
    torch.testing.assert_close(found, torch.where(bright[:, None], flat.exp(), -flat))
    assert program.way([OUTPUT]) == "one by one"
    assert "run one by one, not together" in program.notes[0]
    assert "; vmapped: " in program.notes[0]


@pytest.mark.parametrize("count", [1, 4, 6])
def test_a_graph_made_for_four_runs_any_number_of_images(count: int) -> None:
    program = batched(classifier(4, [4, 48]), 4)
    images = noise(count)
    torch.testing.assert_close(program.run(images, [OUTPUT]).values[OUTPUT], expected_scores(images))
    assert program.way([OUTPUT]) == "vmapped"


def test_a_graph_made_for_two_that_mixes_them_is_refused() -> None:
    nodes = [
        helper.make_node("ReduceMean", [IMAGE], ["mean"], axes=[0]),
        helper.make_node("Sub", [IMAGE, "mean"], [OUTPUT]),
    ]
    with pytest.raises(NotSupported, match="takes 2 images at a time and does not keep them apart"):
        batched(graph(nodes, {}, 2), 2).run(noise(3), [OUTPUT])


def test_values_that_are_the_same_for_all_images_do_not_prove_that_images_are_kept_apart() -> None:
    saturated = [
        helper.make_node("Relu", [IMAGE], ["relu"]),
        helper.make_node("Transpose", ["relu"], ["turned"], perm=[1, 0, 2, 3]),
        helper.make_node("Reshape", ["turned", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "bias"], ["sure"]),
        helper.make_node("Softmax", ["sure"], [OUTPUT]),
    ]
    bias = np.array([1000, 0, 0, 0, 0], np.float32)
    program = graph(saturated, {"shape": np.array([-1, 48]), "weights": WEIGHTS, "bias": bias}, 1)
    images = noise(3)
    plain, alone = (program.run({IMAGE: x}, [OUTPUT]).values[OUTPUT] for x in (images, images[:1]))
    assert torch.equal(plain, alone.expand(3, -1)), "the outputs should not show the mistake"

    several = batched(program, 1)
    assert several.way([OUTPUT]) == "vmapped"
    assert "the same for different images" in several.notes[0]


def rounding_by_batch(quantized: bool) -> OnnxProgram:
    """Adds a thousandth of the number of images to every value, as if summed in another order; then, or not, rounds."""
    nodes = [
        helper.make_node("Shape", [IMAGE], ["count"], start=0, end=1),
        helper.make_node("Cast", ["count"], ["float_count"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float_count", "thousandth"], ["stray"]),
        helper.make_node("Add", [IMAGE, "stray"], ["moved"]),
        helper.make_node("QuantizeLinear", ["moved", "step", "zero"], ["whole"]),
        helper.make_node("DequantizeLinear", ["whole", "step", "zero"], ["rounded"]),
        helper.make_node("Identity", ["rounded" if quantized else "moved"], [OUTPUT]),
    ]
    constants = {"thousandth": np.float32(1e-3), "step": np.float32(0.02), "zero": np.int8(0)}
    return graph([n for n in nodes if quantized or "uantize" not in n.op_type], constants, "n")


def test_quantized_values_may_differ_by_a_rounding_step_and_others_may_not() -> None:
    assert batched(rounding_by_batch(quantized=True), None).way([OUTPUT]) == "together"
    assert batched(rounding_by_batch(quantized=False), None).way([OUTPUT]) == "vmapped"


def test_the_way_is_found_for_each_set_of_tensors() -> None:
    program = batched(mixing_classifier(), 1)
    assert program.way(["relu"]) == "together"
    assert program.way(["relu", OUTPUT]) == "vmapped"


def test_what_does_not_depend_on_the_image_comes_out_for_every_image() -> None:
    nodes = [*scores([1, 48]), helper.make_node("Expand", ["token", "size"], ["tokens"])]
    constants = {"shape": np.array([1, 48]), "weights": WEIGHTS, "size": np.array([1, 2, 3])}
    token = np.float32([[[1, 2, 3]]])
    program = batched(graph(nodes, {**constants, "token": token}, 1), 1)
    found = program.run(noise(4), ["tokens", OUTPUT]).values
    assert torch.equal(found["tokens"], torch.tensor([1.0, 2, 3]).expand(4, 2, 3))
    torch.testing.assert_close(found[OUTPUT], expected_scores(noise(4)))


def test_a_tensor_without_a_row_for_each_image_cannot_be_wanted() -> None:
    nodes = [*scores([-1, 48]), helper.make_node("Shape", ["relu"], ["shape_of_relu"])]
    program = batched(graph(nodes, {"shape": np.array([-1, 48]), "weights": WEIGHTS}, "n"), None)
    for count in (1, 4):  # with four images even the length of the shape is that of a batch
        with pytest.raises(NotSupported, match=r"'shape_of_relu' gave shape \(4,\) for 1 image: .* not the batch"):
            program.run(noise(count), ["shape_of_relu"])


@pytest.mark.parametrize(
    ("program", "batch", "way"),
    [
        (classifier("n", [-1, 48]), None, "together"),
        (mixing_classifier(), 1, "vmapped"),
        (branching_classifier(), 1, "one by one"),
        (classifier(4, [4, 48]), 4, "vmapped"),
    ],
    ids=["together", "vmapped", "one by one", "four at a time"],
)
def test_an_image_has_no_gradient_from_another(program: OnnxProgram, batch: int | None, way: str) -> None:
    several = batched(program, batch)
    images = noise(6).requires_grad_()
    values = several.run(images, [OUTPUT]).values[OUTPUT]
    assert several.way([OUTPUT]) == way
    for i in range(6):
        (gradient,) = torch.autograd.grad(values[i].sum(), images, retain_graph=True)
        per_image = gradient.flatten(1).abs().sum(1)
        assert per_image[i] > 0
        assert per_image.sum() == per_image[i]
