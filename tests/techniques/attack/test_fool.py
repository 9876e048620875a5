"""`viz fool` from photos: what is saved fools, and what is said of it is true of the file."""

import numpy as np
import pytest

from tests.techniques.attack.fooling import SIZE, Photos, fooled, gray_photos, linear
from viz.core.errors import ImageError, NotSupported, UsageError
from viz.core.images import fit, png_bytes, read, to_float
from viz.core.making import Picture, Watch
from viz.core.preprocess import Preprocess
from viz.core.target.classes import ranked_classes
from viz.model_zoo.shape_pictures import draw
from viz.models import open_model
from viz.techniques.attack import _fooling_photos
from viz.techniques.attack.fool import Fool

ATTACKS = {"szegedy": {"steps": 60}, "pgd": {"epsilon": 0.15}, "deepfool": {}, "carlini-wagner": {"steps": 450}}


@pytest.fixture(scope="module")
def shapes():
    return open_model("zoo:shapes")


def read_back(picture, model, folder):
    """Classes by falling score of the file on the disk, preprocessed as any photo."""
    file = folder / "saved.png"
    file.write_bytes(png_bytes(picture.pixels))
    order, probabilities = ranked_classes(model, fit(read(file), model.preprocess).pixels[None])
    return order[0], probabilities[0]


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_saved_file_is_taken_for_the_least_likely_class(attack, tmp_path):
    check_least_likely(linear(classes=4), gray_photos(2), attack, tmp_path)


@pytest.mark.parametrize("attack", ["szegedy", "pgd"])
def test_the_saved_file_fools_a_network_on_onnxruntime(attack, shapes, tmp_path):
    check_least_likely(shapes, [draw(0, size=96).pixels], attack, tmp_path)


def check_least_likely(model, photos, attack, folder):
    for photo, picture in zip(photos, fooled(model, photos, attack=attack, **ATTACKS[attack]), strict=True):
        before, shares = ranked_classes(model, to_float(photo)[None])
        order, probabilities = read_back(picture, model, folder)
        assert order[0] == before[0, -1] == picture.target.class_index
        assert picture.numbers["success"] == 1
        assert picture.warnings == ()
        assert picture.numbers["target_after"] == pytest.approx(probabilities[order[0]], abs=1e-5)
        assert picture.numbers["original_before"] == pytest.approx(shares[0].max(), abs=1e-5)


def test_distances_are_those_of_the_saved_picture(shapes):
    photo = draw(1, size=96).pixels
    (picture,) = fooled(shapes, [photo], attack="pgd", target=("top2",))
    change = (picture.pixels.astype(float) - photo) / 255
    numbers = picture.numbers
    assert numbers["l2"] == pytest.approx(np.sqrt((change**2).sum()), rel=1e-5)
    assert numbers["linf"] == pytest.approx(np.abs(change).max(), rel=1e-5)
    assert numbers["rms"] == pytest.approx(np.sqrt((change**2).mean()), rel=1e-5)
    np.testing.assert_allclose(picture.arrays["perturbation"], change.transpose(2, 0, 1), atol=1e-6)
    triptych = picture.panels["triptych"]
    np.testing.assert_array_equal(triptych[:, :96], photo)
    np.testing.assert_array_equal(triptych[:, 192:], picture.pixels)
    np.testing.assert_allclose(triptych[:, 96:192], np.clip(127.5 + 2550 * change, 0, 255), atol=0.6)


def test_a_large_photo_is_perturbed_at_its_own_resolution_through_the_resize(shapes, tmp_path):
    photo = draw(2, size=96).pixels.repeat(2, 0).repeat(3, 1)[:150]
    (picture,) = fooled(shapes, [photo], attack="deepfool", target=("top2",))
    assert picture.pixels.shape == photo.shape
    assert picture.numbers["resolution"] == "photo"
    assert read_back(picture, shapes, tmp_path)[0][0] == picture.target.class_index


