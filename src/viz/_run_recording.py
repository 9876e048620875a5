"""What every run does besides its work: run.json from first to last, counting, and a summary."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from viz._run_identity import Options, version_of
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import ExitCode
from viz.core.technique import settings
from viz.engine.gradient_evidence import doubt, gradient_evidence
from viz.engine.listener import Relay
from viz.engine.patch_evidence import keep_plans
from viz.engine.run_folder import SCHEMA, Record, RunFolder

_RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "torch")
_PACKAGES = ("onnx-viz", "numpy", "pillow", "opencv-python", "onnx", *_RUNTIMES)


@dataclass(frozen=True)
class RunSummary:
    """What a run left: its folder, one record per image in order, and how it went."""

    folder: Path
    records: list[Record]
    skipped: tuple[str, ...]
    notes: list[str]
    reused: int
    forwards: int
    seconds: float

    @property
    def failed(self) -> list[Record]:
        """Records of the images that could not be used."""
        return [record for record in self.records if record["status"] == "failed"]

    @property
    def done(self) -> int:
        """How many images have a result."""
        return len(self.records) - len(self.failed)

    @property
    def exit_code(self) -> ExitCode:
        """0, or 4 where some images failed."""
        return ExitCode.SOME_IMAGES_FAILED if self.failed else ExitCode.DONE


@dataclass
class Counting(Relay):
    """Keeps the records on the way to another listener."""

    records: list[Record] = field(default_factory=list)

    def image(self, record: Record, fresh: bool) -> None:
        """See `Listener.image`."""
        self.records.append(record)
        super().image(record, fresh)


@dataclass
class Recording:
    """A run whose folder says at any time how far it is.

    `described` is the part of run.json that is known before the first image, `total` how many there are.
    """

    technique: Any
    model: BatchedAdapter
    folder: RunFolder
    counting: Counting
    described: Record
    total: int
    skipped: tuple[str, ...]

    def carry_out(
        self, work: Callable[[], list[Record]], at_the_end: Callable[[], Mapping[str, Any]] = dict
    ) -> RunSummary:
        """Do the work, which gives the records in order; whatever happens, run.json is written before and after it.

        `at_the_end` gives further entries of run.json, from what has been finished until then.
        """
        before, started = self.folder.run(), time.perf_counter()
        evidence, more = before.get("evidence", {}), {}
        self.folder.write_run({**self.described, **self._progress(complete=False)})
        try:
            records = work()
            self.folder.rewrite(records)
            evidence = self._evidence() or evidence
        finally:
            evidence = {**evidence, **keep_plans(self.folder, self.model)}
            try:
                more = dict(at_the_end())
            finally:
                seconds = time.perf_counter() - started
                run = self._ended(before, evidence, seconds)
                self.folder.write_run({**run, **more})
        counted = self.counting
        return RunSummary(
            self.folder.path, records, self.skipped, run["notes"], counted.reused, counted.passes, seconds
        )

    def _ended(self, before: Record, evidence: Record, seconds: float) -> Record:
        """run.json at the end of this attempt; `before` is what an earlier one left.

        What was said and checked while images were computed still holds where they are only looked through.
        """
        run = {**self.described, **self._progress(len(self.counting.records) == self.total)}
        run["notes"] = list(dict.fromkeys([*run["notes"], *before.get("notes", [])]))
        run["warnings"] += [doubt(evidence)] if doubt(evidence) else []
        return {**run, "evidence": evidence, "timings": self._timings(seconds)}

    def _evidence(self) -> Record:
        """Why values and gradients may be trusted, and how far; empty where nothing was computed."""
        return gradient_evidence(self.model) if self.technique.info.needs_gradient else dict(self.model.evidence())

    def _timings(self, seconds: float) -> Record:
        counted = self.counting
        return {"seconds": round(seconds, 3), "forward_passes": counted.passes, "images_reused": counted.reused}

    def _progress(self, complete: bool) -> Record:
        records = self.counting.records
        failed = [{"name": r["name"], "reason": r["reason"]} for r in records if r["status"] == "failed"]
        return {
            "complete": complete and not any(record.get("unfinished") for record in records),
            "images": {"found": self.total, "done": len(records) - len(failed), "failed": len(failed)},
            "failures": failed,
            "notes": list(self.model.notes),
            "warnings": [*self.model.warnings, *common_warnings(records)],
            **_score_of_no_class(self.model, records),
        }


def described(
    technique: Any, model: Adapter, options: Options, command: str, identity: str, skipped: Sequence[str]
) -> Record:
    """The part of run.json that is known before the first image, but for the target and its score."""
    info = technique.info
    return {
        "schema": SCHEMA,
        "identity": identity,
        "technique": info.name,
        "summary": info.summary,
        "source": info.source,
        "settings": settings(technique),
        "options": asdict(options),
        "command": command,
        "model": {**asdict(model.source), "outputs": list(model.outputs)},
        "preprocess": {**model.preprocess.as_dict(), "text": model.preprocess.describe()},
        "labels_origin": model.labels.origin,
        "skipped": list(skipped),
        "versions": {name: found for name in _PACKAGES if (found := version_of(name))},
        "platform": platform.platform(),
        "seed": settings(technique).get("seed"),
        "device": model.source.device,
    }


def score_read(model: Adapter, score: str) -> str:
    """In words, which score is read: `auto` is resolved here for the summary."""
    if model.scores is None:
        return "none: this model has no class scores"
    if score == "probability" or model.scores.logits is None:
        ours = model.scores.probabilities is None and model.scores.to_probability == "none"
        return "probability" + (" (softmax applied by viz: the graph ends in plain scores)" if ours else "")
    ends = model.scores.to_probability
    return "logit" + (f" (read before the graph's own {ends})" if ends != "none" else "")


def common_warnings(records: Sequence[Record]) -> list[str]:
    """Each warning of the images once, with the number of images that have it."""
    counts: dict[str, int] = {}
    for record in records:
        for text in record.get("warnings", ()):
            counts[text] = counts.get(text, 0) + 1
    return [f"{count} image(s): {text}" for text, count in counts.items()]


def _score_of_no_class(model: Adapter, records: Sequence[Record]) -> Record:
    """What was read where it was not one of the model's class scores: a neuron, a box, a likeness; or nothing was."""
    kinds = {record["target"]["score"] for record in records if "target" in record}
    if not kinds or (model.scores and kinds <= {"logit", "probability"}):
        return {}
    return {"score": ", ".join(sorted(kinds - {""}))}
