"""What is flagged, and in which words."""

import numpy as np

from viz.evaluation.baselines import Edges
from viz.evaluation.doubts import doubts
from viz.techniques.attribution.grad_cam import GradCam
from viz.techniques.attribution.saliency import Saliency
from viz.techniques.metrics.deletion import Deletion
from viz.techniques.metrics.insertion import Insertion
from viz.techniques.metrics.randomization import Randomization
from viz.techniques.metrics.stability import Stability

RANDOM = np.random.default_rng(0)
EDGES = RANDOM.random(50)
TECHNIQUES = [Saliency(), GradCam(), Edges()]


def found(metric, **values):
    table = {(name.replace("_", "-"), metric.info.name): numbers for name, numbers in values.items()}
    return {d.technique: d.text for d in doubts(table, {}, TECHNIQUES, [metric], seed=0)}


def unchanged(*stages):
    details = {("saliency", "randomization"): {f"stage {i}": mean for i, mean in enumerate(stages)}}
    return [d.text for d in doubts({}, details, TECHNIQUES, [Randomization()], seed=0)]


def test_better_image_by_image_is_enough_even_where_the_means_are_close():
    assert found(Insertion(), saliency=EDGES + 0.01, grad_cam=EDGES + 0.01, edges=EDGES) == {}


def test_worse_and_not_clearly_better_are_told_apart():
    said = found(Insertion(), saliency=EDGES - 0.1, grad_cam=RANDOM.permutation(EDGES), edges=EDGES)
    assert "saliency is worse than the edge detector in insertion" in said["saliency"]
    assert "grad-cam is not clearly better than the edge detector in insertion" in said["grad-cam"]


def test_the_direction_of_a_metric_counts():
    assert "worse" in found(Deletion(), saliency=EDGES + 0.1, edges=EDGES)["saliency"]
    assert found(Deletion(), saliency=EDGES - 0.1, edges=EDGES) == {}


def test_a_map_that_new_weights_in_half_of_the_layers_leave_as_it_is_is_flagged():
    assert (
        "saliency passes a randomized model unchanged: with new weights in stage 2" in unchanged(0.9, 0.8, 0.5, 0.1)[0]
    )
    assert "stage 0" in unchanged(0.6)[0]
    assert "stage 0" in unchanged(0.6, 0.1)[0]


def test_a_map_that_stays_only_as_long_as_most_layers_do_is_not_flagged():
    assert unchanged(0.9, 0.4, 0.4, 0.4) == []
    assert unchanged(0.9, 0.4, 0.1) == []
    assert unchanged(0.4) == unchanged() == []


def test_being_less_stable_than_edges_is_no_fault():
    assert found(Stability(), saliency=EDGES + 1, edges=EDGES) == {}
