"""A table of damaged and hostile models: what is wrong with each, and what its error must say."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from tests.adapters.onnx_torch.graphs import graph, model, node, value

Break = Callable[[onnx.ModelProto], None]


@dataclass(frozen=True)
class Case:
    """A way to break a sound model.

    Attributes:
        damage: changes the model in place.
        says: what the executor's error must contain, a regular expression.
        only_executor: other runtimes are known to hang or crash on it, or run it well.
    """

    damage: Break
    says: str
    only_executor: bool = False


def sound() -> onnx.ModelProto:
    """image (1, 3, 8, 8) -> conv -> relu -> mean -> flatten -> scores (1, 4)."""
    rng = np.random.default_rng(0)
    weights = {
        "kernel": rng.normal(size=(5, 3, 3, 3)).astype(np.float32),
        "head": rng.normal(size=(5, 4)).astype(np.float32),
    }
    nodes = [
        node("Conv", ["image", "kernel"], ["conv"], "stem", kernel_shape=[3, 3], pads=[1] * 4),
        node("Relu", ["conv"], ["relu"], "act"),
        node("GlobalAveragePool", ["relu"], ["pool"]),
        node("Flatten", ["pool"], ["flat"]),
        node("MatMul", ["flat", "head"], ["scores"], "head"),
    ]
    return model(nodes, [value("image", [1, 3, 8, 8])], [value("scores", [1, 4])], weights)


def _before_the_end(*nodes: onnx.NodeProto, **weights: np.ndarray) -> Break:
    """Nodes from `flat` to `extra`, which the scores then come from."""

    def damage(broken: onnx.ModelProto) -> None:
        last = broken.graph.node.pop()
        last.input[0] = "extra"
        broken.graph.node.extend([*nodes, last])
        broken.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())

    return damage


def _set_dims(*dims: int) -> Break:
    def damage(broken: onnx.ModelProto) -> None:
        kernel = broken.graph.initializer[0]
        del kernel.dims[:]
        kernel.dims.extend(dims)

    return damage


def _external(location: str, **entries: object) -> Break:
    def damage(broken: onnx.ModelProto) -> None:
        kernel = broken.graph.initializer[0]
        kernel.ClearField("raw_data")
        kernel.data_location = TensorProto.EXTERNAL
        for key, text in {"location": location, **entries}.items():
            kernel.external_data.add(key=key, value=str(text))

    return damage


def _rename_tensor(old: str, new: str) -> Break:
    def damage(broken: onnx.ModelProto) -> None:
        for part in broken.graph.node:
            for names in (part.input, part.output):
                names[:] = [new if name == old else name for name in names]

    return damage


def _input_of(index: int, name: str) -> Break:
    def damage(broken: onnx.ModelProto) -> None:
        broken.graph.node[index].input[0] = name

    return damage


def _cycle(broken: onnx.ModelProto) -> None:
    broken.graph.node[1].input[0] = "again"
    broken.graph.node.append(node("Add", ["relu", "conv"], ["again"]))


def _opset(version: int) -> Break:
    def damage(broken: onnx.ModelProto) -> None:
        broken.opset_import[0].version = version

    return damage


def _attribute(index: int, name: str, new: AttributeProto) -> Break:
    def damage(broken: onnx.ModelProto) -> None:
        kept = [a for a in broken.graph.node[index].attribute if a.name != name]
        del broken.graph.node[index].attribute[:]
        broken.graph.node[index].attribute.extend([*kept, new])

    return damage


def _operator(name: str, domain: str = "") -> Break:
    def damage(broken: onnx.ModelProto) -> None:
        broken.graph.node[1].op_type, broken.graph.node[1].domain = name, domain
        if domain:
            broken.opset_import.append(helper.make_opsetid(domain, 1))

    return damage


def _function(body: list[onnx.NodeProto], count: int = 1) -> Break:
    """The Relu becomes a call of `F0`; `F0` to `F{count - 1}` have this body, in which NEXT is the next one."""

    def damage(broken: onnx.ModelProto) -> None:
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
        for index in range(count):
            function = helper.make_function("local", f"F{index}", ["a"], ["b"], body, opsets)
            for part in function.node:
                part.op_type = part.op_type.replace("NEXT", f"F{(index + 1) % count}")
            broken.functions.append(function)
        _operator("F0", "local")(broken)

    return damage


def _doubling_functions(broken: onnx.ModelProto) -> None:
    twice = [node("NEXT", ["a"], ["c"], domain="local"), node("NEXT", ["c"], ["b"], domain="local")]
    _function(twice, count=41)(broken)
    del broken.functions[40].node[:]
    broken.functions[40].node.append(node("Relu", ["a"], ["b"]))


def _nested(depth: int) -> Break:
    def damage(broken: onnx.ModelProto) -> None:
        leaf = graph([node("Identity", ["flat"], ["z"])], [], ["z"])
        _before_the_end(node("If", ["yes"], ["extra"], then_branch=leaf, else_branch=leaf), yes=np.array(True))(broken)
        outer = broken.graph.node[-2]
        for _ in range(depth):  # in place: protobuf cannot copy what is nested so deep
            branch = outer.attribute[1].g
            branch.node[0].CopyFrom(node("If", ["yes"], ["z"], then_branch=leaf, else_branch=leaf))
            outer = branch.node[0]

    return damage


def _endless_loop() -> Break:
    body = graph(
        [node("Identity", ["on"], ["still"]), node("Identity", ["carried"], ["next"])],
        [value("turn", [], TensorProto.INT64), value("on", [], TensorProto.BOOL), "carried"],
        [value("still", [], TensorProto.BOOL), "next"],
    )
    return _before_the_end(node("Loop", ["", "yes", "flat"], ["extra"], "forever", body=body), yes=np.array(True))


def _shorten_data(broken: onnx.ModelProto) -> None:
    broken.graph.initializer[0].raw_data = broken.graph.initializer[0].raw_data[:40]


def _unknown_type(broken: onnx.ModelProto) -> None:
    broken.graph.initializer[0].data_type = 77


def _twice(broken: onnx.ModelProto) -> None:
    broken.graph.initializer.append(broken.graph.initializer[0])


def _nameless(broken: onnx.ModelProto) -> None:
    broken.graph.initializer[1].name = ""


def _doubling() -> Break:
    """Forty times twice as long: no single node is to blame."""
    nodes = [node("Concat", [f"d{i}", f"d{i}"], [f"d{i + 1}"], axis=0) for i in range(40)]
    rest = [node("ReduceSum", ["d40"], ["sum"], keepdims=0), node("Add", ["flat", "sum"], ["extra"])]
    return _before_the_end(*nodes, *rest, d0=np.ones(1 << 10, np.float32))


def _bomb(op: str, *inputs: str, **weights: np.ndarray) -> Break:
    rest = [node("ReduceSum", ["bomb"], ["sum"], keepdims=0), node("Add", ["flat", "sum"], ["extra"])]
    return _before_the_end(node(op, inputs, ["bomb"], "bomb"), *rest, **weights)


_HUGE = np.array([1 << 40], np.int64)
_ONE = np.ones(1, np.float32)
_DATA = "data.bin"  # 540 bytes, as the kernel needs, beside the model

CASES: dict[str, Case] = {
    "a cycle": Case(_cycle, "cycle"),
    "an input that nothing makes": Case(_input_of(1, "nowhere"), "'nowhere'"),
    "an output that nothing makes": Case(_rename_tensor("scores", "other"), "'scores'"),
    "a tensor made twice": Case(_rename_tensor("relu", "conv"), "'conv' is there twice"),
    "a weight stored twice": Case(_twice, "'kernel' is there twice"),
    "a weight without a name": Case(_nameless, "no name"),
    "an operator without a name": Case(_operator(""), "no operator"),
    "data shorter than the shape says": Case(_shorten_data, "needs 540 bytes, the file has 40"),
    "a shape larger than the data": Case(_set_dims(5, 3, 300, 300), "the file has 540"),
    "a shape that makes no kernel": Case(_set_dims(135), "stem"),
    "a negative side": Case(_set_dims(-5, 3, 3, 3), "negative shape"),
    "two negative sides": Case(_set_dims(-5, -3, 3, 3), "negative shape"),
    "an astronomic shape": Case(_set_dims(1 << 62, 1 << 62), "'kernel'"),
    "an element type that does not exist": Case(_unknown_type, "element type 77"),
    "an opset from the future": Case(_opset(999), "opset 999"),
    "a negative opset": Case(_opset(-3), "version -3"),
    "an unknown operator": Case(_operator("Frobnicate"), "'Frobnicate'.*standard domain"),
    "an unknown domain": Case(_operator("Frobnicate", "my.domain"), "'Frobnicate'.*'my.domain'"),
    "a missing attribute": Case(
        _before_the_end(node("Concat", ["flat", "flat"], ["extra"], "join")), "Concat 'join'.*axis"
    ),
    "an unknown attribute": Case(_attribute(1, "", helper.make_attribute("bogus", 3)), "Relu 'act'.*bogus"),
    "an attribute of the wrong type": Case(_attribute(0, "pads", helper.make_attribute("pads", "same")), "Conv 'stem'"),
    "an attribute without a type": Case(_attribute(0, "pads", AttributeProto(name="pads")), "'pads' is of type"),
    "absurd padding": Case(_attribute(0, "pads", helper.make_attribute("pads", [1 << 30] * 4)), "Conv 'stem'"),
    "no stride": Case(_attribute(0, "strides", helper.make_attribute("strides", [0, 0])), "Conv 'stem'"),
    "a function that calls itself": Case(_function([node("NEXT", ["a"], ["b"], domain="local")]), "calls itself"),
    "functions that call each other": Case(
        _function([node("NEXT", ["a"], ["b"], domain="local")], count=3), "calls itself"
    ),
    "functions that double forty times": Case(_doubling_functions, "expand to more than"),
    "graphs nested too deep": Case(_nested(60), "nested more than 40 deep"),
    "a loop that never ends": Case(_endless_loop(), "Loop 'forever' has not ended", only_executor=True),
    "external data outside the folder": Case(_external("../secret.bin"), "outside its own folder"),
    "external data at an absolute path": Case(_external("/etc/hostname"), "outside its own folder"),
    "external data without a location": Case(_external(""), "outside its own folder"),
    "external data in a folder": Case(_external("."), "outside its own folder|not there"),
    "external data with a null byte": Case(_external("a\0b"), "data file"),
    "external data that is missing": Case(_external("gone.bin"), "'gone.bin', which is not there"),
    "external data past the end": Case(_external(_DATA, offset=4096), "which has 540"),
    "external data at a negative offset": Case(_external(_DATA, offset=-4), "offset '-4'"),
    "external data at no number": Case(_external(_DATA, offset="0x10"), "offset '0x10'"),
    "external data of the wrong length": Case(_external(_DATA, length=44), "needs 540 bytes, the file has 44"),
    "a constant of terabytes": Case(_bomb("ConstantOfShape", "huge", huge=_HUGE), "'sum'.*memory"),
    "a tile of terabytes": Case(_bomb("Tile", "one", "huge", one=_ONE, huge=_HUGE), "Tile 'bomb'.*memory"),
    "a range of terabytes": Case(
        _bomb("Range", "a", "b", "c", a=np.array(0), b=np.array(1 << 40), c=np.array(1)), "Range 'bomb'.*memory"
    ),
    "doubling forty times": Case(_doubling(), "Concat 'd\\d+'.*memory", only_executor=True),
}


def broken_model(name: str) -> onnx.ModelProto:
    """The sound model with the damage of that name."""
    broken = sound()
    CASES[name].damage(broken)
    return broken


def write(broken: onnx.ModelProto, folder: Path) -> Path:
    """The model in a file, with `data.bin` beside it and `secret.bin` outside the folder."""
    inside = folder / "model"
    inside.mkdir()
    (folder / "secret.bin").write_bytes(bytes(540))
    (inside / _DATA).write_bytes(bytes(540))
    (inside / "net.onnx").write_bytes(broken.SerializeToString())
    return inside / "net.onnx"
