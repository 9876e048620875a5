"""OpenVINO's provider: always told in which number format to compute, and with how many threads."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
import pytest
from onnx import helper

from tests.adapters.onnx_runtime.small_files import chain_file, images_of
from viz.adapters import load
from viz.adapters.onnx_runtime import openvino
from viz.adapters.onnx_runtime import session as onnx_session
from viz.core.errors import UsageError
from viz.core.model_options import ModelOptions

installed = openvino.PROVIDER in ort.get_available_providers()
needs_openvino = pytest.mark.skipif(not installed, reason="onnxruntime-openvino is not installed")


@pytest.fixture
def settings_of(monkeypatch):
    """What OpenVINO is told for options of a model, whether it is installed or not."""
    monkeypatch.setattr(onnx_session.ort, "get_available_providers", lambda: [openvino.PROVIDER])

    def told(**options):
        device = onnx_session.choose_device(ModelOptions(provider="openvino", **options))
        assert device.options["device_type"] == "CPU"
        return json.loads(device.options["load_config"])["CPU"]

    return told


@pytest.mark.parametrize(("precision", "hint"), [("float32", "f32"), ("native", "f32"), ("bf16", "bf16")])
def test_the_number_format_is_always_asked_for(settings_of, precision, hint):
    assert settings_of(precision=precision)["INFERENCE_PRECISION_HINT"] == hint


def test_threads_are_those_allowed_with_a_stream_for_each(settings_of):
    told = settings_of(threads=3)
    assert (told["INFERENCE_NUM_THREADS"], told["NUM_STREAMS"]) == ("3", "3")
    told = settings_of(threads=64)
    assert (told["INFERENCE_NUM_THREADS"], told["NUM_STREAMS"]) == ("64", "16")


def test_as_many_calls_go_on_as_there_are_streams(settings_of):
    device = onnx_session.choose_device(ModelOptions(provider="openvino", threads=3))
    assert onnx_session.workers(device, 3) == 3


def test_the_record_says_what_was_asked_for(settings_of):
    device = onnx_session.choose_device(ModelOptions(provider="openvino"))
    assert onnx_session.details(device) == {"provider": openvino.PROVIDER, "precision": "float32"}
    assert (device.name, onnx_session.runtime(device)) == ("cpu", f"onnxruntime {ort.__version__} with OpenVINO")


# --- where it is installed --------------------------------------------------------------------------------------


def network(tmp_path):
    rng = np.random.default_rng(5)
    nodes = [
        helper.make_node("Conv", ["image", "first"], ["map"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["map"], ["rectified"]),
        helper.make_node("Conv", ["rectified", "second"], ["deeper"], kernel_shape=[3, 3]),
        helper.make_node("GlobalAveragePool", ["deeper"], ["scores"]),
    ]
    weights = {name: rng.normal(size=(16, n, 3, 3)).astype(np.float32) for name, n in (("first", 3), ("second", 16))}
    return chain_file(tmp_path / "model.onnx", nodes, weights, "scores")


def opened(path, precision, provider="OpenVINO"):
    return load(path, ModelOptions(preprocess="unit", provider=provider, precision=precision, threads=2))


@needs_openvino
def test_float32_is_float32(tmp_path):
    path, images = network(tmp_path), images_of(3)
    ours, plain = opened(path, "float32"), opened(path, "float32", "CPU")
    np.testing.assert_allclose(
        ours.run(images, ["scores"])["scores"], plain.run(images, ["scores"])["scores"], rtol=1e-5
    )


@needs_openvino
def test_bf16_differs_by_its_eight_bits_and_the_drift_says_so(tmp_path):
    path, images = network(tmp_path), images_of(3)
    try:
        ours = opened(path, "bf16")
    except UsageError as problem:
        pytest.skip(f"no bfloat16 here: {problem.problem}")
    exact, found = opened(path, "float32").run(images, ["scores"])["scores"], ours.run(images, ["scores"])["scores"]
    worst = np.abs(found - exact).max()
    assert 0 < worst < 0.05 * np.abs(exact).max()
    ours.compare_precision(images)
    assert ours.evidence()["reduced_precision"]["off"]["logits"]["largest"] == pytest.approx(worst)


@needs_openvino
def test_calls_side_by_side_give_what_they_give_alone(tmp_path):
    model = opened(network(tmp_path), "float32")
    batches = [images_of(count, seed) for seed, count in enumerate((1, 4, 2, 8, 3, 5) * 4)]
    alone = [model.run(batch, ["scores"])["scores"] for batch in batches]
    with ThreadPoolExecutor(model.parallel) as pool:
        together = list(pool.map(lambda batch: model.run(batch, ["scores"])["scores"], batches))
    assert model.parallel == 2
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
