"""What `--model` can name, what comes with it, and what is wrong with a file, said in words."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from tests.adapters.torch_models import adapter, forward, opened, pixels, read, saved
from tests.networks import CLASSES, Residual, seeded
from viz.adapters.torch_loading.files import from_module, is_torch_spec, load_torch
from viz.core.errors import ModelError, UsageError
from viz.core.model_options import ModelOptions

ARCH = "tests.networks:Residual"


@pytest.mark.parametrize(
    "spec",
    "a.b:c net:Net torchvision:resnet18 timm:resnet18.a1_in1k x.pt2 d/x.PT x.pth x.th x.pth.tar x.safetensors".split(),
)
def test_torch_specs_are_told_by_their_form(spec):
    assert is_torch_spec(spec)


@pytest.mark.parametrize(
    "spec", ["x.onnx", "zoo:shapes", "zoo:resnet.pt:x", "folder", "a b:c", r"C:\x.onnx", ":x", "a:"]
)
def test_other_specs_are_not_torchs(spec):
    assert not is_torch_spec(spec)


def test_asking_imports_no_torch():
    code = (
        "import sys; from viz.adapters.torch_loading.files import is_torch_spec; assert is_torch_spec('a:b');"
        "assert not {'torch', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_channels_come_from_the_first_convolution_and_size_from_the_user(tmp_path):
    gray = from_module(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten()), ModelOptions(size="20x28"), "gray")
    assert gray.preprocess.channels == "gray" and gray.preprocess.size == (20, 28)
    assert gray.preprocess.origin["layout"] == "torch's convention"


def test_a_guess_about_the_images_is_a_warning():
    notes = from_module(seeded(Residual), ModelOptions(size="32")).warnings
    assert any("nothing says how this model wants its images" in note for note in notes)


def test_labels_and_preprocessing_beside_the_file_are_used(tmp_path):
    names = [f"name {i}" for i in range(CLASSES)]
    (tmp_path / "net.viz.toml").write_text(
        f"labels = {names}\n[preprocess]\nsize = 32\nmean = 0.5\nstd = 0.25\ncrop = 'none'\n"
    )
    net = seeded(Residual)
    path = saved(net.state_dict(), tmp_path / "net.pt")
    model = load_torch(str(path), ModelOptions(arch=ARCH))
    assert model.labels.names == tuple(names)
    expected = forward(lambda x: net((x - 0.5) / 0.25), pixels())
    np.testing.assert_allclose(read(model, "output", pixels()), expected, atol=1e-5)
    assert model.notes == []


def test_the_zoos_tables_are_used():
    tables = {"preprocess": {"size": 32, "mean": [0.5] * 3, "std": [0.25] * 3}, "labels": list("abcdefghij")}
    model = load_torch(ARCH, ModelOptions(), tables)
    assert model.labels.names[2] == "c" and model.labels.origin == "zoo"
    assert model.preprocess.origin["mean"] == "zoo" and model.preprocess.mean == (0.5, 0.5, 0.5)


def test_a_module_at_hand_is_identified_by_its_weights():
    one, same, other = (from_module(seeded(Residual, seed), ModelOptions(size="32")) for seed in (0, 0, 1))
    assert one.source.sha256 == same.source.sha256 != other.source.sha256
    assert one.source.name == "Residual"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"provider": "CPUExecutionProvider"}, "--provider .* is for ONNX"),
        ({"device": "gpu"}, "--device gpu is not known"),
        ({"arch": ARCH}, "--arch is for state dicts"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        opened(ARCH, **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_an_error():
    with pytest.raises(ModelError, match=r"--device cuda:0: torch .* sees 0 GPU"):
        opened(ARCH, device="cuda:0")
    assert opened(ARCH, device="auto").source.device == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_scores_on_the_gpu_are_those_of_the_cpu():
    images = pixels()
    model = opened(ARCH, device="cuda")
    assert model.source.device == "cuda:0"
    on_cpu = adapter(model._runner.program.module.cpu())
    np.testing.assert_allclose(read(model, "layer1.0.conv1", images), read(on_cpu, "layer1.0.conv1", images), atol=1e-2)


def test_threads_are_set_only_where_asked_for():
    before = torch.get_num_threads()
    try:
        opened(ARCH)
        assert torch.get_num_threads() == before
        opened(ARCH, threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is no file of torch"),
        (b"<html>Not found</html>", "is no file of torch: it begins with b'<html>No'"),
        (b"PK\x03\x04 and then nothing", "is damaged"),
        (b"\x80\x02}q\x00X", "cannot be loaded"),
    ],
)
def test_files_that_are_damaged_or_something_else_are_refused_with_the_reason(content, text, tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=text):
        opened(path, arch=ARCH)


def test_a_truncated_file_is_refused(tmp_path):
    path = saved(seeded(Residual).state_dict(), tmp_path / "net.pt")
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ModelError, match=r"damaged|cannot be loaded"):
        opened(path, arch=ARCH)


def test_a_missing_file_is_named():
    with pytest.raises(ModelError, match=r"nowhere\.pt cannot be read: No such file"):
        opened("nowhere.pt")
