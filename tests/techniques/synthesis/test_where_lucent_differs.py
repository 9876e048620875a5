"""Where viz does something else than Lucent, on purpose: what both do, side by side.

docs/explanation/differences-from-lucent-and-foolbox.md says why; each line of its first part names the test here.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.adapters.torch_models import adapter
from tests.networks import seeded
from viz.core.images import png_bytes, read, to_bytes
from viz.core.making import Watch
from viz.core.target import class_target, neuron_target
from viz.techniques.synthesis._fourier import Fourier
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._optimization import Optimization, optimize
from viz.techniques.synthesis._pixels import Pixels
from viz.techniques.synthesis._transformations import Transformations

transform = pytest.importorskip("lucent.optvis.transform", reason="lucent is not installed: pip install torch-lucent")
objectives = pytest.importorskip("lucent.optvis.objectives")
param = pytest.importorskip("lucent.optvis.param")
spatial = pytest.importorskip("lucent.optvis.param.spatial")
render = pytest.importorskip("lucent.optvis.render")

PAGE = Path(__file__).parents[3] / "docs/explanation/differences-from-lucent-and-foolbox.md"
DRAWS = 200


def theirs(net, objective, start=None, steps=2, size=32, **options):
    """What Lucent makes of `start` (pixels), or of noise, as an array (b, h, w, 3)."""
    pixels = None if start is None else start.clone().requires_grad_()
    given = (lambda: param.image(size)) if pixels is None else (lambda: ([pixels], lambda: pixels))
    options = {"transforms": [], "preprocess": False, "fixed_image_size": size, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        made = render.render_vis(
            net, objective, param_f=given, thresholds=(steps,), progress=False, show_image=False, **options
        )
    return made[-1]


def ours(model, target, start=None, steps=2, **options):
    """What viz makes of the same, (b, 3, h, w)."""
    parameters = Fourier(1, model.size) if start is None else Pixels(start)
    plan = Optimization(Objective(model, (target,)), parameters, lambda pictures, generator: pictures, steps, **options)
    return optimize(plan, Watch()).pictures


def dot(row=16, column=16, size=33):
    picture = torch.zeros(1, 3, size, size)
    picture[..., row, column] = 1
    return picture


def offset(moved):
    """How far a single bright pixel has gone from the middle, down and right."""
    _, row, column = (moved[0] == moved[0].max()).nonzero()[0].tolist()
    return row - 16, column - 16


def many(moved, picture, generator=None):
    generator = torch.Generator().manual_seed(0)
    return [moved(picture, generator) for _ in range(DRAWS)]


def test_which_way_jitter_moves():
    np.random.seed(0)  # what Lucent draws from
    found = np.array([offset(transform.jitter(8)(dot())) for _ in range(DRAWS)])
    assert found.min() == 0
    assert found.max() == 7
    found = np.array([offset(one) for one in many(Transformations(jitter=8), dot())])
    assert found.min() == -8
    assert found.max() == 8
    assert np.abs(found.mean(axis=0)).max() < 1


def test_what_a_move_uncovers():
    white = torch.ones(1, 3, 33, 33)
    np.random.seed(0)
    bordered = transform.pad(12, mode="constant", constant_value=0.5)(white)
    assert min(float(transform.jitter(8)(bordered).min()) for _ in range(20)) == 0
    assert float(transform.random_rotate([10])(white).min()) == 0
    moved = Transformations(pad=2, jitter=8, rotate=10)  # white, the gray border, white again
    assert min(float(one.min()) for one in many(moved, white)) > 0.49


def test_the_draws_of_a_batch():
    several = dot().repeat(4, 1, 1, 1)
    np.random.seed(0)
    moved = transform.jitter(8)(several)
    assert all(torch.equal(one, moved[0]) for one in moved)
    moved = Transformations(jitter=8)(several, torch.Generator().manual_seed(0))
    assert not all(torch.equal(one, moved[0]) for one in moved)


def test_scaling_a_picture_that_is_no_square():
    wide = torch.ones(1, 3, 40, 80)
    scaled = transform.random_scale([0.5])(wide)
    assert tuple(scaled.shape[2:]) == (50, 70)  # neither the picture's size nor its form
    columns, rows = (scaled[0, 0].sum(axis).nonzero()[:, 0] for axis in (0, 1))
    assert (int(columns[0]), 69 - int(columns[-1])) == (10, 20)  # nor in the middle
    assert (int(rows[0]), 49 - int(rows[-1])) == (10, 20)
    scaled = Transformations(pad=40, pad_value=0.0, scale=(0.5, 0.5))(wide, torch.Generator())
    assert tuple(scaled.shape[2:]) == (40, 80)
    torch.testing.assert_close(scaled, scaled.flip(2).flip(3))


def test_the_same_spectrum_at_the_size_of_the_paper():
    parameters, image = spatial.fft_image((1, 3, 224, 224))
    mine, lucents = Fourier(1, (224, 224), decorrelate=False).pictures_of(parameters[0].detach()), image().detach()
    assert float((torch.logit(mine.double()) - lucents).abs().max() / lucents.abs().max()) < 0.05


def test_how_strong_the_same_spectrum_is_at_other_sizes():
    def strength(size, of):
        torch.manual_seed(0)
        parameters, image = spatial.fft_image((1, 3, size, size))
        mine = Fourier(1, (size, size), decorrelate=False).pictures_of(parameters[0].detach())
        return float(image().detach().std() if of == "lucent" else torch.logit(mine).std())

    assert strength(1024, "lucent") > 1.3 * strength(48, "lucent")
    assert strength(1024, "viz") == pytest.approx(strength(48, "viz"), rel=0.15)


class Remembering(nn.Module):
    """What it was shown, and a score that can be driven up."""

    def __init__(self):
        super().__init__()
        self.score = nn.Conv2d(3, 1, 1)
        self.seen = []

    def forward(self, x):
        self.seen.append(x.detach())
        return self.score(x).mean((2, 3))


def test_what_the_model_is_shown():
    """A model of 32 x 32 pixels, values as they are."""
    white = torch.ones(1, 3, 32, 32)
    net = seeded(Remembering)
    theirs(net, "score:0", white, preprocess=True, fixed_image_size=None)
    assert tuple(net.seen[0].shape[2:]) == (224, 224)
    assert float(net.seen[0].max()) > 2  # normalized as ImageNet is
    net = seeded(Remembering)
    model = adapter(net)
    ours(model, neuron_target(model, "score", 0), white)
    assert tuple(net.seen[-1].shape[2:]) == (32, 32)
    assert float(net.seen[-1].max()) <= 1


def test_what_is_left_in_the_model():
    net = seeded(Remembering)
    theirs(net, "score:0")
    theirs(net, "score:0")
    assert len(net.score._forward_hooks) == 2  # one more with every call
    assert net.score.weight.grad is not None
    net = seeded(Remembering)
    model = adapter(net)
    ours(model, neuron_target(model, "score", 0))
    assert not net.score._forward_hooks
    assert net.score.weight.grad is None


def test_a_model_in_training_mode():
    net = seeded(
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
        )
    )
    net.train()
    before = net[1].running_mean.clone()
    theirs(net, "0:0")
    assert not torch.equal(net[1].running_mean, before)
    before = net[1].running_mean.clone()
    model = adapter(net)
    ours(model, class_target(model, 0))
    assert torch.equal(net[1].running_mean, before)
    assert net.training


class HeadFirst(nn.Module):
    """Its last module by the order of `__init__` is not the last one that runs."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 5)
        self.features = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        return torch.softmax(self.head(self.features(x).flatten(1)), dim=1)


