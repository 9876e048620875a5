"""If, Loop and Scan: values by hand, gradients through them, and the graphs around them."""

import numpy as np
import pytest
import torch
from onnx import TensorProto

from tests.adapters.onnx_torch.graphs import graph, node, program, value
from viz.core.errors import ModelError

BOOL = {"dims": [], "kind": TensorProto.BOOL}
WHOLE = {"dims": [], "kind": TensorProto.INT64}


def test_if_runs_the_branch_that_the_condition_chooses_and_only_that():
    then = graph([node("Mul", ["x", "x"], ["t"])], [], ["t"])
    other = graph([node("Frobnicate", ["x"], ["e"])], [], ["e"])  # would be an error if it ran
    found = program([node("If", ["c"], ["y"], then_branch=then, else_branch=other)], ["x", value("c", **BOOL)], ["y"])
    x = torch.tensor([3.0], requires_grad=True)
    y = found.run({"x": x, "c": torch.tensor(True)}, ["y"]).values["y"]
    assert y.tolist() == [9.0]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [6.0]
    with pytest.raises(ModelError, match="Frobnicate"):
        found.run({"x": x, "c": torch.tensor(False)}, ["y"])


def test_a_branch_may_hand_on_a_tensor_from_outside():
    then, other = graph([], [], ["x"]), graph([node("Neg", ["x"], ["e"])], [], ["e"])
    found = program([node("If", ["c"], ["y"], then_branch=then, else_branch=other)], ["x", value("c", **BOOL)])
    run = found.run({"x": torch.tensor([3.0]), "c": torch.tensor(True)}, ["y"])
    assert run.values["y"].tolist() == [3.0]


def loop(nodes, carried=("v",), results=("w",), weights=None, limit="m", condition="", outputs=("y",)):
    """A model of one Loop; its body has `turn`, `on` and the carried values, and gives `go` and the results."""
    body = graph(
        nodes,
        [value("turn", **WHOLE), value("on", **BOOL), *carried],
        [value("go", **BOOL), *results],
    )
    first = {"m": np.array(4), **(weights or {})}
    return program([node("Loop", [limit, condition, "x"], outputs, "around", body=body)], ["x"], outputs, first)


GO_ON = node("Identity", ["on"], ["go"])


def test_loop_carries_values_round_with_their_gradient():
    found = loop([GO_ON, node("Mul", ["v", "v"], ["w"])], weights={"m": np.array(2)})
    x = torch.tensor([3.0], requires_grad=True)
    y = found.run({"x": x}, ["y"]).values["y"]
    assert y.tolist() == [81.0]  # (x²)²
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [108.0]  # 4 x³


def test_loop_stacks_what_its_turns_give():
    found = loop(
        [GO_ON, node("Add", ["v", "v"], ["w"]), node("Neg", ["w"], ["each"])],
        results=("w", "each"),
        outputs=("y", "all"),
    )
    run = found.run({"x": torch.tensor([1.0])}, ["y", "all"])
    assert run.values["y"].tolist() == [16.0]
    assert run.values["all"].tolist() == [[-2.0], [-4.0], [-8.0], [-16.0]]


def test_loop_ends_when_its_condition_becomes_false():
    nodes = [
        node("Add", ["v", "v"], ["w"]),
        node("ReduceSum", ["w"], ["s"], keepdims=0),
        node("Less", ["s", "ten"], ["go"]),
    ]
    ten = {"ten": np.array(10, np.float32)}
    assert loop(nodes, weights=ten, limit="").run({"x": torch.tensor([1.0])}, ["y"]).values["y"].tolist() == [16.0]
    no = {**ten, "no": np.array(False)}
    started = loop(nodes, weights=no, limit="", condition="no").run({"x": torch.tensor([1.0])}, ["y"])
    assert started.values["y"].tolist() == [1.0]


def test_loop_that_makes_no_turn_gives_empty_stacks_of_the_stated_shape():
    nodes = [GO_ON, node("Identity", ["v"], ["w"]), node("Cast", ["v"], ["each"], to=TensorProto.INT64)]
    found = loop(
        nodes,
        results=("w", value("each", [3], TensorProto.INT64)),
        weights={"m": np.array(0)},
        outputs=("y", "all"),
    )
    stack = found.run({"x": torch.ones(3)}, ["all"]).values["all"]
    assert stack.shape == (0, 3)
    assert stack.dtype == torch.int64


def test_loops_count_their_turns_and_take_constants_from_outside():
    nodes = [
        GO_ON,
        node("Cast", ["turn"], ["t"], to=TensorProto.FLOAT),
        node("Mul", ["t", "factor"], ["step"]),
        node("Add", ["v", "step"], ["w"]),
    ]
    found = loop(nodes, weights={"factor": np.array(10, np.float32)})
    assert found.run({"x": torch.tensor([0.0])}, ["y"]).values["y"].tolist() == [60.0]  # 10 · (0 + 1 + 2 + 3)


def test_what_is_constant_inside_a_loop_is_computed_once_and_before():
    nodes = [
        GO_ON,
        node("Neg", ["factor"], ["minus"]),
        node("Add", ["v", "minus"], ["w"]),
    ]
    found = loop(nodes, weights={"factor": np.array(10, np.float32)})
    inside = found._graph(frozenset()).nodes[0].graphs["body"]
    assert [part.op for part in inside.nodes] == ["Identity", "Add"]
    assert found.run({"x": torch.tensor([0.0])}, ["y"]).values["y"].tolist() == [-40.0]


