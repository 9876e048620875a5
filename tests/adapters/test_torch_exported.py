"""torch.export programs: every node can be read, under the graph's name or the module's path."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.adapters.torch_models import Wrapped, adapter, forward, pixels, read
from tests.networks import ARCHITECTURES, CLASSES, SIZE, PlainConv, Residual, TinyViT, seeded
from viz.adapters.torch_loading.files import load_torch
from viz.core.adapter import Scores
from viz.core.errors import ModelError, UsageError
from viz.core.model_options import ModelOptions


def saved(net, path, batch=2, free=True):
    shapes = ({0: torch.export.Dim("batch")},) if free else None
    torch.export.save(torch.export.export(net, (torch.rand(batch, 3, *SIZE),), dynamic_shapes=shapes), path)
    return str(path)


def opened(path, **options):
    return load_torch(path, ModelOptions(preprocess="unit", **options))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_scores_and_layers_are_those_of_the_module(name, tmp_path):
    net, images = seeded(ARCHITECTURES[name]), pixels(3)
    model, module = opened(saved(net, tmp_path / "net.pt2")), adapter(net)
    np.testing.assert_allclose(read(model, "output", images), forward(net, images), atol=1e-5)
    assert not model.notes and model.preprocess.size == SIZE
    for path, part in net.named_modules():
        if isinstance(part, nn.Conv2d | nn.Linear | nn.BatchNorm2d | nn.ReLU | nn.LayerNorm) and path in module.layers:
            np.testing.assert_allclose(read(model, path, images), read(module, path, images), atol=1e-5, err_msg=path)
            assert model.layer(path).parameters == module.layer(path).parameters
            assert model.layer(path).macs == module.layer(path).macs


def test_nodes_have_the_graphs_names_and_the_paths_of_repeated_calls(tmp_path):
    net, images = seeded(Residual), pixels()
    model = opened(saved(net, tmp_path / "net.pt2"))
    first = model.layer("layer1.0.relu")
    second = model.layer("layer1.0.relu#2")
    assert first.op == second.op == "relu" and first.name != second.name
    expected = read(adapter(net), "layer1.0.relu#2", images)
    np.testing.assert_allclose(read(model, "layer1.0.relu#2", images), expected, atol=1e-5)
    np.testing.assert_allclose(read(model, "layer1.0", images), expected, atol=1e-5)
    assert "conv2d" in model.layers and model.layers["conv2d"].shape == (None, 8, 16, 16)


def test_nodes_before_operations_in_place_are_read_as_they_were(tmp_path):
    net, images = seeded(PlainConv), pixels()
    model = opened(saved(net, tmp_path / "net.pt2"))
    before = read(model, "features.1", images)
    assert before.min() < 0
    np.testing.assert_allclose(read(model, "features.2", images), before.clip(0), atol=1e-6)


def test_a_program_exported_for_one_image_is_run_in_batches_where_that_is_the_same(tmp_path):
    net, images = seeded(Residual), pixels(5)
    model = opened(saved(net, tmp_path / "net.pt2", batch=1, free=False))
    assert model.notes == []
    np.testing.assert_allclose(read(model, "output", images), forward(net, images), atol=1e-5)


class Baked(nn.Module):
    """len() writes the batch of the example into the program."""

    def forward(self, x):
        return x.reshape(len(x), 3, -1).mean(2)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_program_that_needs_its_batch_is_run_with_it_and_says_so(batch, tmp_path):
    images = pixels(6)
    model = opened(saved(Baked(), tmp_path / "net.pt2", batch=batch, free=False))
    assert ("one image at a time" if batch == 1 else "4 images at a time") in model.notes[0]
    np.testing.assert_allclose(read(model, "output", images), images.mean((2, 3)), atol=1e-6)
    assert model.layers["view" if "view" in model.layers else "reshape"].shape == (None, 3, 1024)


def test_a_softmax_at_the_end_is_found(tmp_path):
    net = seeded(lambda: Wrapped(TinyViT(), nn.Softmax(1)))
    model = opened(saved(net, tmp_path / "net.pt2"))
    assert model.scores is not None and model.scores.probabilities == "output"
    logits = read(model, model.scores.logits, pixels())
    np.testing.assert_allclose(logits, forward(net.net, pixels()), atol=1e-5)


def test_outputs_keep_their_names(tmp_path):
    net = seeded(lambda: Wrapped(PlainConv(), lambda x: {"maps": x[:, None], "logits": x}))
    model = opened(saved(net, tmp_path / "net.pt2"))
    assert model.outputs == ("maps", "logits")
    assert model.scores == Scores(CLASSES, "logits", None, "none")


def test_another_size_than_the_exported_one_is_refused(tmp_path):
    path = saved(seeded(Residual), tmp_path / "net.pt2")
    with pytest.raises((ModelError, UsageError), match="32"):
        opened(path, size="64")
    with pytest.raises(ModelError, match="exported for inputs \\?x3x32x32"):
        opened(path).run(pixels(size=(64, 64)), ["output"])


def test_a_program_exported_in_training_mode_is_refused(tmp_path):
    with pytest.raises(ModelError, match="exported in training mode"):
        opened(saved(seeded(PlainConv).train(), tmp_path / "net.pt2"))


def test_a_program_with_another_input_is_refused(tmp_path):
    class Two(nn.Module):
        def forward(self, image, scale):
            return (image * scale).mean((2, 3))

    program = torch.export.export(Two(), (torch.rand(2, 3, *SIZE), torch.rand(1)))
    torch.export.save(program, tmp_path / "two.pt2")
    with pytest.raises(ModelError, match="takes image, scale, not one batch of images"):
        opened(str(tmp_path / "two.pt2"))
