"""A mask as an outline in 2-D, so that the scan is seen through it, and as a body in 3-D."""

from __future__ import annotations

import warnings
from typing import Any


def outline(layer: Any, width: int = 1) -> None:
    """Draw a Labels layer as an outline of ``width`` voxels wherever the view is 2-D."""
    # In 3-D napari draws the body and warns of it, each time: that is just what is meant here.
    warnings.filterwarnings("ignore", message="Contours are not displayed during 3D rendering")
    layer.contour = width
