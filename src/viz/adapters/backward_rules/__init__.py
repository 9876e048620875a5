"""What the backward pass does at rectifiers, or everywhere: rules applied per operation while it executes.

A rule is a `TorchFunctionMode`. It sees every torch function of a torch module and of our ONNX executor alike,
whether functional, in place, a method, an aten operator or a module used twice; no module is touched and no
hook stays. See docs/decisions/0008-backward-rules.md for what each rule does to which operation.
"""

from viz.adapters.backward_rules.changes import Changes
from viz.adapters.backward_rules.mode import applied, check_changed, readable
from viz.adapters.backward_rules.unseen import check_seen

__all__ = ["Changes", "applied", "check_changed", "check_seen", "readable"]
