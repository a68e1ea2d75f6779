"""The paper: arrays in, arrays out. Nothing here knows of files or screens.

Loaded by name on first use, so that settings can be read without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_itermask.method.error import ErrorMap
    from napari_itermask.method.guide import PUBLISHED_CUTOFF, high_frequency
    from napari_itermask.method.network import UNet3D
    from napari_itermask.method.reconstruct import Reconstructor
    from napari_itermask.method.refinement import drop_small, refine, seeded_noise
    from napari_itermask.method.settings import RefineSettings
    from napari_itermask.method.steps import Search, Step
    from napari_itermask.method.threshold import Calibration, Choice, Fit, ThresholdCurve

_WHERE = {
    "ErrorMap": "error",
    "PUBLISHED_CUTOFF": "guide",
    "high_frequency": "guide",
    "UNet3D": "network",
    "Reconstructor": "reconstruct",
    "Search": "steps",
    "Step": "steps",
    "drop_small": "refinement",
    "refine": "refinement",
    "seeded_noise": "refinement",
    "RefineSettings": "settings",
    "Calibration": "threshold",
    "Choice": "threshold",
    "Fit": "threshold",
    "ThresholdCurve": "threshold",
}

__all__ = [
    "PUBLISHED_CUTOFF",
    "Calibration",
    "Choice",
    "ErrorMap",
    "Fit",
    "Reconstructor",
    "RefineSettings",
    "Search",
    "Step",
    "ThresholdCurve",
    "UNet3D",
    "drop_small",
    "high_frequency",
    "refine",
    "seeded_noise",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
