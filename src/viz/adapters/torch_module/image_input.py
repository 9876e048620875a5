"""What a torch model itself says about its image input."""

from torch import Tensor, nn
from torch.export import ExportedProgram

from viz.core.sources.preprocess import InputFacts

_CHANNELS = (1, 3, 4)


def input_facts(model: nn.Module | ExportedProgram) -> InputFacts:
    """An exported program states its input's shape; of a module, the first convolution takes the channels."""
    if isinstance(model, ExportedProgram):
        return _facts_of_shape(image_shape(model))
    convolutions = (part.in_channels for part in model.modules() if isinstance(part, nn.Conv2d))
    # TorchScript keeps no in_channels, but the kernels: (out, in, height, width).
    kernels = (tensor.shape[1] for tensor in model.parameters() if tensor.ndim == 4)
    channels = next(convolutions, None) or next(kernels, None)
    return InputFacts(channels=channels if channels in _CHANNELS else None)


def image_shape(program: ExportedProgram) -> tuple[int | None, ...]:
    """The shape of a program's one input, None where free; empty where it has several, or not four axes."""
    inputs = [node for node in program.graph.nodes if node.name in program.graph_signature.user_inputs]
    values = [node.meta.get("val") for node in inputs]
    if len(values) != 1 or not isinstance(values[0], Tensor) or values[0].ndim != 4:
        return ()
    return tuple(size if isinstance(size, int) else None for size in values[0].shape)


def _facts_of_shape(shape: tuple[int | None, ...]) -> InputFacts:
    if len(shape) != 4:
        return InputFacts()
    if shape[1] not in _CHANNELS and shape[3] in _CHANNELS:
        return InputFacts(size=(shape[1], shape[2]), channels=shape[3], layout="nhwc")
    return InputFacts(size=(shape[2], shape[3]), channels=shape[1], layout="nchw" if shape[1] else None)
