"""A torch program that stops as soon as the wanted layers are computed: what comes after them never runs."""

from contextlib import suppress
from copy import copy

from torch import Tensor, nn

from viz.adapters.torch_module.program import Program
from viz.adapters.torch_module.watch import Observer, Step

Shape = tuple[int, ...]


class CutProgram(Program):
    """Another program up to `wanted`, which are its outputs.

    Attributes:
        notes_shapes: whether a run takes down what it computes.
        seen: the layers that such a run has computed, in order: shapes of what each read first, and of itself.
    """

    def __init__(self, program: Program, wanted: tuple[str, ...]):
        self._program, self._wanted = program, wanted
        self.batch, self.aliases, self.notes = program.batch, program.aliases, program.notes
        self.notes_shapes = True
        self.seen: dict[str, tuple[Shape, Shape]] = {}

    @property
    def module(self) -> nn.Module:
        """Holds the parameters and the training flags."""
        return self._program.module

    @module.setter
    def module(self, module: nn.Module) -> None:
        self._program = copy(self._program)  # others go on with theirs
        self._program.module = module

    def __call__(self, inputs: Tensor, observe: Observer, inside: bool = True) -> None:
        """See `Program`. The last step shows copies of the outputs; it is an inner one, as each has had its own."""
        outputs: dict[str, Tensor] = {}
        if self.notes_shapes:
            self.seen = {}

        def watch(step: Step) -> Tensor | None:
            given = observe(step)
            if not step.inner:
                if self.notes_shapes:
                    self._note_shapes(step)
                # The model may go on in place.
                outputs.update((name, tensor.clone()) for name, tensor in step.tensors if name in self._wanted)
                if len(outputs) == len(self._wanted):
                    raise _Enough
            return given

        with suppress(_Enough):
            self._program(inputs, watch, True)
        observe(Step("output", "output", [], [(n, outputs[n]) for n in self._wanted if n in outputs], inner=True))

    def _note_shapes(self, step: Step) -> None:
        inputs = step.inputs
        read = tuple(inputs[0].shape) if inputs else ()
        self.seen.update((name, (read, tuple(tensor.shape))) for name, tensor in step.tensors)


class _Enough(BaseException):
    """All that was wanted is there. No `Exception`, which a model's own code may catch."""
