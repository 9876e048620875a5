"""Does the heat point at the right thing? On generated pictures the true answer is known."""

import numpy as np
from PIL import Image

from viz import ModelOptions, RunOptions, load, run
from viz.model_zoo.fetch import path_of
from viz.model_zoo.shape_pictures import write_samples
from viz.techniques.attribution.occlusion import Occlusion

COUNT = 100


def test_the_peak_of_occlusion_lies_in_the_true_mask_for_nine_of_ten_pictures(tmp_path):
    write_samples(tmp_path, COUNT)
    model = load(path_of("shapes"), ModelOptions())
    options = RunOptions(out=str(tmp_path / "out"), target="label")
    records = run(Occlusion(stride=10), model, [tmp_path / "images"], options).records
    hits = sum(inside(record, tmp_path / "masks" / record["name"]) for record in records)
    assert len(records) == COUNT
    assert hits >= 0.9 * COUNT


def inside(record, mask):
    """Whether the peak, in the photo's own pixels, lies on the shape."""
    x, y = record["numbers"]["photo_peak_x"], record["numbers"]["photo_peak_y"]
    return bool(np.asarray(Image.open(mask))[int(y), int(x)])
