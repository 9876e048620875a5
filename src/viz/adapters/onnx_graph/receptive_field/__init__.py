"""Which input pixels every tensor of an ONNX graph sees: one pass over the nodes, one rule per operator.

The rules never leave out a pixel that matters; where phases differ (transposed convolution, resizing) they
give a window that holds all of them. An operator without a rule makes everything after it not known.
"""

from viz.adapters.onnx_graph.receptive_field.tracing import receptive_fields, seen_spans

__all__ = ["receptive_fields", "seen_spans"]
