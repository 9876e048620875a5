"""Occlusion of torch models by windows on their ONNX export: the same values, and the plain way where they are not."""

import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tests.adapters.torch_models import adapter, pixels
from tests.networks import Depthwise, Residual, seeded
from viz.adapters.onnx_graph.windows import planning
from viz.adapters.onnx_runtime import session as onnx_session
from viz.adapters.torch_module import onnx_export, through_onnx, windows
from viz.adapters.torch_module.adapter import TorchAdapter
from viz.adapters.torch_module.model_state import state_of
from viz.core.adapter import ModelSource
from viz.core.batching import BatchedAdapter
from viz.core.errors import ModelError
from viz.core.patch_plan import PatchPlan
from viz.core.patches import Patched
from viz.core.preprocess import Preprocess

SIZE, SIDE = (48, 48), 6
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def windows_wherever_they_can_be_computed(monkeypatch):
    """The networks here are too small to be worth an export, or windows."""
    monkeypatch.setattr(windows, "_WORTH_AN_EXPORT", {"cpu": 0, "cuda": 0})
    monkeypatch.setattr(planning, "LEAST_GAIN", 0.0)
    monkeypatch.setattr(PatchPlan, "is_worth", lambda plan, variants: not plan.reason)


@pytest.fixture
def exports(monkeypatch):
    """How often each set of layers has been exported."""
    made, real = [], through_onnx.export

    def counted(runner, table, layers):
        made.append(layers)
        return real(runner, table, layers)

    monkeypatch.setattr(through_onnx, "export", counted)
    return made


