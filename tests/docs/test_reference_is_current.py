"""The reference pages that are written from the code are what the code says, and the others leave nothing out."""

import importlib.util
import json
import re
import sys
import zipfile
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

import viz
from tests.cli.shell import viz as command
from tests.docs.pages import ROOT
from viz.adapters.onnx_torch import operators as _operators  # noqa: F401  # fills the table
from viz.adapters.onnx_torch.operator_table import covered
from viz.cli.app import command_names
from viz.core.errors import ExitCode
from viz.core.preprocess import Preprocess
from viz.core.technique import options_type, techniques
from viz.model_zoo.shape_pictures import write_samples
from viz.smoke.tiny_settings import tiny_settings

REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one sample picture, for all techniques."""
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder, count=1)
    return folder


def test_the_committed_pages_are_what_the_code_says(generate: ModuleType) -> None:
    assert generate.stale(ROOT / "docs") == [], "run `python docs/generate.py`"


def test_check_ends_with_1_where_a_page_is_not_current(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    page = tmp_path / "reference" / "cli.md"
    page.write_text(page.read_text(encoding="utf-8").replace("--patch", "--path"), encoding="utf-8")
    assert generate.main(["--check"], tmp_path) == 1
    assert "docs/reference/cli.md" in capsys.readouterr().err


def test_check_ends_with_1_where_a_page_is_missing(generate: ModuleType, tmp_path: Path) -> None:
    assert generate.main(["--check"], tmp_path) == 1


def test_an_argument_that_does_not_exist_is_refused(generate: ModuleType, tmp_path: Path) -> None:
    assert generate.main(["--chek"], tmp_path) == 2
    assert not list(tmp_path.iterdir())


def test_every_option_that_help_prints_is_on_the_page(generate: ModuleType) -> None:
    text = generate.pages()["reference/cli.md"]
    for words in (["occlusion"], ["predict"], ["layers"], ["batch"], ["smoke"], ["zoo", "fetch"], ["config", "init"]):
        shown = {*re.findall(r"^\W*(--[a-z-]+)", command(*words, "--help").out, re.MULTILINE)} - {"--help"}
        assert shown
        assert [flag for flag in shown if f"`{flag}`" not in text] == []


def test_bounds_choices_and_defaults_are_on_the_page(generate: ModuleType) -> None:
    rows = generate.pages()["reference/cli.md"].splitlines()
    assert any(row.startswith("| `--patch` | whole number, at least 1 |") for row in rows)
    assert any(row.startswith("| `--score` | `auto` `logit` `probability` | `auto` |") for row in rows)
    assert any(row.startswith("| `--seed` | whole number, at least 0 | `0` |") for row in rows)


def test_every_public_name_and_every_technique_is_on_the_python_page(generate: ModuleType) -> None:
    text = generate.pages()["reference/python.md"]
    assert [name for name in viz.__all__ if f"\n## {name}\n" not in text] == []
    for name, technique in techniques().items():
        assert f"`{name}`" in text
        assert technique.info.source in text


def test_every_technique_is_in_the_table_with_its_passes(generate: ModuleType) -> None:
    rows = generate.pages()["reference/techniques.md"].splitlines()
    for name, technique in techniques().items():
        (row,) = [row for row in rows if row.startswith(f"| [`viz {name}`]")]
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)]
        assert cells[3] == ("needed" if technique.info.needs_gradient else "–")
        assert int(cells[4].replace(",", "")) == technique().passes((224, 224))


def test_links_to_commands_lead_to_their_own_section(generate: ModuleType) -> None:
    commands = generate.pages()["reference/cli.md"]
    places = {f"{name.lower().replace(' ', '-')}" for name in re.findall(r"^## (viz[\w -]*)$", commands, re.MULTILINE)}
    places |= set(re.findall(r'<a id="([\w-]+)">', commands))
    links = re.findall(r"\(cli\.md#([^)]+)\)", generate.pages()["reference/techniques.md"])
    assert len(set(links)) == len(techniques())
    assert [link for link in links if link not in places] == []


def test_every_operator_with_a_torch_function_is_on_its_page(generate: ModuleType) -> None:
    text = generate.pages()["reference/onnx-operators.md"]
    assert [name for _, name in covered() if f"`{name}`" not in text] == []
    assert "`Softmax` (1, 13)" in text


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/gradients.md"])
def test_every_technique_is_named_where_one_chooses_among_them(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [name for name in techniques() if not re.search(rf"`(viz )?{re.escape(name)}[ `]", text)] == []


def test_every_command_is_named_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in command_names() if not re.search(rf"`(viz )?{re.escape(name)}[ `]", text)] == []


def test_every_exit_code_is_on_its_page() -> None:
    text = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    assert [code for code in ExitCode if f"\n| {int(code)} |" not in text] == []


def test_every_key_of_a_preprocessing_file_is_on_its_page() -> None:
    text = (REFERENCE / "preprocess-file.md").read_text(encoding="utf-8")
    keys = {field.name for field in fields(Preprocess)} - {"origin"} | {"preset", "labels"}
    assert sorted(key for key in keys if f"`{key}`" not in text) == []


def test_every_field_of_a_run_folder_is_on_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command("zoo", "samples", "samples", "--count", "1")
    (tmp_path / "samples" / "images" / "empty.png").touch()
    words = ["occlusion", "--model", "zoo:shapes", "samples/images", "--out", "run", "--evaluate", "--patch", "48"]
    assert command(*words).code == ExitCode.SOME_IMAGES_FAILED
    run = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    records = [
        json.loads(line) for line in (tmp_path / "run" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    names = {*run, *run["model"], *run["images"], *run["timings"]}
    names |= {name for record in records for name in (*record, *record.get("numbers", {}), *record.get("target", {}))}
    text = (REFERENCE / "run-folder.md").read_text(encoding="utf-8")
    assert sorted(name for name in names if f"`{name}`" not in text) == []


@pytest.mark.parametrize("name", techniques())
def test_every_figure_array_and_file_of_a_technique_is_on_the_page(
    name: str, tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIZ_CACHE", str(samples / "cache"))
    technique = techniques()[name]
    options = options_type(technique.info.makes, technique.info.surveys)(out=str(tmp_path / "run"))
    model = viz.load("zoo:shapes")
    chosen = technique(**tiny_settings(technique, viz.class_target(model, 3), tmp_path))
    sources = [] if technique.info.makes == "alone" else [samples / "images"]
    found = viz.run(chosen, model, sources, options)
    run = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    evidence = run.get("evidence", {})
    names = {*run}
    for record in found.records:
        file = tmp_path / "run" / record["files"].get("arrays", "state.npz")  # a survey has one for all its units
        arrays = [array.split("/")[-1] for array in zipfile.ZipFile(file).namelist()]
        figures = (re.sub(" .+", " LAYER", figure) for figure in record["numbers"])  # some are one layer's
        names |= {*record, *figures, *record["files"], *(array.removesuffix(".npy") for array in arrays)}
    names |= {*evidence, *evidence.get("gradient_check", {})}
    names |= {field for check in evidence.get("gradient_check", {}).get("checks", ()) for field in check}
    names |= {field for use in evidence.get("windows", ()) for field in use}
    assert bool(evidence.keys() - {"windows"}) == technique.info.needs_gradient
    text = (REFERENCE / "run-folder.md").read_text(encoding="utf-8")
    assert sorted(field for field in names if f"`{field}`" not in text) == []
