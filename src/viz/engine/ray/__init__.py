"""The same work on a Ray cluster: chunks of images go to copies of the model, and what comes back is kept here."""

from viz.engine.ray.cluster import Cluster, cluster

__all__ = ["Cluster", "cluster"]
