"""Every metric and baseline has its row in the docs."""

from pathlib import Path

from viz.core.metric import metrics
from viz.evaluation.baselines import baselines

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "how-good-is-a-map.md"


def test_every_metric_has_a_row_with_its_direction() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, one in metrics().items():
        if one.__module__.startswith("viz."):
            assert f"| `{name}` | {'high' if one.info.higher_is_better else 'low'} |" in text


def test_every_baseline_has_a_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{one.info.name}` |" in text for one in baselines(0))