class Small(nn.Module):
    """One convolution and the means of its channels: the quickest to export."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.scale = 1.0

    def forward(self, x):
        return self.after(self.conv(x)).mean((2, 3))

    def after(self, x):
        return self.scale * x.relu()


@pytest.fixture(scope="module")
def small():
    """A model that has been exported."""
    model = adapter(seeded(Small), SIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_WORTH_AN_EXPORT", {"cpu": 0})
        patch.setattr(planning, "LEAST_GAIN", 0.0)
        assert not model.patch_plan(SIDE, ["output"]).reason
    return model


def written_by(found):
    """The file that an export was opened from."""
    return found.onnx._file.model.SerializeToString()


def patched(size=SIZE, count=2):
    """Variants at corners, borders and in the middle of every image."""
    images, starts = pixels(count, size), [0, 5, 17, size[0] - SIDE]
    places = [(i, top, left) for i in range(count) for top in starts for left in starts]
    return Patched(images, np.full_like(images, 0.5), SIDE, np.array(places))


def both_ways(model, layers=("output",)):
    """(by windows, plainly), and how the first was done."""
    batched = BatchedAdapter(model)
    found, variants = batched.run_patched(patched(model.size), layers), patched(model.size)
    (use,) = batched.patch_uses
    return found, model.run(variants.drawn(), layers), use


def assert_same(found, plain):
    assert found.keys() == plain.keys()
    for name, values in plain.items():
        assert np.ptp(values, axis=0).max() > 1e-4, "the variants differ, so that equal values say something"
        np.testing.assert_allclose(found[name], values, atol=1e-4 * max(1, np.abs(values).max()))


def reason_of(model, layers=("output",)):
    plan = model.patch_plan(SIDE, layers)
    assert (model.patch_runner(SIDE, layers) is None) == bool(plan.reason)
    return plan.reason


# --- the same values ------------------------------------------------------------------------------


def test_values_by_windows_are_those_of_whole_passes():
    found, plain, use = both_ways(adapter(seeded(Depthwise), SIZE))
    assert use.by_windows and use.plan.share < 0.6
    assert_same(found, plain)


def test_inner_layers_come_under_the_names_that_they_were_asked_for_by():
    preprocess = Preprocess(SIZE, channels="bgr", range=(0, 255), mean=(104, 117, 123), std=(57, 58, 59))
    model = TorchAdapter(seeded(Residual), ModelSource("net", "net", "", "torch"), preprocess=preprocess)
    alias = model.layers["layer1.0.conv2"].aliases[0]
    found, plain, use = both_ways(model, ("layer1.0.add_0", alias, "layer1.0.conv2", "output"))
    assert use.by_windows and use.plan.share < 0.6
    assert_same(found, plain)


def test_channels_last_and_further_inputs_are_the_models_own():
    class ChannelsLast(Small):
        def forward(self, x, gain=1.0):
            return gain * super().forward(x.permute(0, 3, 1, 2))

    preprocess = Preprocess(SIZE, layout="nhwc")
    source = ModelSource("net", "net", "", "torch")
    model = TorchAdapter(seeded(ChannelsLast), source, preprocess=preprocess, further_inputs={"gain": 7.0})
    found, plain, use = both_ways(model)
    assert use.by_windows
    assert_same(found, plain)


@pytest.mark.parametrize("dynamic", [None, ({0: torch.export.Dim("batch")},)], ids=["fixed batch", "any batch"])
def test_exported_programs_go_the_same_way(dynamic):
    program = torch.export.export(seeded(Small), (torch.rand(2 if dynamic else 1, 3, *SIZE),), dynamic_shapes=dynamic)
    found, plain, use = both_ways(adapter(program, SIZE))
    assert use.by_windows
    assert_same(found, plain)


def test_evidence_says_how_well_the_export_agrees(small):
    (said,) = small.evidence()["onnx_export"]
    assert said["layers"] == ["output"] and said["images"] == 3 and said["scale"] >= 1
    assert 0 <= said["largest_difference"] < 1e-5
    assert adapter(seeded(Small), SIZE).evidence() == {}


# --- the plain way --------------------------------------------------------------------------------


def test_an_export_that_computes_something_else_is_not_used_and_the_figure_is_said():
    class OtherWhenExported(Small):
        def after(self, x):
            return x.abs() + 0.01 if torch.compiler.is_compiling() else x.abs()

    model = adapter(seeded(OtherWhenExported), SIZE)
    found, plain, use = both_ways(model)
    assert not use.by_windows
    assert "the model's ONNX export gives other values: by up to 0.01" in use.plan.reason
    np.testing.assert_array_equal(found["output"], plain["output"])
    assert model.evidence()["onnx_export"][0]["largest_difference"] == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("scale", [1, 40])
def test_a_difference_of_rounding_is_no_reason_and_twice_that_is_one(scale):
    assert not through_onnx._why_not({"largest_difference": 1e-4 * scale, "scale": scale})
    assert "by up to 0.0" in through_onnx._why_not({"largest_difference": 2e-4 * scale, "scale": scale})


def test_values_that_only_the_export_has_are_a_reason():
    assert "NaN or infinity" in through_onnx._why_not({"largest_difference": np.inf, "scale": 1})


def test_a_random_model_is_run_plainly_and_not_exported(exports):
    class Random(Small):
        def after(self, x):
            return nn.functional.dropout(x, 0.5, training=True)

    assert "other values every time" in reason_of(adapter(seeded(Random), SIZE))
    assert not exports


def test_what_follows_the_values_has_the_exporters_first_line_for_a_reason():
    class Follows(Small):
        def after(self, x):
            return x.relu() if x.sum() > 0 else x.abs()

    reason = reason_of(adapter(seeded(Follows), SIZE))
    assert reason.startswith("the model's ONNX export fails: GuardOnDataDependentSymNode") and "\n" not in reason


def test_torchscript_is_run_plainly():
    reason = reason_of(adapter(torch.jit.trace(seeded(Small), torch.rand(1, 3, *SIZE)), SIZE))
    assert "no TorchScript" in reason


def test_a_precision_that_onnxruntime_lacks_is_a_reason_and_found_out_once(exports):
    model = adapter(seeded(Small).to(torch.float64), SIZE)
    assert reason_of(model).startswith("the model's ONNX export cannot be run: onnxruntime")
    assert model.patch_plan(9, ["output"]).reason
    assert len(exports) == 1


def test_without_the_exporters_package_the_reason_says_what_to_install(monkeypatch):
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    model = BatchedAdapter(adapter(seeded(Small), SIZE))
    model.run_patched(patched(), ["output"])
    assert any("every variant" in note and "pip install onnxscript" in note for note in model.notes)


def test_small_models_are_not_exported(monkeypatch, exports):
    monkeypatch.undo()
    reason = reason_of(adapter(seeded(Residual), SIZE))
    assert "too small to be worth an ONNX export, with 0.0015 of at least 0.25 G multiply-accumulates" in reason


def test_the_threshold_is_in_multiply_accumulates_of_the_whole_model(monkeypatch, small):
    cost = 3 * 3 * 3 * 4 * 48 * 48
    monkeypatch.setattr(windows, "_WORTH_AN_EXPORT", {"cpu": cost + 1})
    assert "too small" in reason_of(small)
    monkeypatch.setattr(windows, "_WORTH_AN_EXPORT", {"cpu": cost})
    assert not reason_of(small)


def test_a_model_stays_on_its_device(monkeypatch, small):
    elsewhere = windows.Windows(replace(small._runner, device=torch.device("mps")), small._table)
    assert "no device 'mps'" in elsewhere.plan(SIDE, ["output"], None).reason
    monkeypatch.setattr(onnx_session, "_has_nvidia_driver", lambda: False)
    (found,) = small._windows._exports.values()
    with pytest.raises(ModelError, match=r"CUDA|NVIDIA"):
        through_onnx._opened(replace(small._runner, device=torch.device("cuda", 0)), written_by(found))


# --- a model that changes -------------------------------------------------------------------------


def rotated(weight):
    """The same values elsewhere: sums over all of them stay as they are."""
    return weight.detach().roll(1, 0).clone()


def in_place(net):
    with torch.no_grad():
        net.conv.weight.copy_(rotated(net.conv.weight))


def through_data(net):
    net.conv.weight.data.copy_(rotated(net.conv.weight))


def through_numpy(net):
    net.conv.weight.detach().numpy()[:] = rotated(net.conv.weight).numpy()


def by_another_tensor(net):
    net.conv.weight = nn.Parameter(rotated(net.conv.weight))


def by_a_number(net):
    net.scale = 3.0


@pytest.mark.parametrize("change", [in_place, through_data, through_numpy, by_another_tensor, by_a_number])
def test_a_change_of_the_model_shows_in_its_state(change):
    net = seeded(Small)
    model = adapter(net, SIZE)
    before = state_of(model._runner, model._table, ("output",))
    assert before.same_as(state_of(model._runner, model._table, ("output",)))
    change(net)
    assert not before.same_as(state_of(model._runner, model._table, ("output",)))


def test_a_weight_that_noise_says_nothing_of_shows_all_the_same():
    net = seeded(Small)
    with torch.no_grad():
        net.conv.bias[0] = -100
    model = adapter(net, SIZE)
    before = state_of(model._runner, model._table, ("output",))
    net.conv.weight.data[0] *= 2
    after = state_of(model._runner, model._table, ("output",))
    np.testing.assert_array_equal(after.values["output"], before.values["output"])
    assert not before.same_as(after)


def test_a_changed_model_is_exported_anew_and_one_that_stays_is_not(exports):
    net = seeded(Small)
    model, variants = BatchedAdapter(adapter(net, SIZE)), patched()
    before = model.run_patched(variants, ["output"])["output"]
    model.run_patched(replace(variants, side=9, places=variants.places % 30), ["output"])
    model.run_patched(variants, ["output"])
    assert len(exports) == 1
    through_data(net)
    after = model.run_patched(variants, ["output"])["output"]
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, model.run(variants.drawn(), ["output"])["output"], atol=1e-5)
    assert len(exports) == 2 and all(use.by_windows for use in model.patch_uses)


def test_twins_have_exports_of_their_own(small, exports):
    twin = small.randomized(0)
    found, plain, use = both_ways(twin)
    assert use.by_windows
    assert_same(found, plain)
    larger = small.at_size((64, 64), ["conv"])
    found, plain, use = both_ways(larger, ("conv",))
    assert "another size" in use.plan.reason
    assert_same(found, plain)
    assert exports == [("output",), ("conv",)]


# --- no trace -------------------------------------------------------------------------------------


def test_the_exporter_says_nothing_and_leaves_nothing_in_the_model(capfd, recwarn, caplog):
    class Remembers(Small):
        def __init__(self):
            super().__init__()
            self.memory = SimpleNamespace(seen=[])

        def after(self, x):
            self.memory.seen.append(x)
            self.memory.last = x
            return x.relu() if x.sum() > 0 else x.abs()

    net = seeded(Remembers).train()
    assert reason_of(adapter(net, SIZE)) and reason_of(adapter(seeded(Small), SIZE)) == ""
    assert capfd.readouterr() == ("", "")
    assert not [str(w.message) for w in recwarn]
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]
    assert {type(tensor) for tensor in [net.memory.last, *net.memory.seen]} == {torch.Tensor}
    assert net.training and net.conv.training
