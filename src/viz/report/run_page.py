"""The page of one run: what was run, what went wrong, and a gallery of its images."""

from pathlib import Path

from viz.engine.patch_evidence import windows_in_words
from viz.report.markup import Markup, join
from viz.report.microscope import write_microscope
from viz.report.overview_pictures import overview_pictures
from viz.report.page_files import fill, page, write_whole
from viz.report.run_facts import images_fact, title_case, unfinished
from viz.report.run_folder import RunFolder, read_run
from viz.report.sections import counted, facts, failures, folded, notice, what_was_run
from viz.report.views import image_view

STYLES = ("gallery.css", "overview.css")
SCRIPTS = ("choose.js", "toolbar.js", "card.js", "run.js")


def write_report(folder: Path) -> Path:
    """Write `index.html` into a run folder and return its path; that of a survey is a microscope.

    The same results give the same bytes: no time of day and no timing is on the page. Raises
    `UsageError` where run.json or results.jsonl is missing, broken or of another schema.
    """
    found = read_run(folder)
    if found.run.get("shape") == "survey" and found.run["complete"]:
        return write_microscope(folder)
    title = f"{title_case(found.run['technique'])} \u00b7 {found.run['model']['name']}"
    body = fill("run.html", title=title, summary=found.run["summary"], sections=_sections(found))
    data = {"images": [image_view(entry, preprocess=found.run["preprocess"]) for entry in found.images]}
    return write_whole(folder / "index.html", page(title, body, data, STYLES, SCRIPTS))


def _sections(found: RunFolder) -> Markup:
    return join(
        _key_facts(found),
        unfinished(found),
        notice("warning", "Warnings", found.run["warnings"]),
        notice("note", "Notes", found.run["notes"]),
        _failures(found),
        overview_pictures(found),
        folded("What was run", what_was_run(found.run)),
    )


def _key_facts(found: RunFolder) -> Markup:
    run, model = found.run, found.run["model"]
    target = f"{run['target']}, by {run['score']}" if run["target"] else ""
    known = [
        ("Images", images_fact(found)),
        ("Model", f"{model['name']} ({model['runtime']}, {model['device']})"),
        ("Target", target),
        ("Preprocessing", run["preprocess"]["text"]),
        ("Incremental occlusion", "; ".join(windows_in_words(run))),
    ]
    return facts((name, value) for name, value in known if value)


def _failures(found: RunFolder) -> Markup:
    title = f"{counted(len(found.failed), 'image')} could not be used"
    return failures(title, ("Image", "Reason"), [(image["name"], image["reason"]) for image in found.failed])
