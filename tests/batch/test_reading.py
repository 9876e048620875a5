"""Plans: what they ask for, and all that can be wrong with them."""

from pathlib import Path

import pytest

from viz.batch import InvalidFile, Plan, read_plan
from viz.core.errors import UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.run_options import RunOptions

MINIMAL = """\
[[models]]
model = "zoo:shapes"
[[techniques]]
technique = "occlusion"
[[sources]]
images = "photos"
"""


def plan(folder: Path, text: str) -> Plan:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return read_plan(path)


def problems(folder: Path, text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(InvalidFile) as caught:
        plan(folder, text)
    return [(problem.line, problem.text) for problem in caught.value.problems]


def test_a_minimal_plan_is_one_run_with_every_default(tmp_path: Path) -> None:
    found = plan(tmp_path, MINIMAL)
    (cell,) = found.cells()
    assert (found.title, found.out) == ("plan", Path("runs/plan"))
    assert (cell.name, cell.folder) == ("shapes/occlusion", Path("runs/plan/shapes/occlusion"))
    assert cell.model.options == ModelOptions()
    assert cell.technique.options == RunOptions()
    assert cell.source.images == ("photos",)


def test_every_model_meets_every_technique_on_every_source_one_model_after_the_other(tmp_path: Path) -> None:
    text = """
        [[models]]
        model = "a.onnx"
        [[models]]
        model = "torchvision:resnet18"
        [[techniques]]
        technique = "occlusion"
        [[techniques]]
        technique = "occlusion"
        name = "fine"
        [[sources]]
        images = ["photos/*.jpg", "more"]
        [[sources]]
        images = "@list.txt"
    """
    cells = [f"{model}/{technique}/{source}" for model in ("a", "resnet18") for source in ("photos", "list")
             for technique in ("occlusion", "fine")]  # fmt: skip
    assert [cell.name for cell in plan(tmp_path, text).cells()] == cells


def test_an_only_source_has_a_folder_of_its_own_where_it_has_a_name(tmp_path: Path) -> None:
    (cell,) = plan(tmp_path, MINIMAL + 'name = "street"\n').cells()
    assert cell.folder == Path("runs/plan/shapes/occlusion/street")


def test_options_of_all_runs_hold_where_a_technique_says_nothing_else(tmp_path: Path) -> None:
    text = '[run]\nlimit = 5\ntarget = "label"\n' + MINIMAL.replace('"occlusion"', '"occlusion"\ntarget = 207')
    (technique,) = plan(tmp_path, text).techniques
    assert (technique.options.limit, technique.options.target) == (5, "207")


def test_keys_are_flags_with_dashes_or_underscores(tmp_path: Path) -> None:
    for key in ("show-class", "show_class"):
        (technique,) = plan(tmp_path, MINIMAL.replace('"occlusion"', f'"occlusion"\n{key} = true')).techniques
        assert technique.technique.show_class is True


def test_numbers_and_lists_mean_what_the_shell_would_pass(tmp_path: Path) -> None:
    keys = 'size = 96\nmean = [0.5, 0.25, 0]\ncrop = 0.875\ninput = "t=1"\nthreads = 2\n'
    (model,) = plan(tmp_path, MINIMAL.replace('"zoo:shapes"\n', f'"zoo:shapes"\n{keys}')).models
    assert model.options == ModelOptions(size="96", mean="0.5,0.25,0", crop="0.875", input=("t=1",), threads=2)


def test_all_that_is_wrong_is_said_at_once_with_lines_and_the_nearest_names(tmp_path: Path) -> None:
    text = """\
titel = "x"
[run]
out = "elsewhere"
batch-size = "many"
shard = "3/2"
[[models]]
model = "zoo:shape"
mean = "a,b"
[[models]]
size = 224
[[techniques]]
technique = "oclusion"
[[techniques]]
technique = "occlusion"
strid = 8
patch = 0
stride = "eight"
score = "logits"
fill = [1, "a"]
[[techniques]]
technique = "occlusion"
show-class = false
show_class = true
[[sources]]
image = "photos"
"""
    found = problems(tmp_path, text)
    expected = [
        (1, "no key of a plan is called 'titel'; did you mean 'title'?"),
        (3, "no run option is called 'out'"),
        (4, "--batch-size many is neither auto nor a whole number"),
        (5, "--shard 3/2 is not I/N"),
        (7, "no zoo model is called 'shape'; did you mean 'shapes'"),
        (8, "a,b"),
        (9, "model is missing"),
        (12, "no technique is called 'oclusion'; did you mean 'occlusion'?"),
        (15, "no option of occlusion is called 'strid'; did you mean 'stride'"),
        (16, "--patch is 0, but must be at least 1"),
        (17, "--stride is 'eight', which is not a whole number"),
        (18, "no choice of --score is called 'logits'; did you mean 'logit'?"),
        (19, "--fill is [1, 'a'], which is not text"),
        (20, "two techniques are called 'occlusion'"),
        (23, "show_class is given twice"),
        (24, "images are missing"),
        (25, "no key of a source is called 'image'; did you mean 'images'?"),
    ]
    assert [line for line, _ in found] == [line for line, _ in expected]
    for (_, said), (_, part) in zip(found, expected, strict=True):
        assert part in said


def test_every_problem_is_in_the_message_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"plan.toml:2: no zoo model .*\n.*plan.toml:4: no technique") as caught:
        plan(tmp_path, MINIMAL.replace("shapes", "shaps").replace("occlusion", "occlusio"))
    assert isinstance(caught.value, UsageError)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", None, "the plan has no models"),
        (MINIMAL.replace("[[models]]", "[models]"), 1, "models has to be tables with two brackets"),
        (MINIMAL.replace("[[sources]]", "[[sources"), 5, "this is not TOML"),
        (MINIMAL + 'name = "unclosed', 7, "this is not TOML"),
        ("out = 5\n" + MINIMAL, 1, "out is 5, and has to be a text in quotes"),
        ("run = 5\n" + MINIMAL, 1, "run is 5"),
        (MINIMAL.replace('"photos"', "[]"), 6, "images are []"),
        (MINIMAL.replace('"zoo:shapes"', '"zoo:shapes"\nresize_short = 9\ncrop = "none"'), 1, "resize_short"),
    ],
)
def test_what_cannot_be_a_plan_is_said_with_its_line(tmp_path: Path, text: str, line: int | None, said: str) -> None:
    assert any(found == line and said in words for found, words in problems(tmp_path, text))


