"""What workers are given so that they compute what the model here does."""

import pytest

from viz.core.errors import ModelError
from viz.core.model_options import ModelOptions
from viz.engine.ray.needs import needs_of, options_there, set_torch_threads
from viz.engine.ray.same_model import check_same, facts_of
from viz.models import open_model


@pytest.fixture
def three_threads():
    """Torch with three threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield torch
    torch.set_num_threads(before)


def test_a_worker_has_the_threads_and_the_device_that_were_found_here():
    model = open_model("zoo:shapes", ModelOptions(threads=5))
    assert options_there(model, ModelOptions()) == ModelOptions(threads=5, device="cpu")
    assert needs_of(model, needs_gradient=False).cpus == 5


def test_gradients_take_as_many_cores_as_torch_has_threads(three_threads):
    model = open_model("zoo:shapes", ModelOptions(threads=2, device="cpu"))
    assert needs_of(model, needs_gradient=False).cpus == 2
    needs = needs_of(model, needs_gradient=True)
    assert (needs.cpus, needs.torch_threads) == (3, 3)


def test_a_torch_model_takes_them_without_gradients_too(three_threads):
    model = open_model("zoo:shapes-torch", ModelOptions(device="cpu"))
    assert needs_of(model, needs_gradient=False).cpus == 3
    assert options_there(model, ModelOptions()).threads is None  # that would set it for the whole process


def test_torch_is_given_its_threads(three_threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    set_torch_threads(2)
    assert three_threads.get_num_threads() == 2


def test_threads_of_numpy_are_held_against_each_other(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    model = open_model("zoo:shapes", ModelOptions(threads=1, device="cpu"))
    here = facts_of(model)
    assert here["threads of numpy"] == 1
    check_same(here, facts_of(model), "there")
    with pytest.raises(ModelError, match=r"on there is not the one here: its threads of numpy is 4, and here 1"):
        check_same(here, {**here, "threads of numpy": 4}, "there")
    with pytest.raises(ModelError, match=r"its preprocessing is "):
        check_same(here, {**here, "preprocessing": {}}, "there")