def test_what_a_class_score_is():
    net = seeded(HeadFirst)
    read = render.hook_model(net, None)
    net(torch.rand(1, 3, 32, 32))
    assert tuple(read("labels").shape) == (1, 3, 1, 1)  # the pooling: no scores at all
    model = adapter(seeded(HeadFirst))
    values = model.run(np.random.default_rng(0).random((1, 3, 32, 32), np.float32), ["output"])
    assert values["output"].shape == (1, 5)
    target = class_target(model, 4)
    assert target.score == "probability" or target.layers != ("output",)
    behind = nn.Sequential(seeded(HeadFirst), nn.Softmax(dim=1))
    read = render.hook_model(behind, None)
    behind(torch.rand(1, 3, 32, 32))
    assert float(read("labels").sum()) == pytest.approx(1)  # probabilities


class Asleep(nn.Module):
    """A unit that is off for every picture but the brightest."""

    def __init__(self):
        super().__init__()
        self.unit = nn.Conv2d(3, 1, 1)
        nn.init.ones_(self.unit.weight)
        nn.init.constant_(self.unit.bias, -2.5)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.unit(x)).mean((2, 3))


def test_a_unit_that_is_off_at_the_start():
    gray = torch.full((1, 3, 32, 32), 0.5)
    made = theirs(Asleep(), "relu:0", gray, steps=16)
    assert (made == 0.5).all()
    model = adapter(Asleep())
    made = ours(model, neuron_target(model, "relu", 0), gray, steps=16, redirected=16)
    assert (made > 0.9).all()


def test_an_error_of_the_model():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(7, 3))
    pictures = torch.full((1, 3, 32, 32), 0.5)
    with pytest.warns(UserWarning, match="It is fine"):
        render.render_vis(
            net,
            "0:0",
            param_f=lambda: ([pictures.requires_grad_()], lambda: pictures),
            transforms=[],
            preprocess=False,
            fixed_image_size=32,
            thresholds=(1,),
            progress=False,
            show_image=False,
        )


def test_the_same_call_twice():
    net = seeded(Remembering)
    assert not np.array_equal(theirs(net, "score:0"), theirs(net, "score:0"))
    model = adapter(net)
    target = neuron_target(model, "score", 0)
    assert np.array_equal(ours(model, target), ours(model, target))


def test_the_file(tmp_path):
    image = torch.full((1, 3, 8, 8), 0.999)
    render.export(image, str(tmp_path / "theirs.png"))
    (tmp_path / "ours.png").write_bytes(png_bytes(to_bytes(image[0].numpy())))
    assert read(tmp_path / "theirs.png").pixels.max() == 254  # 254.7, cut off
    assert read(tmp_path / "ours.png").pixels.max() == 255


def test_every_line_of_the_page_is_shown_by_a_test_and_every_test_is_on_it():
    shown = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8").split("\n## Foolbox")[0]))
    here = {name for name in globals() if name.startswith("test_")} - {
        "test_every_line_of_the_page_is_shown_by_a_test_and_every_test_is_on_it"
    }
    assert shown == here
