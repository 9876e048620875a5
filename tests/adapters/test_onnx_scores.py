"""Where are the class scores of an ONNX file? Also behind operators that the standard does not have."""

import onnx
import pytest

from viz.adapters import load
from viz.core.model_options import ModelOptions

MODEL = """
    <ir_version: 8, opset_import: ["": 17, "com.microsoft": 1]>
    network (float[{batch},3,8,8] image) => (float[{batch},3] scores)
    {{
        means = GlobalAveragePool(image)
        row = Flatten(means)
        scores = com.microsoft.Gelu(row)
    }}
"""


@pytest.mark.parametrize("batch", ["1", "n"])
def test_scores_behind_an_operator_that_shape_inference_does_not_know_are_found(batch, tmp_path):
    onnx.save(onnx.parser.parse_model(MODEL.format(batch=batch)), tmp_path / "network.onnx")
    model = load(tmp_path / "network.onnx", ModelOptions(preprocess="unit", device="cpu"))
    assert model.scores is not None
    assert (model.scores.logits, model.scores.classes) == ("scores", 3)
