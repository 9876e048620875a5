"""The site's files: a page, and beside it the data of every layer as scripts that the page loads when it needs them."""

from pathlib import Path
from typing import Any

from viz.report.markup import Markup, embedded_json, join, url
from viz.report.microscope.layer_data import blocks, key_of, layer_entry, units_table
from viz.report.microscope.survey_folder import Record, SurveyFolder, read_survey
from viz.report.page_files import fill, loading_page, write_whole
from viz.report.run_facts import title_case
from viz.report.sections import counted, facts, failures, folded, notice, what_was_run

DATA = "microscope-data"
STYLES = ("base.css", "toolbar.css", "card.css", "gallery.css", "microscope/microscope.css", "microscope/unit.css")
SCRIPTS = (
    "dom.js",
    "format.js",
    "windowed.js",
    "roving.js",
    *(
        f"microscope/{name}.js"
        for name in "data sprites address choose sorting lists layers units figures unit search keys start".split()
    ),
)


def write_microscope(folder: Path) -> Path:
    """Write `index.html` and `microscope-data/` into the folder of a finished survey; returns the page's path.

    The page opens from disk and asks nothing of a network. What `viz.microscope` has put into the folder, such as
    links between channels, is shown too. The same results give the same bytes. Memory for one layer at a time.
    Raises `UsageError` for a folder that holds no finished survey, or whose files are broken.
    """
    survey = read_survey(folder)
    for left_over in (folder / DATA).glob("*/*.js"):
        left_over.unlink()
    classes: dict[str, int] = {}
    layers = [_write_layer(survey, entry, records, classes) for entry, records in survey.layers()]
    run = survey.run
    title = f"{title_case(run['technique'])} \u00b7 {run['model']['name']}"
    body = fill("microscope/microscope.html", title=title, summary=run["summary"], sections=_sections(survey, layers))
    shown = {"layers": layers, "classes": list(classes)}
    return write_whole(folder / "index.html", loading_page(title, body, shown, STYLES, SCRIPTS))


def _write_layer(survey: SurveyFolder, entry: Record, records: list[Record], classes: dict[str, int]) -> Record:
    """Write a layer's data; gives what the page says of it before that is loaded."""
    name = f"{DATA}/{key_of(records)}/"
    (survey.path / name).mkdir(parents=True, exist_ok=True)
    _write(survey.path, f"{name}units", units_table(records, classes))
    for number, block in enumerate(blocks(records, survey.extras.get(entry["name"], {}))):
        _write(survey.path, f"{name}{number}", block)
    return layer_entry(entry, records, name)


def _write(folder: Path, name: str, value: Any) -> None:
    """A script that hands a value to the page, under the address that the page asks for."""
    text = join(Markup(f"vizData[{embedded_json(url(name))}]="), embedded_json(value), Markup(";\n"))
    write_whole(folder / f"{name}.js", text.encode("ascii"))


def _sections(survey: SurveyFolder, layers: list[Record]) -> Markup:
    run = survey.run
    units, dead = sum(layer["units"] for layer in layers), sum(layer["dead"] for layer in layers)
    model = run["model"]
    known = [
        ("Images", f"{run['images']['done']:,}"),
        ("Layers", f"{len(layers):,}"),
        ("Units", f"{units:,}" + (f", {dead:,} dead" if dead else "")),
        ("Model", f"{model['name']} ({model['runtime']}, {model['device']})"),
    ]
    return join(
        facts(known),
        notice("warning", "Warnings", run["warnings"]),
        notice("note", "Notes", run["notes"]),
        _failures(run),
        folded("What was run", what_was_run(run)),
    )


def _failures(run: Record) -> Markup:
    failed = run["images"]["failed"]
    title = f"{counted(failed, 'image')} could not be used"
    return failures(title, ("Image", "Reason"), [(one["name"], one["reason"]) for one in run["failures"]])
