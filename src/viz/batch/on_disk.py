"""What a plan points at that is not there: told by `viz config check` before a long run finds out."""

from pathlib import Path

from viz.batch.document import Document
from viz.batch.plan import Plan
from viz.batch.reading import MODEL_FILES, plan_in
from viz.core.discovery import find_images
from viz.core.errors import UsageError, VizError


def check_plan(document: Document) -> tuple[Plan, int]:
    """The plan and the number of its images, each source's counted.

    Raises `InvalidFile` with everything that is wrong: what cannot be read, models and images not there.
    """
    plan = plan_in(document)
    for model in plan.models:
        if _is_missing(model.spec):
            problem = UsageError(f"the model {model.spec!r} is not there", f"paths are relative to here: {Path.cwd()}")
            document.report_line(problem, model.line)
    images = 0
    for source in plan.sources:
        try:
            images += len(find_images(source.images).files) if source.images else 0
        except VizError as nothing_there:
            document.report_line(nothing_there, source.line)
    document.raise_problems()
    return plan, images


def _is_missing(spec: str) -> bool:
    is_file = spec.lower().endswith(MODEL_FILES) and not spec.startswith("zoo:")
    return is_file and not Path(spec).expanduser().exists()
