"""Files written for one kind of CPU are refused with the way out."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.single_node import run_node
from viz.adapters.onnx_torch.operators.microsoft_blocked import BLOCKED
from viz.core.errors import NotSupported


@pytest.mark.parametrize("name", ["ReorderInput", "Conv", "MaxPool", "ReorderOutput"])
def test_the_error_says_how_to_save_the_file_instead(name):
    with pytest.raises(NotSupported, match="blocks") as caught:
        run_node(name, [np.zeros((1, 8, 4, 4), np.float32)], 1, BLOCKED)
    assert name in caught.value.problem and "'extended'" in caught.value.next_step
