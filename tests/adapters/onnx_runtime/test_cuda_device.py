"""What CUDA's provider is told. No GPU is needed: sessions are not made."""

import pytest

from viz.adapters.onnx_runtime import session as onnx_session
from viz.adapters.onnx_runtime.session import Device, Memory, choose_device, details
from viz.core.model_options import ModelOptions

CUDA = "CUDAExecutionProvider"


@pytest.fixture
def loaded(monkeypatch):
    """A machine with a GPU; how often CUDA's libraries were looked for."""
    times = []
    monkeypatch.setattr(onnx_session.ort, "get_available_providers", lambda: [CUDA, "CPUExecutionProvider"])
    monkeypatch.setattr(onnx_session.ort, "preload_dlls", lambda: times.append(1), raising=False)
    monkeypatch.setattr(onnx_session, "_has_nvidia_driver", lambda: True)
    return times


WAYS = {
    "auto": ({"device": "auto"}, 0),
    "cuda": ({"device": "cuda"}, 0),
    "cuda:2": ({"device": "cuda:2"}, 2),
    "by provider": ({"provider": "cuda"}, 0),
    "in fp16": ({"device": "cuda", "precision": "fp16"}, 0),
}


@pytest.mark.parametrize("way", WAYS)
def test_float32_is_never_rounded_to_tf32_however_the_gpu_is_asked_for(loaded, way):
    options, number = WAYS[way]
    device = choose_device(ModelOptions(**options))
    assert (device.provider, device.name) == (CUDA, f"cuda:{number}")
    assert device.options["use_tf32"] == "0"
    assert device.options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert device.memory == Memory("cuda", number)
    assert loaded == [1]


def test_the_record_says_in_which_precision_a_gpu_computes(loaded):
    assert details(choose_device(ModelOptions(device="cuda"))) == {"provider": CUDA, "precision": "float32"}
    found = details(choose_device(ModelOptions(device="cuda", precision="fp16")))
    assert found == {"provider": CUDA, "precision": "fp16"}


@pytest.mark.parametrize("provider", ["CPUExecutionProvider", "OpenVINOExecutionProvider", "DmlExecutionProvider"])
def test_others_are_fed_with_arrays(provider):
    assert Device(provider, {}, "cpu").memory is None
