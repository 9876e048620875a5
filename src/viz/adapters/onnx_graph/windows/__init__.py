"""Graphs that compute only what a patch on the image can reach, generated from any ONNX graph.

From one model two graphs are made. The *clean* graph runs once per image and gives feature maps as rows
(pixels x channels). The *window* graph runs for each variant: a layer computes only the window that the patch
reaches, and gathers what lies around it from the clean rows. Both are plain ONNX, so that every execution
provider runs them. After Nakandala, Kumar, Papakonstantinou, "Incremental and Approximate Inference for Faster
Occlusion-based Deep CNN Explanations", SIGMOD 2019, which did this with hand-written kernels for three networks.
"""

from viz.adapters.onnx_graph.windows.graphs import WindowGraphs, window_graphs
from viz.adapters.onnx_graph.windows.reach import Reach

__all__ = ["Reach", "WindowGraphs", "window_graphs"]
