"""Reduced precision: refused where it is of no use, measured on a run's own images where it is used."""

import numpy as np
import pytest

from tests.adapters.onnx_runtime.small_files import images_of, linear_file, weights_of
from viz.adapters import load
from viz.adapters.onnx_runtime import session as onnx_session
from viz.adapters.onnx_runtime.reduced_precision import ReducedPrecision
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import ModelError, UsageError
from viz.core.model_options import ModelOptions


def options(precision):
    return ModelOptions(preprocess="unit", device="cpu", precision=precision)


@pytest.fixture
def device_of(monkeypatch):
    """Makes the CPU provider stand in for a device that computes in reduced precision."""

    def use(precision):
        device = onnx_session.Device("CPUExecutionProvider", {}, "cpu", precision)
        monkeypatch.setattr(onnx_session, "choose_device", lambda options: device)

    return use


@pytest.fixture
def half(tmp_path, device_of):
    """A linear model in half precision."""
    device_of("fp16")
    return load(linear_file(tmp_path / "model.onnx", weights_of(3)), options("fp16"))


# --- where it is of use -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_on_the_plain_cpu_provider_it_is_an_error_that_says_what_to_use(tmp_path, precision):
    path = linear_file(tmp_path / "model.onnx", weights_of(3))
    with pytest.raises(UsageError, match=f"--precision {precision} is of no use on CPUExecutionProvider") as caught:
        load(path, options(precision))
    assert "--provider OpenVINO --precision bf16" in caught.value.next_step


@pytest.mark.parametrize(("provider", "other", "own"), [("CUDA", "bf16", "fp16"), ("OpenVINO", "fp16", "bf16")])
def test_a_provider_is_given_the_precision_that_it_is_faster_in_and_no_other(monkeypatch, provider, other, own):
    name = f"{provider}ExecutionProvider"
    monkeypatch.setattr(onnx_session.ort, "get_available_providers", lambda: [name, "CPUExecutionProvider"])
    monkeypatch.setattr(onnx_session, "_has_nvidia_driver", lambda: True)
    monkeypatch.setattr(onnx_session.ort, "preload_dlls", lambda: None, raising=False)
    assert onnx_session.choose_device(ModelOptions(provider=provider, precision=own)).precision == own
    with pytest.raises(UsageError, match=f"{other} is of no use on {name}, which is faster in {own}"):
        onnx_session.choose_device(ModelOptions(provider=provider, precision=other))


def test_it_is_for_onnx_files_only():
    torch = pytest.importorskip("torch")
    with pytest.raises(UsageError, match="--precision bf16 is for ONNX files"):
        load(torch.nn.Conv2d(3, 4, 3), options("bf16"))
    with pytest.raises(UsageError, match="--precision fp16 is for ONNX files"):
        load("torchvision:resnet18", options("fp16"))


def test_what_changes_no_bit_is_an_error_and_not_ignored(tmp_path, device_of):
    device_of("bf16")  # which the CPU provider does not know: it goes on in float32
    with pytest.raises(UsageError, match="--precision bf16 changes nothing here, to the last bit"):
        load(linear_file(tmp_path / "model.onnx", weights_of(3)), options("bf16"))


# --- how far off ------------------------------------------------------------------------------------------------


def test_the_drift_is_the_difference_from_the_scores_in_float32(half, tmp_path):
    images = images_of(6)
    half.compare_precision(images)

    weights, some = weights_of(3).reshape(3, -1).astype(np.float64), images[:4].reshape(4, -1)
    exact, ours = some @ weights.T, half.run(images[:4], ["scores"])["scores"]
    shares = [np.exp(x) / np.exp(x).sum(1, keepdims=True) for x in (exact, ours.astype(np.float64))]
    found = half.evidence()["reduced_precision"]
    assert (found["precision"], found["images"], found["same_top_class"]) == ("fp16", 4, 4)
    assert found["off"]["logits"]["largest"] == pytest.approx(np.abs(ours - exact).max(), rel=1e-2)
    assert found["off"]["logits"]["mean"] == pytest.approx(np.abs(ours - exact).mean(), rel=1e-2)
    assert found["off"]["probabilities"]["largest"] == pytest.approx(np.abs(shares[1] - shares[0]).max(), rel=1e-2)
    assert found["off"]["logits"]["largest"] > 0


