"""The cases of ONNX's own backend suite, as the installed onnx package carries them."""

import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test.case.node
from onnx import numpy_helper
from onnx.backend.test.loader import DATA_DIR, load_model_tests
from onnx.backend.test.runner import Runner

SUITES = ("node", "simple", "light", "pytorch-converted", "pytorch-operator")


@dataclass(frozen=True)
class DataSet:
    """Values for the model's inputs and what its outputs must be: arrays, lists of arrays, or None."""

    inputs: Sequence[Any]
    outputs: Sequence[Any]


@dataclass(frozen=True)
class Case:
    """A model with the answers that it must give, to a relative and an absolute tolerance."""

    name: str
    model: onnx.ModelProto
    data_sets: Sequence[DataSet]
    rtol: float
    atol: float

    @property
    def operators(self) -> tuple[str, ...]:
        """Names of the operators in the main graph, once each."""
        return tuple(sorted({node.op_type for node in self.model.graph.node}))


def input_names(model: onnx.ModelProto) -> list[str]:
    """The inputs that want a value; in old files the weights are listed among the inputs too."""
    weights = {weight.name for weight in model.graph.initializer}
    return [value.name for value in model.graph.input if value.name not in weights]


@cache
def case_names(suite: str) -> tuple[str, ...]:
    """All cases of a suite, in alphabetical order."""
    if suite == "node":
        return tuple(sorted(_node_tests()))
    if suite == "light":
        return tuple(sorted(path.stem for path in Path(DATA_DIR, "light").glob("*.onnx")))
    return tuple(sorted(test.name for test in load_model_tests(kind=suite)))


def load_case(suite: str, name: str) -> Case:
    """One case with its data. Raises KeyError or FileNotFoundError where the suite has none of this name."""
    if suite == "node":
        return _node_case(_node_tests()[name])
    return _light_case(name) if suite == "light" else _stored_case(suite, name)


def load_node_case(module: str, name: str) -> Case:
    """One node case, generating those of its own module only: all of them take seconds."""
    with _quiet():
        importlib.import_module(f"{onnx.backend.test.case.node.__name__}.{module}")
    return _node_case(next(test for test in onnx.backend.test.case.node._NodeTestCases if test.name == name))


@cache
def _node_tests() -> dict[str, Any]:
    with _quiet():
        return {test.name: test for test in load_model_tests(kind="node")}


def _node_case(test: Any) -> Case:
    data_sets = [DataSet(_arrays(inputs), _arrays(outputs)) for inputs, outputs in test.data_sets]
    return Case(test.name, test.model, data_sets, test.rtol, test.atol)


@contextmanager
def _quiet() -> Iterator[None]:
    # onnx computes the node cases when asked, and numpy warns about the infinities that some are about.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _arrays(values: Sequence[Any]) -> list[Any]:
    return [numpy_helper.to_array(v) if isinstance(v, onnx.TensorProto) else v for v in values]


def _light_case(name: str) -> Case:
    path = Path(DATA_DIR, "light", f"{name}.onnx")
    model = onnx.load(path)
    wanted = set(input_names(model))
    inputs = [Runner.generate_dummy_data(value) for value in model.graph.input if value.name in wanted]
    outputs = [
        numpy_helper.to_array(onnx.load_tensor(path.with_name(f"{name}_output_{index}.pb")))
        for index in range(len(model.graph.output))
    ]
    # The full models of the same names say which tolerances they want.
    test = {Path(test.url).stem: test for test in load_model_tests(kind="real")}[name]
    return Case(name, model, [DataSet(inputs, outputs)], test.rtol, test.atol)


def _stored_case(suite: str, name: str) -> Case:
    test = {test.name: test for test in load_model_tests(kind=suite)}[name]
    folder = Path(test.model_dir)
    model = onnx.load(folder / "model.onnx")
    data_sets = [
        DataSet(_stored(data, "input", model.graph.input), _stored(data, "output", model.graph.output))
        for data in sorted(folder.glob("test_data_set*"))
    ]
    return Case(name, model, data_sets, test.rtol, test.atol)


def _stored(folder: Path, kind: str, infos: Sequence[onnx.ValueInfoProto]) -> list[Any]:
    count = len(list(folder.glob(f"{kind}_*.pb")))
    return [_value((folder / f"{kind}_{index}.pb").read_bytes(), infos[index].type) for index in range(count)]


def _value(content: bytes, declared: onnx.TypeProto) -> Any:
    if declared.HasField("sequence_type"):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(content))
    if declared.HasField("optional_type"):
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(content))
    return numpy_helper.to_array(onnx.TensorProto.FromString(content))
