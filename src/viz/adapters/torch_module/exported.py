"""A torch.export program, run node by node so that every value of its graph can be read."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass

from viz.adapters.torch_module.image_input import image_shape
from viz.adapters.torch_module.program import Program
from viz.adapters.torch_module.values import named_outputs, named_tensors
from viz.adapters.torch_module.watch import Observer, Step
from viz.core.errors import ModelError
from viz.core.preprocess import Layout


class ExportedModel(Program):
    """An exported program. Layers are the nodes of its graph, with the paths of their modules as aliases."""

    def __init__(self, program: ExportedProgram, device: torch.device):
        if any(tensor.device != device for tensor in program.state_dict.values()):
            program = move_to_device_pass(program, device)
        self.module: nn.Module = program.module()
        assert isinstance(self.module, fx.GraphModule), "module() of an exported program is a graph"
        self._graph = self.module.graph
        self._names = {node.name for node in self._graph.nodes if node.op != "output"}
        self._input_shape = image_shape(program)
        if not self._input_shape:
            names = ", ".join(program.graph_signature.user_inputs)
            raise ModelError(
                f"the program takes {names or 'nothing'}, not one batch of images",
                "export a module whose forward takes images (b, c, h, w) only",
            )
        self.batch = self._input_shape[0]
        self.aliases = _module_paths(self._graph)
        _refuse_training(self._graph)
        self.notes = []

    def takes(self, size: tuple[int, int], layout: Layout) -> bool:
        """Whether it was exported for images of this height and width, or of any."""
        stated = self._input_shape[2:] if layout == "nchw" else self._input_shape[1:3]
        return all(fixed in (None, asked) for fixed, asked in zip(stated, size, strict=True))

    def __call__(self, inputs: Tensor, observe: Observer, inside: bool = True) -> None:
        """See `Program`. Sizes that the program has fixed are checked; a fixed batch is for the caller to try."""
        for asked, fixed in zip(inputs.shape[1:], self._input_shape[1:], strict=True):
            if fixed not in (None, asked):
                raise ModelError(
                    f"the program was exported for inputs {_written(self._input_shape)}, and this one is "
                    f"{_written(tuple(inputs.shape))}",
                    "leave --size, --channels and --layout to the program",
                )
        result = _Steps(self.module, observe if inside else None).run(inputs)
        observe(Step("output", "output", [], named_outputs(result, self._names)))


class _Steps(fx.Interpreter):
    """Runs a graph and tells `observe` of every node."""

    def __init__(self, module: nn.Module, observe: Observer | None):
        super().__init__(module)
        self._observe = observe

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Sizes are checked by `ExportedModel`, and torch's own guard would refuse every other batch."""
        return None if target == "_guards_fn" else super().call_module(target, args, kwargs)

    def run_node(self, node: fx.Node) -> Any:
        """The node's value."""
        result = super().run_node(node)
        if self._observe is not None and node.op.startswith("call_"):
            given_to = self.fetch_args_kwargs_from_env(node)
            given = self._observe(Step(node.name, _operation(node), given_to, named_tensors(node.name, result)))
            return result if given is None else given
        return result


def _operation(node: fx.Node) -> str:
    """`relu` for aten.relu.default and aten.relu_.default."""
    name = getattr(node.target, "__name__", str(node.target))
    return str(name).split(".")[0].strip("_")


def _written(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if n is None else str(n) for n in shape)


def _module_paths(graph: fx.Graph) -> Mapping[str, tuple[str, ...]]:
    """Node -> paths of the modules whose result it is: the last node inside, and used outside."""
    last: dict[str, fx.Node] = {}
    for node in graph.nodes:
        if node.op == "call_function":
            last.update(dict.fromkeys(_stack(node), node))
    aliases: dict[str, tuple[str, ...]] = {}
    for call, node in last.items():
        if any(call not in _stack(user) for user in node.users):
            aliases[node.name] = (*aliases.get(node.name, ()), _layer_name(call))
    return aliases


def _stack(node: fx.Node) -> list[str]:
    """The module calls that a node lies in, as `path` or, from the second call on, `path@1`."""
    calls = node.meta.get("nn_module_stack", {}).items()
    return [path + _repeat(key) for key, (path, _) in calls if path]


def _repeat(key: str) -> str:
    number = key.rpartition("@")[2]
    return f"@{number}" if "@" in key and number.isdecimal() else ""


def _layer_name(call: str) -> str:
    """`relu@1` of torch.export as `relu#2`."""
    path, at, number = call.rpartition("@")
    return f"{path}#{int(number) + 1}" if at else call


def _refuse_training(graph: fx.Graph) -> None:
    """An exported training graph drops out units and normalizes over the batch whatever one does."""
    for node in graph.nodes:
        names = [argument.name for argument in getattr(getattr(node.target, "_schema", None), "arguments", [])]
        given = dict(zip(names, node.args, strict=False)) | node.kwargs
        if given.get("training") is True or given.get("train") is True:
            raise ModelError(
                f"the program was exported in training mode: {node.name} is random or mixes the images of a batch",
                "call model.eval() before torch.export.export",
            )
