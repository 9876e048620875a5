"""The ONNX program as users of the engine see it: feeds in, wanted tensors out, and what happened to the gradient."""

import weakref

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch.overrides import TorchFunctionMode

from tests.adapters.onnx_torch.graphs import graph, model, node, program, value
from viz.adapters.onnx_torch.program import OnnxProgram
from viz.core.errors import ModelError, OutOfMemory, UnknownName, UsageError

KERNEL = np.ones((2, 3), np.float32)


def two_layers():
    """y = relu(x @ w.T); both are wanted often enough."""
    nodes = [
        node("Transpose", ["w"], ["wt"], perm=[1, 0]),
        node("MatMul", ["x", "wt"], ["h"], "project"),
        node("Relu", ["h"], ["y"], "act"),
        node("ArgMax", ["y"], ["best"], "head", axis=1),
    ]
    return program(nodes, ["x"], ["y", "best"], {"w": KERNEL})


def test_any_tensor_can_be_had_by_its_name():
    found = two_layers()
    assert found.inputs == ("x",)
    assert found.outputs == ("y", "best")
    assert found.tensor_names == ("x", "wt", "h", "y", "best")
    values = found.run({"x": -torch.ones(1, 3)}, ["x", "h", "y", "best"]).values
    assert values["h"].tolist() == [[-3.0, -3.0]]
    assert values["y"].tolist() == [[0.0, 0.0]]
    assert values["x"].tolist() == [[-1.0, -1.0, -1.0]]


def test_weights_and_tensors_folded_away_can_be_had_too():
    values = two_layers().run({"x": torch.ones(1, 3)}, ["w", "wt"]).values
    assert values["w"].shape == (2, 3)
    assert values["wt"].shape == (3, 2)


def test_gradients_flow_from_any_tensor_to_the_feeds():
    x = torch.ones(1, 3, requires_grad=True)
    run = two_layers().run({"x": x}, ["h", "y"])
    assert torch.autograd.grad(run.values["y"].sum(), x, retain_graph=True)[0].tolist() == [[2.0, 2.0, 2.0]]
    assert torch.autograd.grad(run.values["y"].sum(), run.values["h"])[0].tolist() == [[1.0, 1.0]]


def test_only_what_is_wanted_runs():
    nodes = [node("Relu", ["x"], ["y"]), node("Frobnicate", ["x"], ["z"])]
    found = program(nodes, ["x", "unused"], ["y", "z"])
    assert found.run({"x": torch.ones(1)}, ["y"]).values["y"].tolist() == [1.0]
    with pytest.raises(ModelError, match="Frobnicate"):
        found.run({"x": torch.ones(1)}, ["z"])


def test_where_the_gradient_ends_is_reported_with_the_node():
    x = torch.ones(1, 3, requires_grad=True)
    assert two_layers().run({"x": x}, ["y"]).ended == ()
    assert two_layers().run({"x": x}, ["best"]).ended == ("ArgMax 'head' (tensor 'best')",)
    assert two_layers().run({"x": x.detach()}, ["best"]).ended == ()
    with torch.no_grad():
        assert two_layers().run({"x": x}, ["best"]).ended == ()


def test_where_the_gradient_ends_is_reported_inside_vmap():
    ends = []

    def traced(x):
        run = two_layers().run({"x": x}, ["y", "best"])
        ends.extend(run.ended)
        return run.values["y"]

    torch.vmap(traced)(torch.ones(4, 1, 3, requires_grad=True))
    assert ends == ["ArgMax 'head' (tensor 'best')"]


def test_taking_the_shape_does_not_end_the_gradient():
    nodes = [node("Shape", ["x"], ["s"]), node("Reshape", ["x", "s"], ["y"])]
    assert program(nodes).run({"x": torch.ones(2, requires_grad=True)}, ["y"]).ended == ()


def test_rounding_that_gradients_pass_is_reported():
    nodes = [
        node("QuantizeLinear", ["x", "scale", "zero"], ["q"], "q1"),
        node("DequantizeLinear", ["q", "scale", "zero"], ["y"], "d1"),
    ]
    found = program(nodes, weights={"scale": np.array(0.5, np.float32), "zero": np.array(3, np.uint8)})
    x = torch.tensor([1.1, 2.4], requires_grad=True)
    run = found.run({"x": x}, ["y"])
    assert run.values["y"].tolist() == [1.0, 2.5]
    assert run.straight_through == ("QuantizeLinear 'q1'",)
    assert torch.autograd.grad(run.values["y"].sum(), x)[0].tolist() == [1.0, 1.0]