def test_at_the_models_resolution_the_saved_picture_goes_through_the_same_crop(tmp_path):
    model = linear(classes=3)
    model.preprocess = Preprocess(size=SIZE, crop=0.875)
    (picture,) = fooled(model, gray_photos(1, size=(40, 37)), resolution="model")
    assert picture.pixels.shape[:2] == (11, 14)
    assert picture.numbers["resolution"] == "model"
    assert picture.numbers["success"] == 1
    assert read_back(picture, model, tmp_path)[0][0] == picture.target.class_index


@pytest.mark.parametrize("attack", ["deepfool", "carlini-wagner", "pgd", "fgsm"])
def test_untargeted_means_any_other_class(attack, tmp_path):
    model, photos = linear(classes=4), gray_photos(2)
    reach = {"epsilon": 0.1} if attack in ("pgd", "fgsm") else {}
    made = fooled(model, photos, attack=attack, target=("untargeted",), **reach)
    for photo, picture in zip(photos, made, strict=True):
        own = ranked_classes(model, to_float(photo)[None])[0][0, 0]
        assert read_back(picture, model, tmp_path)[0][0] == picture.target.class_index != own
        assert picture.numbers["success"] == 1


@pytest.mark.parametrize("attack", ["szegedy", "pgd", "deepfool", "carlini-wagner"])
def test_it_does_not_matter_which_other_photos_are_in_the_batch(attack):
    model, photos = linear(classes=4), gray_photos(3)
    together = fooled(model, photos, attack=attack, steps=90)
    alone = fooled(model, Photos(photos[:1]), attack=attack, steps=90)[0]
    assert np.abs(together[0].pixels.astype(int) - alone.pixels).max() <= 1
    assert together[0].numbers["l2"] == pytest.approx(alone.numbers["l2"], rel=0.02)


def test_seeds_decide_and_the_same_one_gives_the_same_bytes():
    model, photos = linear(classes=4), gray_photos(2)

    def made(seed):
        pictures = fooled(model, photos, attack="pgd", target=("top2", "random"), seed=seed)
        return [png_bytes(picture.pixels) for picture in pictures]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_several_targets_are_a_picture_each():
    model, photos = linear(classes=4), Photos(gray_photos(2))
    (group,) = Fool(target=("1-2", "least-likely")).pieces(model, photos)
    assert [piece.name for piece in group] == [
        f"{i}.png {text}" for i in range(2) for text in ("1", "2", "least-likely")
    ]
    assert [(piece.row, piece.column, piece.photo) for piece in group[3:5]] == [("1.png", "1", 1), ("1.png", "2", 1)]
    pictures = fooled(model, photos, target=("1-2",))
    assert [picture.target.class_index for picture in pictures] == [1, 2, 1, 2]


def test_a_photo_that_is_taken_for_the_target_already_is_left_as_it_is():
    model, photos = linear(classes=3), gray_photos(1)
    (picture,) = fooled(model, photos, target=("top1",))
    assert picture.numbers["l2"] == 0
    assert picture.numbers["success"] == 1
    assert "already taken for" in picture.warnings[0]


def test_a_failure_is_said_with_what_to_try():
    model = linear(classes=3)
    (picture,) = fooled(model, gray_photos(1), attack="pgd", epsilon=0.004)
    assert picture.numbers["success"] == 0
    assert picture.numbers["linf"] <= 0.004
    assert "not fooled: taken for" in picture.warnings[0]
    assert "--epsilon" in picture.warnings[0]


def test_a_margin_is_kept_by_the_saved_picture():
    model, photos = linear(classes=3), gray_photos(1)
    (picture,) = fooled(model, photos, margin=2.0)
    scores = np.sort(model.run(to_float(picture.pixels)[None], ["scores"])["scores"][0])
    assert scores[-1] - scores[-2] >= 2
    assert picture.numbers["success"] == 1


def test_photos_of_many_sizes_come_back_in_order_and_a_bad_one_alone_fails(monkeypatch):
    model = linear(classes=3)
    model.preprocess = Preprocess(size=SIZE, crop="center")
    photos = [gray_photos(1, size=size)[0] for size in ((20, 24), (31, 40), (20, 24), (50, 50))]
    monkeypatch.setattr("viz.techniques.attack._canvas.MOST_PIXELS", 2000)
    made = fooled(model, photos, resolution="photo")
    assert [one.pixels.shape[:2] for one in made[:3]] == [(20, 24), (31, 40), (20, 24)]
    assert isinstance(made[3], ImageError)


