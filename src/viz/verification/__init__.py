"""The certificate of a model's gradients: forward agreement per layer, gradients against differences, coverage."""

from viz.verification.certificate import Certificate, certify

__all__ = ["Certificate", "certify"]
