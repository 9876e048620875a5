"""A neuron in flags or as one text: the same run; who said what last wins, and contradictions are refused."""

import json

import pytest

from tests.cli.shell import viz
from viz.cli.target import has_neuron_flags
from viz.core.technique import explainers
from viz.model_zoo.shape_pictures import write_samples


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder, 1, 0)
    return str(folder / "images")


def explained(samples, tmp_path, *words, before=()):
    out = tmp_path / "out"
    done = viz(*before, "occlusion", "-m", "zoo:shapes", samples, "--limit", "1", "--out", str(out), *words)
    assert done.code == 0, done.err
    return json.loads((out / "run.json").read_text())


def test_flags_and_text_are_the_same_run(samples, tmp_path):
    flags = explained(samples, tmp_path, "--layer", "Relu_4", "--channel", "7", "--at", "6, 6")
    text = explained(samples, tmp_path, "--target", "Relu_4:7@6,6")
    assert flags["identity"] == text["identity"]
    assert text["timings"]["images_reused"] == 1
    assert (flags["target"], flags["score"]) == ("Relu_4:7@6,6", "activation")


def test_both_may_be_given_where_they_agree(samples, tmp_path):
    words = ["--layer", "Relu_4", "--channel", "7", "--target", "Relu_4:7"]
    assert explained(samples, tmp_path, *words)["target"] == "Relu_4:7"


@pytest.mark.parametrize("target", ["heart", "top1", "Relu_4:8"])
def test_contradictions_are_refused(samples, target):
    done = viz("occlusion", "-m", "zoo:shapes", samples, "--layer", "Relu_4", "--channel", "7", "--target", target)
    assert done.code == 2
    assert f"--target {target} and --layer Relu_4 --channel 7 say different things" in done.said


@pytest.mark.parametrize(
    ("defaults", "words", "target"),
    [
        ('target = "heart"', ["--layer", "Relu_4", "--channel", "7"], "Relu_4:7"),
        ('layer = "Relu_4"\nchannel = 7', ["--target", "heart"], "heart"),
        ('layer = "Relu_4"\nchannel = 7', [], "Relu_4:7"),
        ('layer = "Relu_4"\nchannel = 7', ["--channel", "8"], "Relu_4:8"),
    ],
)
def test_what_is_typed_wins_over_a_file_of_defaults(samples, tmp_path, defaults, words, target):
    config = tmp_path / "config.toml"
    config.write_text(f"[occlusion]\n{defaults}\n")
    assert explained(samples, tmp_path, *words, before=["--config", str(config)])["target"] == target


def test_a_technique_with_such_a_flag_of_its_own_keeps_it():
    own = [name for name, one in explainers().items() if not has_neuron_flags(one)]
    for name in own:
        assert "--at" not in viz(name, "--help").out
    assert "occlusion" not in own


def test_a_layers_norm_is_a_target(samples, tmp_path):
    assert explained(samples, tmp_path, "--target", "Relu_4:norm")["score"] == "norm"


def test_the_help_names_every_form():
    said = " ".join(viz("occlusion", "--help").out.replace("│", " ").split())
    for form in ("LAYER:CHANNEL@Y,X", "LAYER:norm", "CLASS in mask", "box CLASS near X0,Y0,X1,Y1", "like FILE"):
        assert form in said, form
