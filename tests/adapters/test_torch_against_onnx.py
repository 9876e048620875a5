"""The same network as a torch module and as the ONNX file exported from it give the same scores."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from tests.adapters.torch_models import adapter, pixels, read
from tests.networks import ARCHITECTURES, SIZE, CifarResNet20, seeded
from viz.adapters import load
from viz.adapters.torch_loading.files import load_torch
from viz.core.model_options import ModelOptions


def exported(net, path):
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        net,
        (torch.rand(2, 3, *SIZE),),
        path,
        dynamo=True,
        verbose=False,
        input_names=["image"],
        output_names=["scores"],
        dynamic_shapes=({0: batch},),
    )
    return path


@pytest.mark.filterwarnings("ignore")  # the exporter's own
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_scores_agree_with_the_exported_onnx_file_within_1e_4(name, tmp_path):
    net, images = seeded(ARCHITECTURES[name]), pixels(4)
    path = exported(net, tmp_path / "net.onnx")
    scores = read(adapter(net), "output", images)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(scores, session.run(None, {"image": images})[0], atol=1e-4)
    through_onnx = load(path, ModelOptions(preprocess="unit", device="cpu"))
    np.testing.assert_allclose(scores, through_onnx.run(images, ["scores"])["scores"], atol=1e-4)


@pytest.mark.shared
def test_a_real_checkpoint_agrees_with_its_onnx_file_within_1e_4(shared_data):
    options = ModelOptions(arch=f"{CifarResNet20.__module__}:CifarResNet20", size="32", preprocess="imagenet")
    model = load_torch(str(shared_data / "models/torch/resnet20-12fca82f.th"), options)
    assert model.source.sha256.startswith("12fca82f")
    session = ort.InferenceSession(shared_data / "models/other/cifar_resnet20_fp32.onnx")
    images = pixels(8)
    feed = {session.get_inputs()[0].name: model.preprocess.encode(images)}
    expected = session.run(None, feed)[0]
    assert np.ptp(expected) > 10
    np.testing.assert_allclose(read(model, "output", images), expected, atol=1e-4)