def test_ctrl_c_gives_the_best_so_far_and_names_what_never_began():
    model = linear(classes=3)
    model.preprocess = Preprocess(size=SIZE)

    class Pressed(Watch):
        frames = 3

        def step(self, done, value):
            if done == 4:
                raise KeyboardInterrupt

    watch = Pressed()
    first, other = fooled(model, [gray_photos(1, size=size)[0] for size in (SIZE, (20, 24))], watch)
    assert watch.interrupted
    assert isinstance(first, Picture)
    assert isinstance(other, ImageError)
    assert "stopped before its turn" in str(other)


def test_frames_lead_from_the_photo_to_the_saved_picture():
    model, photos = linear(classes=3), gray_photos(1)
    watch = Watch()
    watch.frames = 4
    (picture,) = fooled(model, photos, watch)
    assert len(picture.frames) == 4
    np.testing.assert_array_equal(picture.frames[0], photos[0])
    np.testing.assert_array_equal(picture.frames[-1], picture.pixels)


def test_a_model_without_a_gradient_is_told_what_needs_none():
    class ForwardOnly(type(linear())):
        def trace(self, images, layers, rule="plain"):
            raise NotSupported("no gradients here", "something else")

    model = ForwardOnly(linear().weights)
    with pytest.raises(NotSupported, match="--from noise --encoding direct"):
        fooled(model, gray_photos(1))


def test_memory_bounds_how_many_pictures_are_attacked_at_a_time(monkeypatch):
    model, photos = linear(classes=3), gray_photos(5)
    monkeypatch.setattr(_fooling_photos, "_VALUES_AT_ONCE", 2 * photos[0].size)
    counts, run = [], _fooling_photos._attacked
    monkeypatch.setattr(_fooling_photos, "_attacked", lambda *given: counts.append(len(given[2])) or run(*given))
    assert len(fooled(model, photos, attack="deepfool")) == 5
    assert counts == [2, 2, 1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"epsilon": 0.1}, "--epsilon means nothing to --attack szegedy"),
        ({"attack": "pgd", "learning_rate": 0.1}, "--learning-rate means nothing to --attack pgd"),
        ({"attack": "fgsm", "steps": 3}, "--steps means nothing to --attack fgsm"),
        ({"confidence": 0.9}, "it is for --from noise"),
        ({"start": "noise", "attack": "pgd"}, "--attack means nothing to --from noise"),
        ({"start": "noise", "generations": 9}, "--generations means nothing to --from noise --encoding gradient"),
        ({"start": "noise", "encoding": "cppn", "steps": 9}, "--steps means nothing to --from noise --encoding cppn"),
        ({"target": ("untargeted",)}, "--attack szegedy goes towards a class"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(options, says):
    with pytest.raises(UsageError, match=says):
        Fool(**options)


def test_photos_and_noise_exclude_each_other():
    with pytest.raises(UsageError, match="no photo to start from"):
        Fool().pieces(linear(), Photos([]))
    with pytest.raises(UsageError, match="--from noise starts from no photo"):
        Fool(start="noise").pieces(linear(), Photos(gray_photos(1)))


@pytest.mark.parametrize("encoding", ["gradient", "direct"])
def test_noise_is_made_into_the_classes_asked_for(encoding, tmp_path):
    model = linear(classes=3, squash="softmax")
    limit = {"steps": 200} if encoding == "gradient" else {"generations": 200}
    technique = Fool(start="noise", encoding=encoding, target=("0-2",), confidence=0.9, **limit)
    (group,) = technique.pieces(model, Photos([]))
    assert [piece.name for piece in group] == ["0 c0", "1 c1", "2 c2"]
    pictures = technique(model, group, [None] * 3, Photos([]), Watch())
    assert [read_back(picture, model, tmp_path)[0][0] for picture in pictures] == [0, 1, 2]
