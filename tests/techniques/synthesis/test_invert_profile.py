"""The profile of a run of `viz invert`: each layer's figures in the order of the network."""

import numpy as np

from viz.techniques.synthesis.invert import Invert


def record(photo, layer, error=None):
    numbers = {} if error is None else {"error": error, "psnr": 10 * error}
    return {"row": photo, "column": layer, "numbers": numbers}


def overview(records):
    return Invert().overview(records)


def test_every_photo_is_a_line_and_every_layer_a_place():
    records = [record("a", "original"), record("a", "conv", 0.1), record("a", "fc", 0.3)]
    records += [record("b", "original"), record("b", "conv", 0.2), record("b", "fc", 0.4)]
    plots = overview(records)
    assert list(plots) == ["profile", "profile_psnr"]
    assert plots["profile"].marks == ("conv", "fc")
    assert plots["profile"].names == ("a", "b")
    np.testing.assert_allclose(plots["profile"].values, [[0.1, 0.2], [0.3, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(plots["profile_psnr"].values, [[1, 2], [3, 4]], rtol=1e-6)


def test_a_layer_that_failed_for_a_photo_leaves_a_gap():
    records = [record("a", "conv", 0.1), record("a", "fc", 0.3), record("b", "fc", 0.4)]
    np.testing.assert_array_equal(np.isnan(overview(records)["profile"].values), [[False, True], [False, False]])


def test_many_photos_are_summed_up():
    records = [record(f"{i}", layer, i / 10 + (layer == "fc")) for i in range(9) for layer in ("conv", "fc")]
    plot = overview(records)["profile"]
    assert plot.names == ("median", "least", "most")
    assert "9 photos" in plot.label
    np.testing.assert_allclose(plot.values, [[0.4, 0.0, 0.8], [1.4, 1.0, 1.8]], rtol=1e-6)


def test_a_single_layer_has_no_profile():
    assert overview([record("a", "original"), record("a", "conv", 0.1)]) == {}
