"""The strength of frequencies in photographs: measured where it is known, continued to any size, and bundled."""

import io

import numpy as np
import pytest
from PIL import Image

from viz.core.errors import NoImages, UsageError
from viz.techniques.synthesis._magnitudes import SIDE, magnitude_from, natural_magnitude, spectrum, tiles
from viz.techniques.synthesis._measure_statistics import colours_of, measured
from viz.techniques.synthesis._natural_colours import NATURAL_IMAGES, Colours, logits, natural_colours
from viz.techniques.synthesis._spectra import for_size, frequencies, variance

PLAIN = Colours(np.zeros(3, np.float32), np.eye(3, dtype=np.float32))


def coloured_noise(seed: int, size: tuple[int, int] = (SIDE, SIDE), decay: float = 1.0, strength: float = 0.5):
    """Logits (3, h, w) of known spectrum: planes with 1 / f ** decay, of standard deviation `strength`."""
    shape = (3, size[0], size[1] // 2 + 1)
    random = np.random.default_rng(seed)
    white = random.standard_normal(shape) + 1j * random.standard_normal(shape)
    planes = np.fft.irfft2(white / np.maximum(frequencies(size), 1 / max(size)) ** decay, s=size)
    return (strength * planes / planes.std((1, 2), keepdims=True)).astype(np.float32)


def as_photo(values: np.ndarray) -> np.ndarray:
    return (255 / (1 + np.exp(-values))).round().astype(np.uint8).transpose(1, 2, 0)


def slope(magnitude: np.ndarray, size: tuple[int, int]) -> float:
    """Of log magnitude over log frequency, apart from the lowest and the highest frequencies."""
    f = frequencies(size)
    chosen = (f > 0.05) & (f < 0.4)
    return float(np.polyfit(np.log(f[chosen]), np.log(magnitude.mean(0)[chosen]), 1)[0])


# What one tile gives


def test_white_noise_has_the_same_magnitude_everywhere():
    """For a complex normal coefficient of unit power the mean magnitude is sqrt(pi) / 2."""
    draws = np.random.default_rng(0).standard_normal((8, 3, SIDE, SIDE)).astype(np.float32)
    found = np.mean([spectrum(tile, PLAIN) for tile in draws], axis=0)
    for rows, columns in [(slice(2, 60), slice(2, 60)), (slice(20, 40), slice(50, 64)), (slice(2, 15), slice(2, 15))]:
        assert found[:, rows, columns].mean() == pytest.approx(np.sqrt(np.pi) / 2, rel=0.06)


def test_a_gradient_from_border_to_border_leaves_no_cross():
    ramp = np.broadcast_to(np.linspace(-2, 2, SIDE), (3, SIDE, SIDE)).astype(np.float32)
    bare = np.abs(np.fft.rfft2(ramp, norm="ortho"))
    found = spectrum(ramp, PLAIN)
    assert (found[0, 0, 20:] < 3e-3 * bare[0, 0, 20:]).all()


def test_the_constant_coefficient_is_the_mean_colour():
    tile = np.zeros((3, SIDE, SIDE), np.float32) + np.array([1, -2, 0.5], np.float32)[:, None, None]
    np.testing.assert_allclose(spectrum(tile, PLAIN)[:, 0, 0], np.array([1, 2, 0.5]) * SIDE, rtol=1e-5)
    assert spectrum(tile, PLAIN)[:, 1:].max() < 1e-3


def test_colours_are_taken_apart():
    """A photo of one main axis alone leaves the two other planes empty."""
    colours = natural_colours()
    wave = np.sin(np.arange(SIDE) / 3)
    tile = colours.mean[:, None, None] + colours.root[:, 1, None, None] * np.broadcast_to(wave, (SIDE, SIDE))
    found = spectrum(tile.astype(np.float32), colours)
    assert found[1].max() > 10
    assert found[[0, 2]].max() < 1e-3


# Photos and folders


@pytest.mark.parametrize("size", [(128, 128), (256, 300), (700, 411), (40, 30), (1, 200)], ids=str)
def test_photos_of_any_size_are_cut_into_square_tiles(size):
    cut = list(tiles(as_photo(coloured_noise(0, size))))
    assert cut
    assert all(tile.shape == (3, SIDE, SIDE) for tile in cut)


def test_tiles_overlap_by_half():
    assert len(list(tiles(np.zeros((256, 384, 3), np.uint8)))) == 3 * 5


@pytest.mark.parametrize("decay", [0.5, 1.0, 1.5])
def test_a_folder_of_noise_of_known_slope_is_measured_right(tmp_path, decay):
    for seed in range(3):
        Image.fromarray(as_photo(coloured_noise(seed, (256, 256), decay))).save(tmp_path / f"{seed}.png")
    found = magnitude_from(tmp_path)
    assert found.shape == (3, SIDE, SIDE // 2 + 1)
    assert slope(found, (SIDE, SIDE)) == pytest.approx(-decay, abs=0.07)


def test_the_same_folder_gives_the_same_bytes(tmp_path):
    Image.fromarray(as_photo(coloured_noise(0))).save(tmp_path / "a.png")
    assert magnitude_from(tmp_path).tobytes() == magnitude_from(tmp_path).tobytes()


def test_the_power_measured_is_the_power_there_is(tmp_path):
    """Around the mean of photographs' colours, in their own units."""
    colours = natural_colours()
    planes = coloured_noise(1, (256, 256), strength=0.4)
    values = colours.mean[:, None, None] + np.einsum("kc,chw->khw", colours.root, planes)
    Image.fromarray(as_photo(values)).save(tmp_path / "a.png")
    np.testing.assert_allclose(np.sqrt(variance(magnitude_from(tmp_path), SIDE)), 0.4, rtol=0.2)


def test_a_large_image_of_a_folder_counts_no_more_than_a_small_one(tmp_path):
    shares = []
    for name, size in (("small", (256, 256)), ("large", (256, 900))):
        (tmp_path / name).mkdir()
        decay = 0.5 if name == "small" else 1.5
        Image.fromarray(as_photo(coloured_noise(0, size, decay))).save(tmp_path / name / "a.png")
        shares.append(magnitude_from(tmp_path / name))
    both = magnitude_from(tmp_path)[0, 40:60, 30:60].mean()
    assert shares[0][0, 40:60, 30:60].mean() * 0.4 < both < shares[0][0, 40:60, 30:60].mean() * 0.8


def test_a_folder_without_images_is_said_so(tmp_path):
    with pytest.raises(NoImages):
        magnitude_from(tmp_path)


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(UsageError, match=r"broken\.png"):
        magnitude_from(tmp_path)


# Any size


def test_a_magnitude_of_the_pictures_own_size_is_used_as_it_is():
    magnitude = np.random.default_rng(0).random((3, 9, 4)).astype(np.float32)
    assert for_size(magnitude, (9, 7)) is magnitude


@pytest.mark.parametrize("size", [(64, 64), (97, 131), (224, 224), (512, 300)], ids=str)
def test_one_over_f_is_continued_exactly_to_other_sizes(size):
    own = 1 / np.maximum(frequencies((SIDE, SIDE)), 1 / SIDE)
    found = for_size(np.stack([own, 2 * own]).astype(np.float32), size)
    f = frequencies(size)
    shape = found[0] * f
    inner = f > 0
    assert shape[inner].max() / shape[inner].min() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-4)


@pytest.mark.parametrize("size", [(64, 64), (97, 131), (512, 300)], ids=str)
def test_between_measured_frequencies_it_runs_straight(size):
    def rising(shape: tuple[int, int]) -> np.ndarray:
        return 1 + 3 * np.abs(np.fft.fftfreq(shape[0]))[:, None] + 5 * np.fft.rfftfreq(shape[1])[None]

    own = rising((SIDE, SIDE)) / np.maximum(frequencies((SIDE, SIDE)), 1 / SIDE)
    found = for_size(own[None].astype(np.float32), size)[0] * frequencies(size)
    ratio = (found / rising(size))[:, np.fft.rfftfreq(size[1]) >= 1 / SIDE]  # not beside the constant one
    np.testing.assert_allclose(ratio, ratio[1, 1], rtol=2e-3)


@pytest.mark.parametrize("size", [(64, 64), (97, 131), (224, 224), (512, 300)], ids=str)
def test_another_size_has_the_same_variance_and_mean_colour(size):
    own = natural_magnitude()
    found = for_size(own, size)
    np.testing.assert_allclose(variance(found, size[1]), variance(own, SIDE), rtol=1e-3)
    np.testing.assert_allclose(found[:, 0, 0] / np.sqrt(size[0] * size[1]), own[:, 0, 0] / SIDE, rtol=1e-5)


def test_the_strength_at_a_direction_is_kept():
    """A spectrum that is stronger across than down stays so, for frequencies down and up alike."""
    down, across = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]
    f = np.maximum(np.hypot(down, across), 1 / SIDE)
    own = ((1 + (across / f) ** 2 + 0.5 * (down * across < 0)) / f)[None].astype(np.float32)
    found = for_size(own, (200, 200))[0] * frequencies((200, 200))
    assert found[0, 40] / found[40, 0] == pytest.approx(2, rel=0.05)
    assert found[-40, 40] / found[40, 40] == pytest.approx(2 / 1.5, rel=0.05)


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (8, 9)], ids=str)
def test_the_variance_of_a_spectrum_is_that_of_its_picture(size):
    picture = np.random.default_rng(0).standard_normal((2, *size))
    magnitude = np.abs(np.fft.rfft2(picture, norm="ortho"))
    np.testing.assert_allclose(variance(magnitude, size[1]), (picture**2).mean((1, 2)))


