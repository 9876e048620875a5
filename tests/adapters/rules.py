"""What flows back under a rule, for the tests of backward rules."""

import torch
from torch import nn

from viz.adapters.backward_rules import applied


def flowing_back(rule, function, x, **options):
    """What comes back to x from the sum of function(x), and the account of what the rule changed."""
    x = x.clone().requires_grad_()
    with applied(rule, **options) as changes:
        # Nobody writes into a leaf: the function gets what a model's operations give.
        result = function(x * 1.0)
    (found,) = torch.autograd.grad(result.sum(), [x])
    return found, changes


def relevance(rule, function, x, channel=0, **options):
    """LRP's relevance of x for one column of function(x), (b, classes), and the score itself."""
    from viz.adapters.backward_rules import readable

    x = x.clone().requires_grad_()
    with applied(rule, **options) as changes:
        scores = function(x)
    (found,) = torch.autograd.grad(readable(scores, rule)[:, channel].sum(), [x])
    return found, scores[:, channel].detach(), changes


def without_gradients(module: nn.Module) -> nn.Module:
    """As an adapter runs it: in evaluation mode, with constant weights."""
    return module.eval().requires_grad_(False)