@pytest.mark.parametrize("name", ["../up", "a/b", "a\\b", "..", " a", "a.", "con:", "x" * 81, "tab\\t"])
def test_names_that_cannot_be_folders_are_refused(tmp_path: Path, name: str) -> None:
    text = MINIMAL.replace('"zoo:shapes"', f'"zoo:shapes"\nname = "{name}"' if "\\t" in name else f'"zoo:shapes"\nname = \'{name}\'')  # fmt: skip # noqa: E501
    ((line, said),) = problems(tmp_path, text)
    assert line == 3
    assert "cannot be a folder's" in said


def test_names_that_some_file_systems_take_for_the_same_are_refused(tmp_path: Path) -> None:
    text = MINIMAL.replace('"zoo:shapes"', '"zoo:shapes"\n[[models]]\nmodel="b.onnx"\nname = "SHAPES"')
    assert problems(tmp_path, text) == [(5, "two models are called 'SHAPES'")]


def test_a_file_that_is_not_there_and_one_that_is_no_text_say_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'gone.toml' cannot be read: No such file"):
        read_plan(Path("gone.toml"))
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        read_plan(tmp_path / "x.toml")


TWO_BY_TWO = MINIMAL.replace('"zoo:shapes"', '"zoo:shapes"\n[[models]]\nmodel = "b.onnx"').replace(
    '"occlusion"', '"occlusion"\n[[techniques]]\ntechnique = "occlusion"\nname = "fine"'
)


@pytest.mark.parametrize(
    ("only", "names"),
    [
        (["shapes/*"], ["shapes/occlusion", "shapes/fine"]),
        (["shapes"], ["shapes/occlusion", "shapes/fine"]),
        (["*/fine"], ["shapes/fine", "b/fine"]),
        (["b/fine", "shapes/occlusion"], ["shapes/occlusion", "b/fine"]),
    ],
)
def test_only_picks_runs_by_glob_in_the_order_of_the_plan(tmp_path: Path, only: list[str], names: list[str]) -> None:
    assert [cell.name for cell in plan(tmp_path, TWO_BY_TWO).cells(only)] == names


def test_a_glob_that_picks_nothing_is_an_error_with_the_nearest_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'shapes/fine'"):
        plan(tmp_path, TWO_BY_TWO).cells(["shapes/*", "shape/fine"])
