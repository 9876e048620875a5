"""The command as a whole: quick to start, clear when something is wrong, the documented exit codes."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from tests.cli.shell import viz
from viz.core.technique import techniques
from viz.model_zoo.shape_pictures import draw, write_samples


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder, 6, 0)
    return folder / "images"


def imported_by(*words):
    """Names of the top modules that a command has imported when it ends."""
    code = (
        "import sys\nfrom viz.cli import main\n"
        f"sys.argv = {['viz', *words]!r}\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('MODULES', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(shown.stdout.rpartition("MODULES")[2].split())


@pytest.mark.parametrize("words", [["--help"], ["occlusion", "--help"], ["batch", "--help"], ["zoo", "list"]])
def test_help_imports_no_heavy_module(words):
    heavy = {"torch", "onnxruntime", "onnx", "cv2", "timm", "torchvision", "ray"}
    assert not heavy & imported_by(*words)


def test_the_overview_does_not_even_import_numpy():
    assert not {"numpy", "PIL"} & imported_by("--help")


@pytest.mark.parametrize(
    "technique",
    [["occlusion"], ["rise", "--masks", "4"], ["recipro-cam"], ["eigen-cam"], ["score-cam", "--strongest", "4"]],
    ids=lambda words: words[0],
)
def test_techniques_without_gradients_never_import_torch(technique, samples, tmp_path):
    words = [*technique, "--model", "zoo:shapes", str(samples), "--out", str(tmp_path / "out"), "--limit", "1"]
    assert "onnxruntime" in imported_by(*words)
    assert "torch" not in imported_by(*words)


def test_the_quick_overview_lists_what_there_is():
    """`viz --help` reads names and sentences from source; the real commands must agree."""
    import typer

    from viz.cli.app import app
    from viz.cli.top import overview

    def listed(one):
        commands = typer.main.get_command(one).commands
        return {name: (c.help.split("\n\n")[0].replace("\n", " "), c.rich_help_panel) for name, c in commands.items()}

    assert listed(overview()) == listed(app)
    assert list(listed(overview())) == list(listed(app))


def test_every_technique_is_a_command():
    said = viz("--help").out
    for name in techniques():
        assert name in said


def test_occlusion_leaves_a_page_and_prints_a_table(samples, tmp_path):
    done = viz("occlusion", "-m", "zoo:shapes", str(samples), "--out", str(tmp_path / "out"), "--target", "label")
    assert done.code == 0
    assert "0003_" in done.out
    assert "page:" in done.err
    assert "score: logit" in done.err
    assert (tmp_path / "out/index.html").exists()


@pytest.mark.parametrize("output_format", ["json", "jsonl", "csv"])
def test_results_on_stdout_are_for_programs(samples, tmp_path, output_format):
    words = ["occlusion", "-m", "zoo:shapes", str(samples), "--out", str(tmp_path / "out"), "--format", output_format]
    out = viz(*words).out
    if output_format == "csv":
        assert out.splitlines()[0].startswith("name,status")
        assert len(out.splitlines()) == 7
    else:
        records = json.loads(out) if output_format == "json" else [json.loads(line) for line in out.splitlines()]
        assert [record["status"] for record in records] == ["done"] * 6


def test_unknown_names_bring_the_nearest(samples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = viz("occlusion", "-m", "zoo:shapes", str(samples), "--target", "circel")
    assert done.code == 2
    assert "did you mean 'circle'" in done.said
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_says_that_the_same_command_goes_on(samples, tmp_path, monkeypatch):
    import viz.runs

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(viz.runs, "process", interrupt)
    done = globals()["viz"]("occlusion", "-m", "zoo:shapes", str(samples), "--out", str(tmp_path / "out"))
    assert done.code == 130
    assert "the same command continues" in done.said


def test_another_runs_folder_is_left_as_it_is(samples, tmp_path):
    words = ["occlusion", "-m", "zoo:shapes", str(samples), "--limit", "1", "--out", str(tmp_path / "out")]
    viz(*words)
    before = (tmp_path / "out/index.html").stat().st_mtime_ns
    done = viz(*words, "--stride", "3")
    assert done.code == 2
    assert "another run" in done.said
    assert "stopped early" not in done.said
    assert (tmp_path / "out/index.html").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["occlusion", "-m", "zoo:shapes", "nowhere.png"], 2, "'nowhere.png' does not exist"),
        (["occlusion", "-m", "nowhere.onnx", "SAMPLES"], 3, "'nowhere.onnx' does not exist"),
        (["occlusion", "-m", "zoo:shapez", "SAMPLES"], 2, "did you mean 'shapes'"),
        (["occlusion", "-m", "strange", "SAMPLES"], 3, "strange"),
        (["occlusion", "-m", "zoo:shapes", "EMPTY"], 5, "no image found"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--patch", "0"], 2, "patch"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--patch", "97"], 2, "--patch 97 is larger"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--fill", "pink"], 2, "pink"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--batch-size", "many"], 2, "--batch-size many"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--background", "red"], 2, "--background red"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--shard", "3/2"], 2, "--shard 3/2"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--target", "no.layer:3"], 2, "no.layer"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--target", "stem.relu:99"], 2, "no channel 99"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--target", "10"], 2, "classes 0 to 9"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--size", "64"], 2, "64"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--nonsense"], 2, "nonsense"),
        (["occlusion", "SAMPLES"], 2, "--model"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--target", "stem.relu"], 2, "--target stem.relu:0"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--target", "star-cross"], 2, "needs spaces"),
        (["occlusion", "-m", "zoo:shapes", "SAMPLES", "--out", "FILE"], 2, "no folder can be made"),
        (["occlusion", "-m", "nowhere.onnx", "nowhere.png"], 2, "'nowhere.png' does not exist"),
        (["nonsense"], 2, "nonsense"),
        (["layers", "-m", "zoo:shapes", "--layer", "stem.rel"], 2, "did you mean"),
        (["layers", "-m", "zoo:shapes", "--op", "Convv"], 2, "did you mean 'Conv'"),
        (["predict", "-m", "zoo:shapes", "SAMPLES", "--top", "0"], 2, "--top is 0"),
    ],
)
def test_wrong_input_ends_with_the_documented_code_and_says_why(samples, tmp_path, monkeypatch, words, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("in the way")
    places = {"SAMPLES": str(samples), "EMPTY": str(tmp_path / "empty"), "FILE": str(tmp_path / "file")}
    done = viz(*(places.get(word, word) for word in words))
    assert done.code == code
    assert message in done.said
    assert "Traceback" not in done.err
    assert not list(tmp_path.glob("runs/**/results.jsonl"))


def test_a_broken_image_among_good_ones_ends_with_4(tmp_path):
    for i in range(3):
        Image.fromarray(draw(i).pixels).save(tmp_path / f"{i}.png")
    (tmp_path / "[bold]broken.png").write_bytes(b"nothing")
    done = viz("occlusion", "-m", "zoo:shapes", str(tmp_path), "--out", str(tmp_path / "out"))
    assert done.code == 4
    assert "[bold]broken.png" in done.said
    assert viz("predict", "-m", "zoo:shapes", str(tmp_path)).code == 4


def test_a_bug_ends_with_70_and_how_to_report_it(samples, tmp_path, monkeypatch):
    import viz.runs

    monkeypatch.setattr(viz.runs, "process", lambda *a: 1 / 0)
    done = globals()["viz"]("occlusion", "-m", "zoo:shapes", str(samples), "--out", str(tmp_path / "out"))
    assert done.code == 70
    assert "report" in done.said
    assert "ZeroDivisionError" in done.err


def test_a_dry_run_says_what_would_happen_and_writes_nothing(samples, tmp_path):
    out = tmp_path / "out"
    done = viz("occlusion", "-m", "zoo:shapes", str(samples), "--out", str(out), "--dry-run", "--stride", "7")
    assert done.code == 0
    assert "1,020 (170 an image)" in done.out
    assert not out.exists()


def test_predict_ranks_classes_and_counts_hits(samples):
    done = viz("predict", "-m", "zoo:shapes", str(samples), "--format", "jsonl", "-k", "3")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert all(record["predictions"][0]["label"] == record["truth"] for record in records)
    assert all(record["rank"] == 1 for record in records)
    assert [len(record["predictions"]) for record in records] == [3] * 6
    assert "top-1 6/6, top-5 6/6" in done.err
    for record in records:
        shares = [prediction["probability"] for prediction in record["predictions"]]
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1.000001


def test_predict_as_csv_has_a_line_per_class(samples):
    words = ["predict", "-m", "zoo:shapes", str(samples), "--format", "csv", "--limit", "2", "-k", "2"]
    lines = viz(*words).out.splitlines()
    assert lines[0] == "name,status,reason,truth,rank,class_index,label,probability"
    assert len(lines) == 5


def test_layers_lists_names_fields_and_costs():
    rows = {row["name"]: row for row in json.loads(viz("layers", "-m", "zoo:shapes", "--format", "json").out)}
    stem = next(row for row in rows.values() if row["op"] == "Conv")
    assert stem["receptive_field"]["size"] == [5, 5] or stem["receptive_field"]["size"] == [7, 7]
    assert stem["parameters"] > 0
    assert stem["macs"] > 0
    assert rows["logits"]["receptive_field"]["everywhere"]


def test_layers_are_filtered_by_glob_and_operator():
    rows = json.loads(viz("layers", "-m", "zoo:shapes", "--layer", "stages.0*", "--op", "relu", "--format", "json").out)
    assert rows
    assert {row["op"] for row in rows} == {"Relu"}


def test_a_config_file_gives_defaults_that_flags_override(samples, tmp_path):
    config = tmp_path / "viz.toml"
    config.write_text('[occlusion]\nstride = 6\npatch = 12\nmodel = "zoo:shapes"\n')
    words = ["--config", str(config), "occlusion", str(samples), "--limit", "1", "--out"]
    viz(*words, str(tmp_path / "a"))
    assert json.loads((tmp_path / "a/run.json").read_text())["settings"]["stride"] == 6
    viz(*words, str(tmp_path / "b"), "--stride", "4")
    settings = json.loads((tmp_path / "b/run.json").read_text())["settings"]
    assert (settings["stride"], settings["patch"]) == (4, 12)


def test_the_environment_stands_between_config_and_flags(samples, tmp_path, monkeypatch):
    config = tmp_path / "viz.toml"
    config.write_text('[occlusion]\nstride = 6\nmodel = "zoo:shapes"\n')
    monkeypatch.setenv("VIZ_OCCLUSION_STRIDE", "5")
    words = ["--config", str(config), "occlusion", str(samples), "--limit", "1", "--out"]
    viz(*words, str(tmp_path / "a"))
    assert json.loads((tmp_path / "a/run.json").read_text())["settings"]["stride"] == 5
    viz(*words, str(tmp_path / "b"), "--stride", "4")
    assert json.loads((tmp_path / "b/run.json").read_text())["settings"]["stride"] == 4


def test_version_names_viz():
    assert "onnx-viz" in viz("--version").out
