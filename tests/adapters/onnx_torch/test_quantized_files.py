"""Files that onnxruntime's quantizers wrote: its integers exactly, and what becomes of the gradient."""

import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from tests.adapters.onnx_torch.exports import IMAGE, OUTPUT, Variant
from tests.adapters.onnx_torch.fusable import IMAGES, Residual, TokenMixer, made
from tests.adapters.onnx_torch.test_optimized_files import optimized
from viz.adapters.onnx_torch.program import OnnxProgram

KINDS = pytest.mark.parametrize("kind", [Residual, TokenMixer], ids=["convolutions", "attention"])


class FourPictures:
    """What the quantizer calibrates with."""

    def __init__(self):
        self.pictures = iter([torch.rand(IMAGES.shape).numpy() for _ in range(4)])

    def get_next(self):
        picture = next(self.pictures, None)
        return None if picture is None else {IMAGE: picture}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("quantized")


def plain(kind, folder):
    model = Variant("old", 17, False).export(made(kind), IMAGES)
    onnx.save(model, folder / f"{kind.__name__}.onnx")
    return model


def quantized(kind, folder, form, per_channel=True):
    """`form` is "qdq", "operators" or "dynamic"."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

    plain(kind, folder)
    source, target = folder / f"{kind.__name__}.onnx", folder / "quantized.onnx"
    torch.manual_seed(0)
    logging.disable(logging.ERROR)
    try:
        if form == "dynamic":
            quantize_dynamic(source, target, per_channel=per_channel, reduce_range=True)
        else:
            form = QuantFormat.QDQ if form == "qdq" else QuantFormat.QOperator
            # Seven bits: with eight, onnxruntime's sums saturate on CPUs without VNNI.
            how = {"per_channel": per_channel, "reduce_range": True, "weight_type": QuantType.QInt8}
            quantize_static(source, target, FourPictures(), quant_format=form, **how)
    finally:
        logging.disable(logging.NOTSET)
    return onnx.load(target)


def by_onnxruntime(model):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run([OUTPUT], {IMAGE: IMAGES.numpy()})[0]


def traced(model):
    pixels = IMAGES.clone().requires_grad_()
    run = OnnxProgram(model, Path()).run({IMAGE: pixels}, [OUTPUT])
    return pixels, run.values[OUTPUT], run


def gradient_of(model):
    pixels, values, _ = traced(model)
    return torch.autograd.grad((values * torch.arange(1.0, 5)).sum(), pixels)[0]


@KINDS
@pytest.mark.parametrize("form", ["qdq", "operators", "dynamic"])
@pytest.mark.parametrize("level", ["as quantized", "extended", "all"])
def test_values_are_those_of_onnxruntime(kind, form, level, folder):
    model = quantized(kind, folder, form)
    if level != "as quantized":
        model = optimized(model, level, folder)
    with torch.no_grad():
        found = OnnxProgram(model, Path()).run({IMAGE: IMAGES}, [OUTPUT]).values[OUTPUT]
    np.testing.assert_allclose(found, by_onnxruntime(model), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(traced(model)[1].detach(), found, rtol=1e-5, atol=1e-6)


@KINDS
def test_a_gradient_passes_pairs_of_quantizers_and_looks_like_the_one_from_before(kind, folder):
    model = quantized(kind, folder, "qdq")
    *_, run = traced(model)
    assert run.ended == () and any("QuantizeLinear" in label for label in run.straight_through)
    straight, exact = gradient_of(model), gradient_of(plain(kind, folder))
    assert torch.cosine_similarity(straight.flatten(), exact.flatten(), 0) > 0.9


@pytest.mark.parametrize("form,where", [("operators", "QLinearConv"), ("dynamic", "DynamicQuantizeLinear")])
def test_the_path_of_a_gradient_ends_at_the_first_integer_operator(form, where, folder):
    _, values, run = traced(quantized(Residual, folder, form))
    assert not values.requires_grad
    assert run.ended[0].startswith(where)