# What is bundled


def test_the_bundled_figures_are_small_and_those_of_photographs():
    assert NATURAL_IMAGES.stat().st_size < 64_000
    magnitude, colours = natural_magnitude(), natural_colours()
    assert magnitude.shape == (3, SIDE, SIDE // 2 + 1) and np.isfinite(magnitude).all()
    assert -1.6 < slope(magnitude, (SIDE, SIDE)) < -0.9  # photographs: around -1.2
    np.testing.assert_allclose(variance(magnitude, SIDE), 1, atol=0.35)  # planes of unit variance
    axis = colours.root[:, 0] / np.linalg.norm(colours.root[:, 0])
    assert axis @ np.ones(3) / np.sqrt(3) > 0.97  # brightness
    assert (np.diff(np.linalg.norm(colours.root, axis=0)) < 0).all()


def test_bundled_magnitudes_are_alike_up_and_down():
    magnitude = natural_magnitude()
    np.testing.assert_array_equal(magnitude[:, 1:], magnitude[:, :0:-1])


def test_measuring_photographs_gives_what_the_file_holds():
    photos = [as_photo(coloured_noise(seed, (256, 256))) for seed in range(3)]
    found = measured(photos)
    with np.load(NATURAL_IMAGES) as stored:
        assert {name: stored[name].shape for name in stored} == {name: part.shape for name, part in found.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **found)
    assert buffer.getbuffer().nbytes < 64_000


def test_colours_are_the_main_axes_of_the_logits():
    root = np.array([[1.0, 0.3, 0.1], [0.9, 0.0, -0.2], [1.1, -0.3, 0.05]])
    planes = np.random.default_rng(0).standard_normal((3, 20 * SIDE * SIDE))
    cut = (root @ planes + np.array([[0.1], [-0.5], [-1]])).reshape(3, 20, SIDE, SIDE).transpose(1, 0, 2, 3)
    found = colours_of([list(cut)])
    np.testing.assert_allclose(found.root @ found.root.T, root @ root.T, atol=0.02)
    np.testing.assert_allclose(found.mean, [0.1, -0.5, -1], atol=0.02)
    crossed = found.root.T @ found.root
    np.testing.assert_allclose(crossed, np.diag(np.diag(crossed)), atol=1e-4)


def test_a_large_photograph_counts_no_more_than_a_small_one():
    small, large = (as_photo(coloured_noise(seed, size)) for seed, size in ((0, (256, 256)), (1, (256, 900))))
    mean = measured([small, large])["colour_mean"]
    alone = [measured([photo])["colour_mean"] for photo in (small, large)]
    np.testing.assert_allclose(mean, np.mean(alone, axis=0), atol=1e-5)


def test_gray_photographs_do_not_wash_the_colours_out():
    coloured = [as_photo(coloured_noise(seed, (256, 256))) for seed in range(2)]
    gray = np.repeat(as_photo(coloured_noise(9, (256, 256)))[..., :1], 3, axis=2)
    np.testing.assert_array_equal(measured([*coloured, gray])["colour_root"], measured(coloured)["colour_root"])


def test_logits_are_clipped_at_five_percent():
    np.testing.assert_allclose(logits(np.array([0.0, 0.5, 1.0])), [-np.log(19), 0, np.log(19)], atol=1e-6)
