"""The same numbers, stored in whole numbers or as real ones."""

from viz.adapters.onnx_graph.receptive_field.step import Step
from viz.adapters.onnx_graph.windows.building import Building
from viz.adapters.onnx_graph.windows.rules.registry import by_windows
from viz.adapters.onnx_graph.windows.windowed import Whole


@by_windows("DequantizeLinear")
def dequantizing(building: Building, step: Step) -> None:
    """Context is gathered before it: the runtime then computes in whole numbers, as it does in the model."""
    node = step.node
    source = building.window(node.input[0])
    if step.image_inputs() != [0]:
        raise Whole("its scale depends on the image")
    building.copy(node)
    building.hold_stored(node.output[0], source, node)
