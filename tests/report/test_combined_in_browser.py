"""The table of a batch in a real browser."""

import pytest

from viz.report import CombinedColumn, write_combined, write_report

pytestmark = pytest.mark.browser


@pytest.fixture
def table(run_of, done, failed, tmp_path, open_page):
    """Three images by two models, which differ on b.jpg; the second failed on c.jpg, a third model has no run."""
    first = run_of(done("a.jpg"), done("b.jpg", truth="tabby"), done("c.jpg"), name="first")
    second = run_of(done("a.jpg"), done("b.jpg", label="lynx", class_index=1), failed("c.jpg"), name="second")
    write_report(first)
    runs = [CombinedColumn("resnet18", "occlusion", first), CombinedColumn("vgg16", "occlusion", second)]
    runs.append(CombinedColumn("alexnet", "occlusion", tmp_path, problem="not there"))
    return open_page(write_combined(tmp_path, runs, "Nightly"))


def row_names(page):
    return page.locator(".rows .first .name").all_text_contents()


def test_rows_are_images_and_columns_are_models_with_techniques(table, picture_widths):
    assert table.locator(".head .name").all_text_contents() == ["Image", "resnet18", "vgg16", "alexnet"]
    assert row_names(table) == ["a.jpg", "b.jpg", "c.jpg"]
    assert table.locator(".rows .card").count() == 6
    assert table.locator(".rows .cell.empty").all_text_contents() == ["not run"] * 3
    assert picture_widths(table, ".rows") == [40] * (3 + 2 * 5)


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        ("Predictions differ (1)", ["b.jpg"]),
        ("Some failed (1)", ["c.jpg"]),
        ("All images (3)", ["a.jpg", "b.jpg", "c.jpg"]),
    ],
)
def test_rows_can_be_shown_by_how_the_models_did(table, choice, shown):
    table.select_option("#show", label=choice)
    assert row_names(table) == shown


def test_rows_are_found_by_name(table):
    table.fill("#search", "B.J")
    assert row_names(table) == ["b.jpg"]
    assert table.locator("#status").inner_text() == "1 of 3 images"


def test_one_slider_sets_every_overlay_and_no_original(table):
    table.fill("#opacity", "30")
    opacity = (
        "(kind) => new Set([...document.querySelectorAll('.rows .' + kind)].map((i) => getComputedStyle(i).opacity))"
    )
    assert table.evaluate(f"(kind) => [...({opacity})(kind)]", "picture") == ["0.3"]
    assert table.evaluate(f"(kind) => [...({opacity})(kind)]", "original") == ["1"]


def test_arrows_move_between_cells_and_pass_over_empty_ones(table):
    where = "document.activeElement.getAttribute('aria-label')"
    table.locator(".card").first.focus()
    table.keyboard.press("ArrowRight")
    assert table.evaluate(where) == "a.jpg \u00b7 vgg16 \u00b7 occlusion"
    table.keyboard.press("ArrowRight")
    assert table.evaluate(where) == "b.jpg \u00b7 resnet18 \u00b7 occlusion"
    table.keyboard.press("ArrowDown")
    assert table.evaluate(where) == "c.jpg \u00b7 resnet18 \u00b7 occlusion"


def test_a_cell_opens_large_and_leads_to_its_own_report(table):
    table.locator(".card").first.click()
    table.wait_for_selector("#detail[open]")
    assert table.locator("#detail-name").inner_text() == "a.jpg \u00b7 resnet18 \u00b7 occlusion"
    with table.expect_popup() as opened:
        table.click("text=its run's report")
    opened.value.wait_for_selector("#detail[open]")
    assert opened.value.locator("#detail-name").inner_text() == "a.jpg"


def test_the_page_itself_does_not_scroll_sideways_on_a_phone(run_of, done, tmp_path, open_page):
    folder = run_of(done("a.jpg"))
    runs = [CombinedColumn(f"model{i}", "occlusion", folder) for i in range(6)]
    page = open_page(write_combined(tmp_path, runs, "Nightly"), viewport={"width": 360, "height": 740}, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("document.querySelector('.matrix').scrollWidth") > 360
