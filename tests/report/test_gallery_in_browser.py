"""The gallery in a real browser: cards, order, filters and the slider."""

import pytest

from viz.report import write_report

pytestmark = pytest.mark.browser


def names(page):
    return page.locator(".gallery .name").all_text_contents()


def predicted(index, label):
    return [{"class_index": index, "label": label, "probability": 0.5}]


@pytest.fixture
def gallery(run_of, done, failed, open_page):
    """Five images: img2, img10 (warned, wrong) and img30 (right) done, two failed."""
    folder = run_of(
        done("img10.jpg", numbers={"score": 1.0, "drop": 5.0}, warnings=["odd"], truth="lynx"),
        done("img2.jpg", numbers={"score": 3.0, "drop": -2.5, "extra": 1}, predictions=predicted(5, "goose")),
        done("img30.jpg", numbers={"score": 2.0, "drop": 40.0}, truth="tabby"),
        failed("broken.jpg", "empty file (0 bytes)"),
        failed("cut.png"),
    )
    return open_page(write_report(folder))


def test_every_image_has_a_card_with_both_pictures_loaded(gallery, picture_widths):
    assert gallery.locator(".card").count() == 5
    assert picture_widths(gallery, ".card") == [40] * (2 * 3)


def test_names_sort_as_people_count(gallery):
    assert names(gallery) == ["broken.jpg", "cut.png", "img2.jpg", "img10.jpg", "img30.jpg"]


def test_figures_sort_from_the_largest_and_turn_around_with_what_has_none_at_the_end(gallery):
    gallery.select_option("#sort", label="drop")
    assert names(gallery) == ["img30.jpg", "img10.jpg", "img2.jpg", "broken.jpg", "cut.png"]
    gallery.click("#direction")
    assert names(gallery) == ["img2.jpg", "img10.jpg", "img30.jpg", "broken.jpg", "cut.png"]


def test_a_figure_that_only_some_images_have_can_be_sorted_by(gallery):
    gallery.select_option("#sort", label="extra")
    assert names(gallery)[0] == "img2.jpg"
    assert "extra 1" in gallery.locator(".card").first.inner_text()


def test_score_and_drop_come_first_among_the_figures(gallery):
    assert gallery.locator("#sort option").all_text_contents() == ["Name", "score", "drop", "extra", "confidence"]


def test_a_class_shows_only_the_images_predicted_as_it(gallery):
    choices = gallery.locator("#class option").all_text_contents()
    assert choices == ["All classes", "goose (1)", "tabby (2)"]
    gallery.select_option("#class", label="goose (1)")
    assert names(gallery) == ["img2.jpg"]
    assert gallery.locator("#status").inner_text() == "1 of 5 images"


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        ("Failed (2)", ["broken.jpg", "cut.png"]),
        ("Done (3)", ["img2.jpg", "img10.jpg", "img30.jpg"]),
        ("With warnings (1)", ["img10.jpg"]),
        ("Predicted right (1)", ["img30.jpg"]),
        ("Predicted wrong (1)", ["img10.jpg"]),
    ],
)
def test_images_can_be_shown_by_how_they_went(gallery, choice, shown):
    gallery.select_option("#show", label=choice)
    assert names(gallery) == shown


def test_what_would_show_nothing_is_not_offered(run_of, done, open_page):
    page = open_page(write_report(run_of(done("a.jpg"))))
    assert page.locator("#show option").all_text_contents() == ["All images (1)", "Done (1)"]


def test_names_are_found_by_a_part_in_any_case(gallery):
    gallery.fill("#search", "IMG1")
    assert names(gallery) == ["img10.jpg"]
    gallery.fill("#search", "nothing like this")
    assert names(gallery) == []
    assert "No image" in gallery.evaluate("getComputedStyle(document.querySelector('.gallery'), '::after').content")
    gallery.fill("#search", "")
    assert len(names(gallery)) == 5


def test_failed_images_show_their_reason_in_the_gallery(gallery):
    assert "empty file (0 bytes)" in gallery.locator(".card.failed").first.inner_text()


def test_one_slider_sets_the_opacity_of_every_overlay(gallery):
    opacities = "[...document.querySelectorAll('.card .picture')].map((img) => getComputedStyle(img).opacity)"
    assert set(gallery.evaluate(opacities)) == {"1"}
    gallery.fill("#opacity", "25")
    assert set(gallery.evaluate(opacities)) == {"0.25"}
    assert gallery.evaluate("getComputedStyle(document.querySelector('.card .original')).opacity") == "1"


def test_overlay_and_original_cover_the_same_place(gallery):
    box = gallery.locator(".card .picture").first.bounding_box()
    assert gallery.locator(".card .original").first.bounding_box() == box
    assert box["width"] / box["height"] == pytest.approx(40 / 30, rel=0.01)


def test_a_picture_that_is_gone_is_said_to_be_gone(run_of, done, open_page):
    folder = run_of(done("a.jpg"))
    (folder / "a.png").unlink()
    page = open_page(write_report(folder), expected=("Failed to load resource",))
    assert "picture is not in its place" in page.locator(".missing").inner_text()


def test_cards_take_the_preview_of_a_picture_and_the_detail_view_the_picture(run_of, done, open_page):
    entry = done("a.jpg")
    entry["files"]["preview"] = "originals/a.jpg"
    page = open_page(write_report(run_of(entry)))
    assert page.locator(".card .picture").get_attribute("src") == "./originals/a.jpg"
    page.locator(".card").click()
    assert page.locator("#detail .picture").get_attribute("src") == "./a.png"


def test_two_classes_with_one_name_are_told_apart(run_of, done, open_page):
    entries = [done(f"{i}.jpg", predictions=predicted(i, "crane")) for i in (134, 517)]
    page = open_page(write_report(run_of(*entries)))
    assert page.locator("#class option").all_text_contents()[1:] == ["crane [134] (1)", "crane [517] (1)"]


def test_figures_that_are_no_numbers_are_shown_and_sorted_last(run_of, done, open_page):
    folder = run_of(done("a.jpg", numbers={"drop": float("nan")}), done("b.jpg", numbers={"drop": 1.0}))
    page = open_page(write_report(folder))
    page.select_option("#sort", label="drop")
    assert names(page) == ["b.jpg", "a.jpg"]
    assert "drop nan" in page.locator(".card").nth(1).inner_text()


def test_a_model_without_class_scores_shows_its_target_instead(run_of, done, open_page):
    entry = done("a.jpg", predictions=[], target={"label": "conv1:3", "class_index": None, "score": "activation"})
    page = open_page(write_report(run_of(entry)))
    assert "conv1:3" in page.locator(".card").inner_text()


def test_without_scripts_the_page_says_what_it_needs_and_still_shows_what_was_run(run_of, done, open_page):
    page = open_page(write_report(run_of(done("a.jpg"))), java_script_enabled=False)
    assert "needs JavaScript" in page.locator("noscript").inner_text()
    assert page.locator("#app").is_hidden()
    assert page.locator("text=What was run").is_visible()
