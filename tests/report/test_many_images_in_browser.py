"""Five thousand images, and a small screen: only what is near the view is in the document."""

import pytest

from viz.report import CombinedColumn, write_combined, write_report

pytestmark = pytest.mark.browser

MANY = 5000
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def large_run(write_run, done, tmp_path_factory):
    """Five thousand images that all share one picture, and their page."""
    folder = tmp_path_factory.mktemp("large") / "run"
    files = {"files": {"picture": "0.png", "arrays": "0.npz", "original": "originals/0.jpg"}}
    entries = [done(f"{i}.jpg", numbers={"score": float(i)}) | files for i in range(MANY)]
    write_run(folder, entries, drawn=1)
    write_report(folder)
    return folder


def pictures(page):
    return page.locator("img").count()


def test_few_of_many_images_are_in_the_document_at_the_start_in_the_middle_and_at_the_end(large_run, open_page):
    page = open_page(large_run / "index.html")
    assert 8 <= pictures(page) <= 150
    for place, share in ((2500, 0.5), (4999, 1.0)):
        page.evaluate("(share) => scrollTo(0, share * (document.documentElement.scrollHeight - innerHeight))", share)
        page.wait_for_selector(f"[data-place='{place}'] img")
        assert 8 <= pictures(page) <= 200
    assert page.locator("#status").inner_text() == "5,000 images"


def test_what_is_in_view_is_in_the_document_after_any_jump(large_run, open_page):
    page = open_page(large_run / "index.html")
    for top in (100_000, 3000, 250_000):
        page.evaluate("(top) => scrollTo(0, top)", top)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        column = "(ys) => ys.map((y) => document.elementFromPoint(innerWidth / 10, y).className)"
        seen = page.evaluate(column, list(range(100, 800, 25)))
        assert seen.count("gallery") <= 5, seen  # the gaps between the rows, and no more


def test_the_last_of_many_can_be_sorted_to_the_front_and_opened(large_run, open_page):
    page = open_page(large_run / "index.html")
    page.select_option("#sort", label="score")
    assert page.locator(".name").first.inner_text() == "4999.jpg"
    page.locator(".card").first.click()
    page.wait_for_selector("#detail[open]")
    assert page.locator("#detail-place").inner_text() == "1 of 5,000"


def test_a_focused_card_stays_when_it_scrolls_out_of_view(large_run, open_page):
    page = open_page(large_run / "index.html")
    page.locator(".card").first.focus()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    page.wait_for_selector("[data-place='2500']")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.querySelector('.name').textContent") == "1.jpg"


def test_a_large_batch_keeps_few_pictures_in_the_document_too(large_run, tmp_path, open_page):
    runs = [CombinedColumn(model, "occlusion", large_run) for model in ("one", "two", "three")]
    page = open_page(write_combined(tmp_path, runs, "Nightly"))
    assert 8 <= pictures(page) <= 200
    page.evaluate("() => { const box = document.querySelector('.matrix'); box.scrollTop = box.scrollHeight; }")
    page.wait_for_selector("text=4999.jpg")
    assert pictures(page) <= 200


def test_the_page_fits_a_phone_with_controls_large_enough_to_touch(run_of, done, failed, open_page):
    long = "a-very-long-name-without-any-space-" * 4
    folder = run_of(
        *[done(f"{long}{i}.jpg", key=str(i)) for i in range(9)],
        failed(f"{long}.png") | {"key": "bad"},
        technique="x" * 80,
        command=long,
        warnings=[long],
    )
    page = open_page(write_report(folder), **PHONE)
    page.locator("text=What was run").tap()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    heights = "(controls) => controls.map((control) => control.getBoundingClientRect().height)"
    assert min(page.locator("#app input, #app select, #app button").evaluate_all(heights)) >= 44
    page.locator(".card").nth(1).tap()
    page.wait_for_selector("#detail[open]")
    picture = page.locator("#detail .picture").bounding_box()
    assert picture["width"] > 200
    assert page.evaluate("document.querySelector('.detail-body').scrollWidth") <= 360