def test_a_batch_of_one_graph_runs_in_vmap():
    nodes = [node("Reshape", ["x", "one_row"], ["r"]), node("MatMul", ["r", "w"], ["y"])]
    found = program(nodes, weights={"one_row": np.array([1, 3]), "w": KERNEL.T})
    x = torch.randn(5, 1, 3, requires_grad=True)
    y = torch.vmap(lambda image: found.run({"x": image}, ["y"]).values["y"])(x)
    torch.testing.assert_close(y[:, 0], x[:, 0] @ torch.from_numpy(KERNEL.T))
    assert torch.autograd.grad(y.sum(), x)[0].shape == x.shape


def test_runs_do_not_see_each_other():
    found = two_layers()
    first = found.run({"x": torch.ones(1, 3)}, ["y"]).values["y"]
    found.run({"x": torch.zeros(4, 3)}, ["y"])
    assert torch.equal(found.run({"x": torch.ones(1, 3)}, ["y"]).values["y"], first)


def test_default_values_are_taken_unless_another_is_fed():
    nodes = [node("Neg", ["w"], ["minus"]), node("Add", ["x", "minus"], ["y"])]
    found = program(nodes, ["x", value("w", [1])], weights={"w": np.ones(1, np.float32)})
    assert found.inputs == ("x",)
    assert found.run({"x": torch.ones(1)}, ["y"]).values["y"].tolist() == [0.0]
    w = torch.tensor([5.0], requires_grad=True)
    y = found.run({"x": torch.ones(1), "w": w}, ["y"]).values["y"]
    assert y.tolist() == [-4.0]
    assert torch.autograd.grad(y.sum(), w)[0].tolist() == [-1.0]
    assert found.run({"x": torch.ones(1)}, ["y"]).values["y"].tolist() == [0.0]


def test_names_that_do_not_exist_are_told_with_the_nearest():
    found = two_layers()
    with pytest.raises(UnknownName, match="did you mean"):
        found.run({"x": torch.ones(1, 3)}, ["bets"])
    with pytest.raises(UnknownName, match="input"):
        found.run({"x": torch.ones(1, 3), "z": torch.ones(1)}, ["y"])
    with pytest.raises(ModelError, match="no value is given for the model's input 'x'"):
        found.run({}, ["y"])


def test_an_error_names_the_node_its_inputs_and_the_reason():
    with pytest.raises(
        ModelError, match=r"MatMul 'project' failed on inputs \(1, 7\) float32, \(3, 2\) float32: "
    ) as caught:
        two_layers().run({"x": torch.ones(1, 7)}, ["y"])
    assert caught.value.next_step


def test_running_out_of_memory_is_told_apart(monkeypatch):
    monkeypatch.setattr("viz.adapters.onnx_torch.program.sane_bytes", lambda: 1 << 20)
    found = program(
        [node("Expand", ["x", "big"], ["e"]), node("Relu", ["e"], ["y"])], weights={"big": np.array([1 << 20])}
    )
    with pytest.raises(OutOfMemory, match=r"Relu 'y'.*GiB"):
        found.run({"x": torch.ones(1)}, ["y"])


def test_other_weights_can_be_put_in_their_place():
    found = two_layers()
    changed = found.with_weights({"w": torch.full((2, 3), 2.0)})
    x = torch.ones(1, 3)
    assert changed.run({"x": x}, ["y"]).values["y"].tolist() == [[6.0, 6.0]]
    assert found.run({"x": x}, ["y"]).values["y"].tolist() == [[3.0, 3.0]]
    assert set(found.weights) == {"w"}
    with pytest.raises(UnknownName):
        found.with_weights({"v": torch.ones(2, 3)})
    with pytest.raises(UsageError, match=r"\(2, 3\)"):
        found.with_weights({"w": torch.ones(3)})


def test_what_operators_prepared_from_the_old_weights_is_forgotten():
    """A depth of preparation: the same program has run before, so caches are warm."""
    kernel = np.ones((1, 1, 1, 1), np.float32)
    found = program([node("Conv", ["x", "k"], ["y"])], weights={"k": kernel})
    x = torch.ones(1, 1, 2, 2)
    found.run({"x": x}, ["y"])
    changed = found.with_weights({"k": torch.from_numpy(kernel * 3)})
    assert changed.run({"x": x}, ["y"]).values["y"].unique().tolist() == [3.0]


