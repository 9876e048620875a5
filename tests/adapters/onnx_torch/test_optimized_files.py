"""Files that onnxruntime's optimizers wrote: the same values and input gradients as the file from before."""

import logging
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest
import torch

from tests.adapters.onnx_torch.exports import IMAGE, OUTPUT, Variant
from tests.adapters.onnx_torch.fusable import IMAGES, Residual, TokenMixer, made
from viz.adapters.onnx_torch.program import OnnxProgram
from viz.core.errors import NotSupported

LEVELS = {
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def optimized(model, level, folder):
    """The file that onnxruntime writes at this level."""
    options = ort.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 4
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return onnx.load(folder / "optimized.onnx")


def own_operators(model):
    """Operators of onnxruntime's own domains."""
    return {node.op_type for node in model.graph.node if node.domain.startswith("com.microsoft")}


def values_and_gradient(model):
    pixels = IMAGES.clone().requires_grad_()
    run = OnnxProgram(model, Path()).run({IMAGE: pixels}, [OUTPUT])
    values = run.values[OUTPUT]
    (gradient,) = torch.autograd.grad((values * torch.arange(1.0, 5)).sum(), pixels)
    assert run.ended == () and run.straight_through == ()
    return values.detach(), gradient


def check_the_same(model, other):
    values, gradient = values_and_gradient(model)
    others, other_gradient = values_and_gradient(other)
    torch.testing.assert_close(others, values, rtol=1e-4, atol=1e-5)
    assert (other_gradient - gradient).norm() < 1e-4 * gradient.norm()


@pytest.mark.parametrize(
    "kind,fused",
    [(Residual, {"FusedConv", "FusedGemm"}), (TokenMixer, {"Gelu", "SkipLayerNormalization", "FusedMatMul"})],
    ids=["convolutions", "attention"],
)
@pytest.mark.parametrize("opset", [11, 17])
def test_files_of_the_runtime(kind, fused, opset, tmp_path):
    model = Variant("old", opset, False).export(made(kind), IMAGES)
    check_the_same(model, optimized(model, "basic", tmp_path))
    extended = optimized(model, "extended", tmp_path)
    assert own_operators(extended) >= fused
    check_the_same(model, extended)


@pytest.mark.parametrize("variant", [Variant("old", 14, False), Variant("old", 17, True)], ids=str)
def test_files_of_the_transformer_optimizer(variant, tmp_path):
    from onnxruntime.transformers import optimizer

    model = variant.export(made(TokenMixer), IMAGES)
    onnx.save(model, tmp_path / "plain.onnx")
    how = {"model_type": "vit", "num_heads": 4, "hidden_size": 32, "opt_level": 0}
    logging.disable(logging.ERROR)
    try:
        other = optimizer.optimize_model(str(tmp_path / "plain.onnx"), **how).model
    finally:
        logging.disable(logging.NOTSET)
    assert own_operators(other) >= {"Attention", "BiasGelu", "SkipLayerNormalization"}
    check_the_same(model, other)


def test_files_for_one_kind_of_cpu_are_refused_with_the_way_out(tmp_path):
    model = Variant("old", 17, False).export(made(Residual), IMAGES)
    everything = optimized(model, "all", tmp_path)
    if not any(node.domain.endswith("nchwc") for node in everything.graph.node):
        pytest.skip("onnxruntime blocks no channels on this CPU")
    with pytest.raises(NotSupported, match="kind of CPU") as caught:
        OnnxProgram(everything, Path()).run({IMAGE: IMAGES}, [OUTPUT])
    assert "'extended'" in caught.value.next_step
