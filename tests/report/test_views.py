"""What the page is told about an image."""

import pytest

from viz.report.views import counts, image_view, truth_rank


def predictions(*labels):
    return [{"class_index": 10 + i, "label": label, "probability": 0.5} for i, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("truth", "rank"),
    [
        ("tabby", 1),
        ("Tabby, Tabby Cat", 1),
        ("tabby cat", 1),
        ("11", 2),
        ("goose", 0),
        ("cat", 0),
        (None, None),
    ],
)
def test_the_true_class_is_found_by_name_synonym_or_index(done, truth, rank):
    entry = done("a.jpg", truth=truth, predictions=predictions("tabby, tabby cat", "lynx"))
    assert truth_rank(entry) == rank


def test_a_model_without_predictions_is_neither_right_nor_wrong(done):
    assert truth_rank(done("a.jpg", truth="tabby", predictions=[])) is None


def test_right_answers_are_counted_among_images_with_a_known_class(done, failed):
    images = [done("a.jpg", truth="tabby"), done("b.jpg", truth="cock"), done("c.jpg"), failed("d.jpg")]
    assert counts(images) == {"known": 2, "right": 1}


def test_addresses_are_ready_to_use_and_files_that_are_not_there_are_left_out(done):
    entry = done("50% #1.jpg") | {"files": {"picture": "50% #1.png", "original": None}}
    view = image_view(entry, "./run/")
    assert view["urls"] == {"picture": "./run/50%25%20%231.png"}
    assert view["id"] == "50%25%20%231"


def test_a_failed_image_has_a_reason_and_nothing_to_show(failed):
    view = image_view(failed("a.jpg", "empty file"))
    assert view["reason"] == "empty file"
    assert "urls" not in view
