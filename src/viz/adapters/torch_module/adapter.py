"""Any torch model: pixels in, any tensor out, and back. Modules, torch.export programs and TorchScript."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.export import ExportedProgram

from viz.adapters.same_function import Found
from viz.adapters.torch_module.at_size import Side, compare, cut_runner, table_at_size
from viz.adapters.torch_module.exported import ExportedModel
from viz.adapters.torch_module.kernels import Kernels
from viz.adapters.torch_module.program import ModuleProgram, Program
from viz.adapters.torch_module.randomized import randomized
from viz.adapters.torch_module.receptive_field import FieldsByRunning
from viz.adapters.torch_module.replacing import check_cut, values_from
from viz.adapters.torch_module.runner import Runner
from viz.adapters.torch_module.scores import find_scores, score_output
from viz.adapters.torch_module.survey import Survey
from viz.adapters.torch_module.tracing import trace
from viz.adapters.torch_module.trial import get_to_know, noise
from viz.adapters.torch_module.windows import Windows
from viz.core.adapter import Adapter, ModelSource, ReceptiveField, Rule, Scores, Trace
from viz.core.errors import ModelError
from viz.core.kernel import Kernel
from viz.core.labels import Labels
from viz.core.patch_plan import PatchPlan
from viz.core.patch_runner import PatchRunner
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray
from viz.core.torch_errors import torch_errors

# Above so many times the model's own pixels, a trial with several images at once would take more than it gives.
_LARGEST_TOGETHER = 4


class TorchAdapter(Adapter):
    """A torch model. See `viz.core.adapter.Adapter` for the contract.

    Layers are all calls of named modules and all operations between them (`torch_watch.watching` says
    how they are called); of an exported program, the nodes of its graph. The module itself is left as
    it was: no hook, no flag, no weight of it changes.

    Args:
        model: a module, TorchScript included, or a program of torch.export.
        source: what to call it in records; its device is filled in here.
        preprocess: how pixels become its input.
        labels: its class names.
        device: where to run; a module is moved there. None: where its parameters are.
        output: the output with the class scores; None: the first that looks like it.
        further_inputs: values of further keyword arguments of the module's forward.
    Raises `ModelError` where a trial run fails, `OutOfMemory` where the device has no room for it.
    """

    def __init__(
        self,
        model: nn.Module | ExportedProgram,
        source: ModelSource,
        *,
        preprocess: Preprocess,
        labels: Labels | None = None,
        device: torch.device | None = None,
        output: str | None = None,
        further_inputs: Mapping[str, Any] | None = None,
    ):
        device = device or _device_of(model)
        with torch_errors(source.name):
            program = _program(model, device, further_inputs or {})
        self._runner = Runner(program, preprocess, device, source.name)
        self.source = replace(source, device=str(device))
        self.preprocess, self.labels = preprocess, labels or Labels()
        self._table, seen, notes = get_to_know(self._runner)
        self._cuts: set[tuple[str, tuple[str, ...]]] = set()  # where the model was seen to be cut cleanly
        self._fields: FieldsByRunning | None = None
        self._kernels: Kernels | None = None
        self._windows = Windows(self._runner, self._table)
        self._apart = False  # whether images are run one by one, as large ones are
        self._found_at_size: Mapping[str, Found] = {}
        self.layers, self.outputs = self._table.layers, self._table.outputs
        self.notes = [*program.notes, *notes]
        self.scores = self._find_scores(output, seen)

    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run`; layers may be given by alias."""
        names = {asked: self.layer(asked).name for asked in layers}
        values = self._runner.values(self._table, images, set(names.values()))
        if self.scores is not None:
            self._check_finite(self.scores, values)
        return {asked: values[name] for asked, name in names.items()}

    def run_from(self, layer: str, values: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run_from`; the whole model runs, and what it computes for `layer` is replaced."""
        layer, names = self.layer(layer).name, {asked: self.layer(asked).name for asked in layers}
        wanted = tuple(dict.fromkeys(name for name in names.values() if name != layer))
        if wanted and (layer, wanted) not in self._cuts:
            check_cut(self._runner, self._table, layer, wanted)
            self._cuts.add((layer, wanted))
        found = values_from(self._runner, self._table, layer, values, wanted) if wanted else {}
        return {asked: np.array(values) if name == layer else found[name] for asked, name in names.items()}

    def trace(self, images: torch.Tensor, layers: Sequence[str], rule: Rule = "plain") -> Trace:
        """See `Adapter.trace`; layers may be given by alias. Of TorchScript, only the outputs, by the plain rule."""
        names = {asked: self.layer(asked).name for asked in layers}
        found = trace(self._runner, self._table, images, set(names.values()), rule)
        if self.scores is not None:
            self._check_finite(
                self.scores, {name: value.detach().cpu().numpy() for name, value in found.values.items()}
            )
        edges = {asked: found.edges[name] for asked, name in names.items() if name in found.edges}
        return replace(found, values={asked: found.values[name] for asked, name in names.items()}, edges=edges)

    def patch_plan(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchPlan:
        """See `Adapter.patch_plan`: that of the model's ONNX export, which is made for it and takes seconds."""
        return self._windows.plan(side, [self.layer(name).name for name in layers], cap)

    def patch_runner(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchRunner | None:
        """See `Adapter.patch_runner`: the export's, made anew where the model has changed since."""
        return self._windows.runner(side, {name: self.layer(name).name for name in layers}, cap)

    def receptive_field(self, name: str) -> ReceptiveField | None:
        """See `Adapter.receptive_field`: found by running the model, once for each layer."""
        if self._fields is None:
            runner, table = self._runner, self._table
            self._fields = FieldsByRunning(
                lambda images, names: runner.values(table, images, names), self.layers, self.size
            )
        return self._fields[self.layer(name).name]

    def kernel(self, name: str) -> Kernel:
        """See `Adapter.kernel`. Of TorchScript, which shows nothing of its inside, there is none."""
        return self._all_kernels().of(self.layer(name), self.layers)

    def channels_of(self, name: str) -> str:
        """See `Adapter.channels_of`."""
        own = self.layer(name).name
        origin = self._all_kernels().origins.get(own, own)
        return origin if origin in self.layers else own

    def kernels(self) -> Sequence[str]:
        """See `Adapter.kernels`."""
        return tuple(self._all_kernels().made)

    def _all_kernels(self) -> Kernels:
        if self._kernels is None:
            images, layers = noise(self._runner, self._table.at_a_time or 1), set(self.layers)
            darker = self._runner.kernels(np.asarray(images[..., ::-1] / 2, np.float32), layers)
            self._kernels = self._runner.kernels(images, layers).confirmed_by(darker)
        return self._kernels

    def randomized(self, seed: int, part: float = 1.0) -> "TorchAdapter":
        """See `Adapter.randomized`: the weights are those of a deep copy."""
        program = copy(self._runner.program)
        with torch_errors(self.source.name):
            program.module = randomized(program.module, self._table.layers, seed, part)
        twin = copy(self)
        twin._runner, twin._kernels = replace(self._runner, program=program), None
        twin._windows = Windows(twin._runner, twin._table)
        twin.source = replace(self.source, sha256="", details={**self.source.details, "randomized": f"{part:g}"})
        twin.notes = []
        return twin

    def at_size(self, size: tuple[int, int], layers: Sequence[str]) -> "TorchAdapter":
        """See `Adapter.at_size`: the forward pass stops after the last of `layers`."""
        wanted = tuple(dict.fromkeys(self.layer(name).name for name in layers))
        twin = copy(self)
        twin._apart = self._apart or prod(size) > _LARGEST_TOGETHER * prod(self.size)
        twin._runner = cut_runner(self._runner, size, wanted)
        twin._table, twin.notes = table_at_size(self._runner, self._table, twin._runner, wanted, twin._apart)
        twin._windows = Windows(twin._runner, twin._table)
        twin._cuts, twin._fields, twin._kernels = set(), None, None
        twin.preprocess, twin.outputs, twin.scores, twin.labels = twin._runner.preprocess, wanted, None, Labels()
        aliases = {name: layer.aliases for name, layer in self.layers.items()}
        # Called as in the whole model, where running numbers may count otherwise.
        twin.layers = {n: replace(layer, aliases=aliases.get(n, ())) for n, layer in twin._table.layers.items()}
        twin.source = replace(self.source, details={**self.source.details, "size": "{}x{}".format(*size)})
        twin._found_at_size = compare(self._side(), twin._side(), twin._runner, [*twin.layers], wanted)
        return twin

    def evidence(self) -> Mapping[str, object]:
        """See `Adapter.evidence`: ONNX exports against the model; at another size, what was compared with its own."""
        sizes = {name: asdict(one) for name, one in self._found_at_size.items()}
        exports = self._windows.evidence()
        return {**({"same_at_own_size": sizes} if sizes else {}), **({"onnx_export": exports} if exports else {})}

    def _side(self) -> Side:
        return Side(self.size, self.run, self.receptive_field)

    def _find_scores(self, wanted: str | None, seen: Survey) -> Scores | None:
        output, notes = score_output(self.outputs, self.layers, wanted)
        self.notes += notes
        if output is None:
            return None
        end = seen.squash_of(output)
        names = {output}
        if end is not None and end.source is not None and end.source in self.layers:
            names.add(end.source)
        values = self._runner.values(self._table, noise(self._runner, 1), names)
        scores, notes = find_scores(output, self.layers, end, values)
        self.notes += notes
        self._check_finite(scores, values)
        return scores

    def _check_finite(self, scores: Scores, values: Mapping[str, FloatArray]) -> None:
        for name in values.keys() & {scores.logits, scores.probabilities}:
            if not np.isfinite(values[name]).all():
                raise ModelError(
                    f"{self.source.name}: the class scores {name!r} hold NaN or infinity",
                    "check the weights and --preprocess; half precision overflows easily",
                )


def _program(model: nn.Module | ExportedProgram, device: torch.device, further: Mapping[str, Any]) -> Program:
    if isinstance(model, ExportedProgram):
        return ExportedModel(model, device)
    return ModuleProgram(_unwrapped(model).to(device), further)


def _unwrapped(module: nn.Module) -> nn.Module:
    """Without DataParallel and torch.compile around it: both hide or rename what is inside."""
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return _unwrapped(module.module)
    original = getattr(module, "_orig_mod", None)
    return _unwrapped(original) if isinstance(original, nn.Module) else module


def _device_of(model: nn.Module | ExportedProgram) -> torch.device:
    tensors = model.state_dict if isinstance(model, ExportedProgram) else model.state_dict()
    return next((tensor.device for tensor in tensors.values()), torch.device("cpu"))
