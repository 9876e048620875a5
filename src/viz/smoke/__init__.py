"""A smoke test: every technique on one model, at tiny settings, on a few generated pictures."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import UnknownName
from viz.core.result import FloatArray
from viz.core.target import Target, class_target, neuron_target, ranked_classes
from viz.core.technique import techniques
from viz.smoke.check import Check
from viz.smoke.junit import junit_xml
from viz.smoke.maker_checks import maker_checks
from viz.smoke.model_checks import model_checks, sample_images
from viz.smoke.survey_checks import survey_checks
from viz.smoke.technique_checks import technique_checks

__all__ = ["Check", "junit_xml", "smoke"]


def smoke(model: Adapter, only: str = "*") -> Iterator[Check]:
    """Check the model, then every registered technique whose name matches the glob `only`.

    Every picture is explained with the same target, so that a result can only differ because of the
    picture. Raises `UnknownName` where no technique matches, `ModelError` where the model cannot run at all.
    """
    chosen = [technique for name, technique in techniques().items() if fnmatchcase(name, only)]
    if not chosen:
        raise UnknownName("technique", only, techniques(), "`viz --help` lists all techniques")
    batched = BatchedAdapter(model)
    images = sample_images(model)
    yield from model_checks(batched, images)
    target = _target(batched, images)
    for technique in chosen:
        if technique.info.surveys:
            yield from survey_checks(technique, batched, images)
        elif technique.info.makes:
            yield from maker_checks(technique, batched, target)
        else:
            yield from technique_checks(technique, batched, images, target)


def _target(model: Adapter, images: FloatArray) -> Target:
    """The class that the model sees in the first picture; without classes, the mean of the first output's start."""
    if model.scores is None:
        return neuron_target(model, model.outputs[0], 0)
    order, _ = ranked_classes(model, images[:1])
    return class_target(model, int(order[0, 0]))