def test_loops_inside_loops_see_all_names_around_them():
    inner = graph(
        [GO_ON, node("Add", ["u", "v"], ["s"]), node("Add", ["s", "far"], ["n"])],
        [value("turn", **WHOLE), value("on", **BOOL), "u"],
        [value("go", **BOOL), "n"],
    )
    nodes = [GO_ON, node("Loop", ["three", "", "v"], ["w"], body=inner)]
    found = loop(nodes, weights={"m": np.array(2), "three": np.array(3), "far": np.array(1, np.float32)})
    # one outer turn: v + 3 (v + 1) = 4 v + 3
    assert found.run({"x": torch.tensor([1.0])}, ["y"]).values["y"].tolist() == [31.0]


def test_loop_carries_sequences():
    nodes = [GO_ON, node("SequenceInsert", ["v", "one"], ["w"])]
    start = [node("SequenceConstruct", ["x"], ["list"])]
    body = graph(nodes, [value("turn", **WHOLE), value("on", **BOOL), "v"], [value("go", **BOOL), "w"])
    found = program(
        [
            *start,
            node("Loop", ["m", "", "list"], ["long"], body=body),
            node("ConcatFromSequence", ["long"], ["y"], axis=0),
        ],
        weights={"m": np.array(2), "one": np.ones(1, np.float32)},
    )
    x = torch.tensor([5.0], requires_grad=True)
    y = found.run({"x": x}, ["y"]).values["y"]
    assert y.tolist() == [5.0, 1.0, 1.0]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [1.0]


def running_sum(opset=17, inputs=("start", "x"), **attributes):
    """A Scan that adds slice after slice and gives every sum."""
    body = graph(
        [node("Add", ["sum", "slice"], ["next"]), node("Identity", ["next"], ["each"])],
        ["sum", "slice"],
        ["next", "each"],
    )
    names = ["", "start", "x"] if opset < 9 else list(inputs)
    return program(
        [node("Scan", names, ["last", "all"], body=body, num_scan_inputs=1, **attributes)],
        ["start", "x"],
        ["last", "all"],
        opset=opset,
    )


def test_scan_goes_along_the_first_axis():
    run = running_sum().run({"start": torch.zeros(2), "x": torch.arange(6.0).reshape(3, 2)}, ["last", "all"])
    assert run.values["last"].tolist() == [6.0, 9.0]
    assert run.values["all"].tolist() == [[0.0, 1.0], [2.0, 4.0], [6.0, 9.0]]


def test_scan_goes_backwards_along_another_axis():
    found = running_sum(
        scan_input_axes=[1], scan_input_directions=[1], scan_output_axes=[-1], scan_output_directions=[1]
    )
    run = found.run({"start": torch.zeros(2), "x": torch.tensor([[0.0, 2, 4], [1, 3, 5]])}, ["last", "all"])
    assert run.values["last"].tolist() == [6.0, 9.0]
    assert run.values["all"].tolist() == [[6.0, 6.0, 4.0], [9.0, 8.0, 5.0]]


def test_scan_of_opset_8_has_a_batch_of_sequences():
    x = torch.arange(12.0).reshape(2, 3, 2)
    run = running_sum(opset=8).run({"start": torch.zeros(2, 2), "x": x}, ["last", "all"])
    torch.testing.assert_close(run.values["all"], x.cumsum(1))
    torch.testing.assert_close(run.values["last"], x.sum(1))


def test_gradients_pass_a_scan():
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    found = running_sum()

    def last(values):
        return found.run({"start": torch.zeros(2, dtype=torch.float64), "x": values**3}, ["last"]).values["last"]

    assert torch.autograd.gradcheck(last, x)


def test_a_condition_that_differs_between_images_is_an_error_under_vmap():
    then, other = graph([node("Neg", ["x"], ["t"])], [], ["t"]), graph([node("Abs", ["x"], ["e"])], [], ["e"])
    found = program(
        [node("Greater", ["x", "zero"], ["c"]), node("If", ["c"], ["y"], "fork", then_branch=then, else_branch=other)],
        weights={"zero": np.array(0, np.float32)},
    )
    with pytest.raises(ModelError, match="If 'fork'"):
        torch.vmap(lambda x: found.run({"x": x}, ["y"]).values["y"])(torch.tensor([1.0, -1.0]))


def test_a_loop_without_an_end_is_an_error(monkeypatch):
    monkeypatch.setattr("viz.adapters.onnx_torch.gradient_path._MOST_ITERATIONS", 50)
    with pytest.raises(ModelError, match="Loop 'around' has not ended after 50 turns"):
        loop([GO_ON, node("Identity", ["v"], ["w"])], limit="").run({"x": torch.ones(1)}, ["y"])


def test_an_error_inside_a_loop_names_the_node_inside():
    nodes = [GO_ON, node("MatMul", ["v", "v"], ["w"], "inside")]
    with pytest.raises(ModelError, match=r"MatMul 'inside' failed on inputs \(2, 3\) float32"):
        loop(nodes).run({"x": torch.ones(2, 3)}, ["y"])


def test_what_cuts_the_gradient_inside_a_loop_is_reported():
    nodes = [GO_ON, node("ArgMax", ["v"], ["i"], "pick"), node("Cast", ["i"], ["w"], to=TensorProto.FLOAT)]
    x = torch.ones(2, 3, requires_grad=True)
    run = loop(nodes, weights={"m": np.array(1)}).run({"x": x}, ["y"])
    assert "ArgMax 'pick' (tensor 'i')" in run.ended
