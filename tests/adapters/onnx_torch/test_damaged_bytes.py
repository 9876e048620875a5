"""Files with a few bytes changed end in values or in an error of ours, in seconds and without filling the memory."""

import random
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

import viz.adapters.onnx_torch.program
from tests.adapters.onnx_torch.graphs import graph, model, node, value
from tests.adapters.onnx_torch.malformed import sound
from viz.adapters.onnx_graph.file import read
from viz.adapters.onnx_torch.operator_table import covered
from viz.adapters.onnx_torch.program import OnnxProgram
from viz.core.errors import ModelError

MUTATIONS = 100
SECONDS = 30
STATM = Path("/proc/self/statm")  # memory of this process, in pages
ODD_NUMBERS = (-(1 << 63), -(1 << 31), -7, -1, 0, 1, 2, 5, 1 << 20, 1 << 31, (1 << 63) - 1)


def looping():
    """A Loop with an If in it, a sequence of shape arithmetic, and strings."""
    body = graph(
        [
            node("Less", ["turn", "two"], ["early"]),
            node(
                "If",
                ["early"],
                ["next"],
                then_branch=graph([node("Mul", ["carried", "carried"], ["a"])], [], ["a"]),
                else_branch=graph([node("Relu", ["carried"], ["b"])], [], ["b"]),
            ),
        ],
        [value("turn", [], TensorProto.INT64), value("on", [], TensorProto.BOOL), "carried"],
        [value("on", [], TensorProto.BOOL), "next"],
        {"two": np.array(2, np.int64)},
    )
    nodes = [
        node("Shape", ["image"], ["shape"]),
        node("Gather", ["shape", "first"], ["batch"], axis=0),
        node("Concat", ["batch", "rest"], ["target"], axis=0),
        node("Reshape", ["image", "target"], ["rows"]),
        node("Loop", ["turns", "", "rows"], ["looped"], body=body),
        node("Expand", ["looped", "wide"], ["scores"]),
    ]
    weights = {
        "first": np.array([0]),
        "rest": np.array([-1]),
        "turns": np.array(5),
        "wide": np.array([2, 1, 1]),
    }
    return model(nodes, [value("image", [1, 3, 8, 8])], [value("scores")], weights)


def quantized():
    """Rounded to 8 bits and back, resized, with a function body of the standard's own."""
    nodes = [
        node("QuantizeLinear", ["image", "scale", "zero"], ["q"]),
        node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        node("Resize", ["d", "", "scales"], ["large"], mode="linear"),
        node("MeanVarianceNormalization", ["large"], ["normal"], axes=[0, 2, 3]),
        node("Pad", ["normal", "pads"], ["padded"], mode="reflect"),
        node("ConstantOfShape", ["pads"], ["c"], value=onnx.numpy_helper.from_array(np.ones(1, np.float32))),
        node("ReduceSum", ["c"], ["sum"], keepdims=0),
        node("Div", ["padded", "sum"], ["scores"]),
    ]
    weights = {
        "scale": np.array(0.1, np.float32),
        "zero": np.array(128, np.uint8),
        "scales": np.array([1, 1, 2, 2], np.float32),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    }
    return model(nodes, [value("image", [1, 3, 8, 8])], [value("scores")], weights)


def damaged(content: bytes, chance: random.Random) -> bytes:
    """A byte or a short piece changed, taken out or put in; now and then several."""
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        place = chance.randrange(len(changed))
        kind = chance.choice(["flip", "flip", "flip", "set", "set", "delete", "insert", "copy"])
        if kind == "flip":
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == "set":
            changed[place] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif kind == "delete":
            del changed[place : place + chance.randint(1, 8)]
        elif kind == "insert":
            changed[place:place] = chance.randbytes(chance.randint(1, 8))
        else:
            other = chance.randrange(len(changed))
            changed[place:place] = changed[other : other + chance.randint(1, 40)]
    return bytes(changed)


def scrambled(content: bytes, chance: random.Random) -> bytes:
    """A file that protobuf reads well: an operator, an input, a number or a version is another one."""
    changed = onnx.ModelProto.FromString(content)
    nodes = [*changed.graph.node, *(n for part in changed.graph.node for a in part.attribute for n in a.g.node)]
    for _ in range(chance.randint(1, 2)):
        part, weight = chance.choice(nodes), chance.choice(changed.graph.initializer)
        names = [*part.input, *part.output, weight.name, ""]
        kind = chance.choice(
            ["operator", "operator", "operator", "input", "input", "number", "number", "weight", "opset"]
        )
        if kind == "operator":
            part.domain, part.op_type = chance.choice(sorted(covered()))
        elif kind == "input":
            part.input[:] = chance.choices(names, k=chance.randrange(5))
        elif kind == "number":
            attribute = part.attribute.add(name=chance.choice(["axis", "axes", "pads", "group", "kernel_shape", "to"]))
            attribute.type = chance.choice([onnx.AttributeProto.INT, onnx.AttributeProto.INTS])
            attribute.i = chance.choice(ODD_NUMBERS)
            attribute.ints.extend(chance.choices(ODD_NUMBERS, k=chance.randrange(5)))
        elif kind == "weight":
            array = np.array(chance.choices(ODD_NUMBERS, k=chance.randrange(6)), np.int64)
            weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
        else:
            changed.opset_import[0].version = chance.randrange(1, 24)
    return changed.SerializeToString()


def outcome(path):
    """ "runs", or the first line of the error."""
    try:
        file = read(path)
        program = OnnxProgram(file.model, path.parent)
        feeds = dict.fromkeys(program.inputs, torch.ones(1, 3, 8, 8))
        program.run(feeds, program.outputs)
    except ModelError as problem:
        return problem.problem.splitlines()[0]
    return "runs"


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    """A small machine, so that a giant allocation fails instead of ending the tests."""
    monkeypatch.setattr(viz.adapters.onnx_torch.program, "sane_bytes", lambda: 1 << 28)
    if not STATM.exists():  # elsewhere than on Linux the limit of the executor has to do
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(STATM.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 30), hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("make", [sound, looping, quantized])
def test_the_files_to_damage_run(make, tmp_path):
    (tmp_path / "net.onnx").write_bytes(make().SerializeToString())
    assert outcome(tmp_path / "net.onnx") == "runs"


@pytest.mark.parametrize("damage", [damaged, scrambled])
@pytest.mark.parametrize("make", [sound, looping, quantized])
def test_damaged_files_end_in_values_or_in_an_error_of_ours(make, damage, tmp_path):
    content, path = make().SerializeToString(), tmp_path / "net.onnx"
    outcomes = set()
    for seed in range(MUTATIONS):
        path.write_bytes(damage(content, random.Random(seed)))
        begun = time.monotonic()
        try:
            outcomes.add(outcome(path))
        except Exception as problem:
            raise AssertionError(f"mutation {seed} gives {type(problem).__name__}: {problem}") from problem
        assert time.monotonic() - begun < SECONDS, f"mutation {seed} takes too long"
    assert len(outcomes) > 5  # the damage is felt, and not always in the same way
