"""What is found out about an ONNX file when it is opened: preprocessing, the range of its input, its class scores."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from viz.adapters.onnx_graph.file import OnnxFile
from viz.adapters.onnx_graph.image_input import ImageInput
from viz.adapters.onnx_graph.scores import find_scores
from viz.adapters.onnx_graph.tensors import Tensors
from viz.adapters.onnx_runtime.sessions import Sessions
from viz.core.adapter import Scores, per_image
from viz.core.errors import UsageError
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray
from viz.core.sources.preprocess import InputFacts, resolve_preprocess


def found_preprocess(
    file: OnnxFile, image: ImageInput, options: ModelOptions, zoo: Mapping[str, Any] | None
) -> tuple[Preprocess, list[str]]:
    """How pixels become the input's values, and what of it had to be guessed."""
    signed = image.elem_type == TensorProto.INT8
    facts = InputFacts(image.size, image.channels, image.layout, image.integer, signed)
    return resolve_preprocess(facts, options, file.path, file.metadata, (zoo or {}).get("preprocess"))


def check_integer_range(image: ImageInput, preprocess: Preprocess) -> None:
    """Whole-number inputs must hold what black and white become; anything else would wrap around."""
    if not image.integer:
        return
    ends = preprocess.encode(np.stack([np.full((3, 1, 1), v, np.float32) for v in (0, 1)]))
    kind = helper.tensor_dtype_to_np_dtype(image.elem_type)
    limits = np.iinfo(kind)
    if ends.min() < limits.min or ends.max() > limits.max:
        raise UsageError(
            f"the model takes {kind}, but pixels become {ends.min():g} to {ends.max():g}",
            f"give --range {limits.min},{limits.max}, or another --preprocess",
        )


def scores_by_trial(
    file: OnnxFile, tensors: Tensors, output: str | None, outputs: Sequence[str], sessions: Sessions
) -> tuple[Scores | None, list[str]]:
    """Scores as the graph shows them, then one trial run: does it run, and what do the values say?"""
    scores, notes = find_scores(file.graph, tensors, output)
    trial = sessions.noise(1)
    if scores is None:
        sessions.values(trial, tuple(outputs[:1]))
        return None, notes
    name = scores.logits or scores.probabilities
    assert name is not None, "Scores name logits, probabilities or both"
    values = per_image(sessions.values(trial, (name,))[name])
    if scores.to_probability == "none" and scores.logits and _are_probabilities(values):
        scores = replace(scores, logits=None, probabilities=name)
        notes = [*notes, f"output {name!r} is positive and sums to 1: read as probabilities"]
    return scores, notes


def _are_probabilities(values: FloatArray) -> bool:
    return bool(values.shape[1] > 1 and values.min() >= 0 and np.allclose(values.sum(axis=1), 1, atol=1e-3))
