"""Where are brains with region labels read? Names of an earlier room, kept for what imports them.

The room itself is :mod:`napari_itermask.training.prepared`.
"""

from napari_itermask.training.prepared import Brain, Spacing, load_brains

__all__ = ["Brain", "Spacing", "load_brains"]
