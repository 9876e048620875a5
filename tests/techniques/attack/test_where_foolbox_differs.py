"""Where viz does something else than Foolbox, on purpose: what both do, side by side.

docs/explanation/differences-from-lucent-and-foolbox.md says why; each line of its second part names the test here.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import viz
from viz.core.images import Photo, to_bytes, to_float
from viz.core.making import GivenPhoto, Watch
from viz.core.technique import find
from viz.model_zoo import shapes_net
from viz.model_zoo.shape_pictures import draw
from viz.model_zoo.shapes_net import ShapesNet

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it imports
    foolbox = pytest.importorskip("foolbox", reason="foolbox is not installed: pip install foolbox scipy")

PAGE = Path(__file__).parents[3] / "docs/explanation/differences-from-lucent-and-foolbox.md"
COUNT = 8
IMAGES = np.stack([to_float(draw(index).pixels) for index in range(COUNT)])


@pytest.fixture(scope="module")
def model():
    return viz.load("zoo:shapes-torch")


@pytest.fixture
def net():
    """The same network, in plain torch, with weights that want gradients as when it was trained."""
    from safetensors.torch import load_file

    network = ShapesNet()
    network.load_state_dict(load_file(Path(shapes_net.__file__).parent / "builtin" / "shapes.safetensors"))
    return network.eval()


def theirs(net, attack, images=IMAGES, labels=None, target=None, **options):
    """Adversarials of one of Foolbox's attacks, and whether it counts them as successes."""
    normal = {"mean": [0.5] * 3, "std": [0.25] * 3, "axis": -3}
    model = foolbox.PyTorchModel(net, bounds=(0, 1), preprocessing=normal, device="cpu")
    pictures = torch.from_numpy(images)
    labels = model(pictures).argmax(1) if labels is None else torch.tensor(labels)
    criterion = foolbox.criteria.Misclassification(labels)
    if target is not None:
        criterion = foolbox.criteria.TargetedMisclassification(torch.tensor(target))
    _, found, success = attack(model, pictures, criterion, **{"epsilons": None, **options})
    return found.detach().numpy(), success.numpy()


class Given:
    """The drawn pictures as a user's photos, `viz.core.making.Photos`."""

    def __init__(self, count=COUNT, truths=()):
        self.names = [f"{index}.png" for index in range(count)]
        self._truths = dict(enumerate(truths))

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        photo = Photo(draw(index).pixels, sha256="")
        return GivenPhoto(self.names[index], photo, self._truths.get(index))


def ours(model, photos, **options):
    """What `viz fool` makes of them."""
    chosen = find("fool")(**options)
    return [
        picture
        for group in chosen.pieces(model, photos)
        for picture in chosen(model, group, [photos[piece.photo] for piece in group], photos, Watch())
    ]


def classes(model, images):
    return model.run(images, model.outputs)[model.outputs[0]].argmax(1)


def least_likely(model, images):
    return model.run(images, model.outputs)[model.outputs[0]].argmin(1).tolist()


def test_adversarials_as_files(model, net):
    many = np.stack([to_float(draw(index).pixels) for index in range(40)])
    before = classes(model, many)
    found, success = theirs(net, foolbox.attacks.L2DeepFoolAttack(), many)
    assert success.all()
    assert (classes(model, found) != before).all()
    saved = np.stack([to_float(to_bytes(image)) for image in found])
    assert (classes(model, saved) != before).sum() < 25  # rounding took the others back
    made = ours(model, Given(), attack="deepfool", target=("untargeted",))
    saved = np.stack([to_float(picture.pixels) for picture in made])
    assert (classes(model, saved) != before[:COUNT]).all()


def test_a_photo_that_is_mistaken_already(net, model):
    wrong = [(int(index) + 1) % 10 for index in classes(model, IMAGES)]
    found, success = theirs(net, foolbox.attacks.L2DeepFoolAttack(), labels=wrong)
    assert success.all()
    assert np.array_equal(found, IMAGES)  # nothing was done
    made = ours(model, Given(2), attack="deepfool", target=("untargeted",))
    assert all(picture.numbers["l2"] > 0 for picture in made)
    seen = np.stack([to_float(picture.pixels) for picture in made])
    assert (classes(model, seen) != classes(model, IMAGES[:2])).all()


def test_deepfool_towards_a_class(net, model):
    _, success = theirs(net, foolbox.attacks.L2DeepFoolAttack(steps=5), target=least_likely(model, IMAGES))
    assert not success.any()  # it went to the nearest boundary, whosever that is, and says so by False only
    made = ours(model, Given(2), attack="deepfool", target=("least-likely",))
    seen = np.stack([to_float(picture.pixels) for picture in made])
    assert classes(model, seen).tolist() == least_likely(model, IMAGES[:2])


def test_the_attack_of_szegedy(model):
    assert not [name for name in dir(foolbox.attacks) if "lbfgs" in name.lower() or "szegedy" in name.lower()]
    assert ours(model, Given(1), attack="szegedy", steps=60)[0].numbers["success"]


def test_the_same_attack_twice(net, model):
    once, again = (theirs(net, foolbox.attacks.LinfPGD(steps=3), IMAGES[:2], epsilons=0.03)[0] for _ in range(2))
    assert not np.array_equal(once, again)
    once, again = (ours(model, Given(2), attack="pgd", steps=3) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(once, again, strict=True))


def test_what_is_left_in_the_model(net):
    theirs(net, foolbox.attacks.L2DeepFoolAttack(steps=2), IMAGES[:2])
    assert any(weight.grad is not None for weight in net.parameters())
    fresh = ShapesNet()
    model = viz.load(fresh, viz.ModelOptions(preprocess="unit", size="96"))
    ours(model, Given(1), attack="pgd", steps=2)
    assert all(weight.grad is None for weight in fresh.parameters())


def test_every_line_of_the_page_is_shown_by_a_test_and_every_test_is_on_it():
    shown = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8").split("\n## Foolbox")[1]))
    here = {name for name in globals() if name.startswith("test_")} - {
        "test_every_line_of_the_page_is_shown_by_a_test_and_every_test_is_on_it"
    }
    assert shown == here