def test_no_constant_requires_a_gradient():
    assert not any(weight.requires_grad for weight in two_layers().weights.values())


def test_a_program_on_a_device_has_its_constants_there():
    moved = two_layers().to("meta")
    assert moved.run({"x": torch.ones(1, 3, device="meta")}, ["y"]).values["y"].device.type == "meta"
    assert moved.device.type == "meta"


def test_local_functions_are_written_out():
    body = [node("Mul", ["a", "a"], ["b"])]
    square = helper.make_function("local", "Square", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    found = program([node("Square", ["x"], ["y"], domain="local")], domains={"local": 1}, functions=[square])
    x = torch.tensor([3.0], requires_grad=True)
    y = found.run({"x": x}, ["y"]).values["y"]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [6.0]


@pytest.mark.parametrize(("native", "dtype"), [(False, torch.float32), (True, torch.float16)])
def test_half_precision_feeds_are_computed_in_float32_unless_native(native, dtype):
    half = TensorProto.FLOAT16
    found = program(
        [node("Add", ["x", "w"], ["y"])],
        [value("x", [2], half)],
        [value("y", [2], half)],
        {"w": np.ones(2, np.float16)},
        native=native,
    )
    assert found.run({"x": torch.ones(2, dtype=torch.float16)}, ["y"]).values["y"].dtype == dtype


class LivingTensors(TorchFunctionMode):
    """Counts how many results of torch functions exist at the same time."""

    def __init__(self):
        super().__init__()
        self.made, self.most = [], 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") == "neg":
            self.made.append(weakref.ref(result))
            self.most = max(self.most, sum(reference() is not None for reference in self.made))
        return result


def test_tensors_are_freed_when_nothing_reads_them_any_more():
    nodes = [node("Neg", [f"t{i}"], [f"t{i + 1}"]) for i in range(50)]
    found = program(nodes, ["t0"], ["t50"])
    with torch.no_grad(), LivingTensors() as living:
        found.run({"t0": torch.ones(1)}, ["t50"])
    assert 1 <= living.most <= 3
    with torch.no_grad(), LivingTensors() as living:
        found.run({"t0": torch.ones(1)}, [f"t{i}" for i in range(51)])
    assert living.most >= 50


def test_coverage_says_what_computes_each_operator():
    branch = graph([node("Relu", ["x"], ["b"])], [], ["b"])
    nodes = [
        node("Relu", ["x"], ["a"]),
        node("If", ["x"], ["c"], then_branch=branch, else_branch=branch),
        node("StringNormalizer", ["x"], ["y"]),
        node("Nonsense", ["x"], ["n"], domain="made.up"),
    ]
    assert program(nodes, domains={"made.up": 1}).coverage() == {
        "Relu": {"torch function": 3},
        "If": {"control flow": 1},
        "StringNormalizer": {"reference kernel": 1},
        "made.up::Nonsense": {"none": 1},
    }


def test_an_output_that_an_operator_does_not_make_is_an_error_only_where_it_is_read(monkeypatch):
    monkeypatch.setattr("viz.adapters.onnx_torch.graph.function_of", lambda *_: lambda _node, x: x + 1)
    found = program([node("Dropout", ["x"], ["y", "mask"], "drop")], ["x"], ["y", "mask"])
    assert found.run({"x": torch.ones(1)}, ["y"]).values["y"].tolist() == [2.0]
    with pytest.raises(ModelError, match=r"'drop'.*it gives 1 outputs where the file reads 2"):
        found.run({"x": torch.ones(1)}, ["y", "mask"])


def test_an_opset_from_the_future_is_refused_with_what_to_do():
    future = onnx.defs.onnx_opset_version() + 1
    with pytest.raises(ModelError, match=f"opset {future}") as caught:
        program([node("Relu", ["x"], ["y"])], opset=future)
    assert "pip install --upgrade onnx" in caught.value.next_step


def test_the_model_itself_is_left_as_it_is(tmp_path):
    whole = model([node("Add", ["x", "w"], ["y"])], weights={"w": np.ones(2, np.float32)})
    before = whole.SerializeToString()
    OnnxProgram(whole, tmp_path).run({"x": torch.ones(2)}, ["y"])
    assert whole.SerializeToString() == before
