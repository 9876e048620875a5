"""How much each position of a layer contributes to a class, to first order: gradient times activation."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.batching import in_batches
from viz.core.errors import NotSupported, UsageError
from viz.core.gradients import Gradients, input_gradients
from viz.core.labels import Labels
from viz.core.result import FloatArray
from viz.core.target import check_target, targets_for
from viz.techniques.activation._probe_scale import probe
