"""A TOML plan -> many runs: models x techniques x sources, each in its own folder, and batch.json over all."""

from viz.batch.document import InvalidFile
from viz.batch.outcome import Outcome, exit_code
from viz.batch.plan import Cell, Plan
from viz.batch.reading import read_plan
from viz.batch.running import run_plan
from viz.batch.template import plan_template

__all__ = ["Cell", "InvalidFile", "Outcome", "Plan", "exit_code", "plan_template", "read_plan", "run_plan"]
