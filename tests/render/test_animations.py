"""Animations, read back by those who read such files."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from viz.core.errors import UsageError
from viz.render import animation_bytes, animations

FRAMES = [np.full((32, 48, 3), (8 * i, 100, 255 - 8 * i), np.uint8) for i in range(20)]


def read_back(data):
    """Frames (RGB) and milliseconds of a GIF or WebP."""
    with Image.open(io.BytesIO(data)) as file:
        frames, durations = [], []
        for number in range(file.n_frames):
            file.seek(number)
            frames.append(np.asarray(file.convert("RGB")))
            durations.append(file.info["duration"])
        return frames, durations, file.info["loop"]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_every_frame_is_there_for_its_time_and_the_last_stays_longer(suffix):
    frames, durations, loop = read_back(animation_bytes(FRAMES, suffix, seconds=2.0))
    assert len(frames) == 20 and loop == 0
    for shown, frame in zip(frames, FRAMES, strict=True):
        assert np.abs(shown[100, 100].astype(int) - frame[0, 0]).max() <= 6
    assert durations[:-1] == [100] * 19 and durations[-1] == 1100


def test_every_gif_frame_has_its_own_colours():
    frames, _, _ = read_back(animation_bytes(FRAMES[:2], ".gif"))
    assert frames[0][0, 0].tolist() == [0, 100, 255] and frames[1][0, 0].tolist() == [8, 100, 247]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_the_same_frames_give_the_same_bytes(suffix):
    noise = np.random.default_rng(0).integers(0, 256, (3, 60, 60, 3), np.uint8)
    assert animation_bytes(list(noise), suffix) == animation_bytes(list(noise), suffix)


@pytest.mark.parametrize(("size", "shown"), [((32, 48), (160, 240)), ((224, 300), (224, 300)), ((7, 223), (14, 446))])
def test_tiny_frames_are_enlarged_by_whole_pixels(size, shown):
    frame = np.random.default_rng(0).choice([0, 255], (*size, 1)).astype(np.uint8).repeat(3, axis=2)
    frames, _, _ = read_back(animation_bytes([frame, 255 - frame], ".gif"))
    assert frames[0].shape[:2] == shown
    assert (frames[0][:: shown[0] // size[0], :: shown[1] // size[1]] == frame).all()


def test_frames_of_several_sizes_get_the_largest():
    frames, _, _ = read_back(
        animation_bytes([np.zeros((100, 200, 3), np.uint8), np.zeros((300, 400, 3), np.uint8)], ".webp")
    )
    assert {frame.shape for frame in frames} <= {(300, 400, 3)}


def test_a_video_has_its_frames_in_their_colours(tmp_path):
    path = tmp_path / "way.mp4"
    odd = [frame[:31, :47].repeat(7, axis=0).repeat(7, axis=1) for frame in FRAMES]
    path.write_bytes(animation_bytes(odd, ".mp4", seconds=2.0))
    video = cv2.VideoCapture(str(path))
    frames = []
    while (got := video.read())[0]:
        frames.append(got[1][..., ::-1])
    assert len(frames) == 20 + 10, "the last stays a second"
    assert frames[0].shape == (218, 330, 3), "sizes are even"
    assert np.abs(frames[0][100, 100].astype(int) - FRAMES[0][0, 0]).max() < 16
    assert np.abs(frames[-1][100, 100].astype(int) - FRAMES[-1][0, 0]).max() < 16


def test_an_opencv_that_cannot_write_videos_says_what_can_be_written(monkeypatch):
    monkeypatch.setattr(animations, "_CODECS", ())
    with pytest.raises(UsageError, match=r"cannot write \.mp4") as raised:
        animation_bytes(FRAMES, ".mp4")
    assert ".gif or .webp" in raised.value.next_step


@pytest.mark.parametrize("suffix", [".avi", "gif", ""])
def test_another_suffix_is_refused_with_those_that_work(suffix):
    with pytest.raises(UsageError, match=repr(suffix)) as raised:
        animation_bytes(FRAMES, suffix)
    assert ".gif, .webp or .mp4" in raised.value.next_step


def test_no_frames_are_an_error():
    with pytest.raises(ValueError, match="at least one frame"):
        animation_bytes([], ".gif")