def test_a_run_measures_its_first_images_once_and_says_so(half):
    model = BatchedAdapter(half, 2)
    assert not half.evidence()
    model.run(images_of(5), ["scores"])
    first = half.evidence()
    model.run(images_of(5, seed=9), ["scores"])
    assert half.evidence() == first == model.evidence()
    said = [note for note in model.notes if note.startswith("computed in fp16: on the first 4 image(s) logits differ")]
    assert len(said) == 1
    assert "the top class is the same for 4" in said[0]


def test_a_top_class_that_changes_is_counted(tmp_path, device_of):
    device_of("fp16")
    weights = weights_of(3)
    weights[0] = weights[0].astype(np.float16)
    weights[1:] = weights[0] * np.array([1 + 1e-5, 1 - 1e-5], np.float32)[:, None, None, None]  # alike in float16
    model = load(linear_file(tmp_path / "model.onnx", weights), options("fp16"))
    images = images_of(4)
    exact = images.reshape(4, -1).astype(np.float64) @ weights.reshape(3, -1).T.astype(np.float64)
    assert 0 not in exact.argmax(1)
    assert set(model.run(images, ["scores"])["scores"].argmax(1)) == {0}
    model.compare_precision(images)
    assert model.evidence()["reduced_precision"]["same_top_class"] == 0


class Overflowing:
    """Sessions of a model whose outputs are too large for half precision where an image is bright."""

    def __init__(self, largest=65504.0):
        self.largest = largest

    def in_float32(self):
        return Overflowing(np.inf)

    def noise(self, count):
        return np.linspace(0.1, 0.2, count * 3, dtype=np.float32).reshape(count, 3, 1, 1)

    def values(self, images, names):
        values = images.reshape(len(images), -1) * 1e5
        if np.isfinite(self.largest):
            values = np.where(values > self.largest, np.inf, np.round(values, -1))
        return {name: values.astype(np.float32) for name in names}


def test_values_beyond_the_range_are_an_error_and_no_map():
    reduced = ReducedPrecision(Overflowing(), "fp16", None, ["depth"])
    assert reduced.measure(np.full((2, 3, 1, 1), 0.5, np.float32)) is not None
    reduced = ReducedPrecision(Overflowing(), "fp16", None, ["depth"])
    with pytest.raises(ModelError, match="in fp16 some depth are not finite that are in float32"):
        reduced.measure(np.ones((2, 3, 1, 1), np.float32))


def test_it_is_in_the_record_of_the_model(half):
    assert half.source.details == {"precision": "fp16"}
    assert half.source.runtime.endswith("in fp16")


def test_a_model_in_float32_has_nothing_to_measure(tmp_path):
    model: Adapter = load(linear_file(tmp_path / "model.onnx", weights_of(3)), options("float32"))
    model.compare_precision(images_of(2))
    assert not model.evidence()
    assert not model.source.details
    assert not model.notes


# --- beside gradients -------------------------------------------------------------------------------------------


def test_gradients_and_small_steps_are_taken_of_float32(half):
    torch = pytest.importorskip("torch")
    images = images_of(1)
    exact = images.reshape(1, -1).astype(np.float64) @ weights_of(3).reshape(3, -1).T
    reduced = half.run(images, ["scores"])["scores"]
    assert np.abs(reduced - exact).max() > 1e-4
    np.testing.assert_allclose(half.run_unrounded(images, ["scores"])["scores"], exact, atol=1e-5)
    traced = half.trace(torch.from_numpy(images), ["scores"]).values["scores"]
    np.testing.assert_allclose(traced.detach().numpy(), exact, atol=1e-5)
    assert half.evidence()["forward_difference"]["scores"] < 1e-6
