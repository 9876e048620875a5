"""Damaged and hostile models give an error that says what to do: no traceback, no hang, no full memory."""

import re

import numpy as np
import pytest
import torch

import viz.adapters.onnx_torch.program
from tests.adapters.onnx_torch.malformed import CASES, broken_model, sound, write
from viz.adapters import load
from viz.adapters.onnx_graph.file import read
from viz.adapters.onnx_torch.program import OnnxProgram
from viz.core.errors import ModelError, VizError
from viz.core.model_options import ModelOptions

IMAGE = torch.ones(1, 3, 8, 8)


@pytest.fixture(autouse=True)
def small_machine(monkeypatch):
    """Tests must not fill the memory to show that a limit holds."""
    monkeypatch.setattr(viz.adapters.onnx_torch.program, "sane_bytes", lambda: 1 << 28)


def run(model, folder):
    return OnnxProgram(model, folder).run({"image": IMAGE}, ["scores"]).values["scores"]


def test_the_model_that_is_broken_in_these_tests_is_sound(tmp_path):
    path = write(sound(), tmp_path)
    assert run(read(path).model, path.parent).shape == (1, 4)


@pytest.mark.parametrize("name", CASES)
def test_the_executor_says_what_is_wrong_with_a_model_in_memory(name, tmp_path):
    path = write(sound(), tmp_path)
    with pytest.raises(ModelError, match=re.compile(CASES[name].says, re.S)) as caught:
        run(broken_model(name), path.parent)
    assert caught.value.next_step


@pytest.mark.parametrize("name", CASES)
def test_the_executor_says_what_is_wrong_with_a_file(name, tmp_path):
    path = write(broken_model(name), tmp_path)
    with pytest.raises(ModelError) as caught:
        run(read(path).model, path.parent)
    assert caught.value.next_step


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.only_executor])
def test_loading_and_running_a_broken_file_gives_an_error_of_ours(name, tmp_path):
    path = write(broken_model(name), tmp_path)
    with pytest.raises(VizError) as caught:
        model = load(path, ModelOptions(preprocess="unit"))
        model.run(np.zeros((1, 3, 8, 8), np.float32), [*model.outputs])
    assert caught.value.problem


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" * 60, b"PK\x03\x04" * 90, b"hello, not a model\n" * 9])
def test_what_is_no_onnx_file_is_refused(content, tmp_path):
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read(tmp_path / "net.onnx")
    assert caught.value.next_step


@pytest.mark.parametrize("name", [b"stem", b"relu", b"kernel", b"Conv", b"pads", b"image", b"scores"])
def test_a_name_that_is_not_text_is_refused(name, tmp_path):
    damaged = sound().SerializeToString().replace(name, name[:-1] + b"\xff")
    (tmp_path / "net.onnx").write_bytes(damaged)
    with pytest.raises(ModelError, match="which is not text"):
        read(tmp_path / "net.onnx")


def test_a_truncated_file_is_refused(tmp_path):
    whole = sound().SerializeToString()
    (tmp_path / "net.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError):
        run(read(tmp_path / "net.onnx").model, tmp_path)
