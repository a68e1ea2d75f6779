"""IterMask3D: unsupervised anomaly segmentation of brain MRI, watched, questioned and tuned.

>>> import napari_itermask as itm
>>> scan = itm.load_scan("flair.nii.gz")
>>> run = itm.refine(scan, itm.load_model("flair-2mm"))
>>> run.save("out")

For research only, not for diagnosis. Names load on first use: importing this imports neither
torch, nor napari, nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_itermask.method.refinement import Step
    from napari_itermask.method.settings import RefineSettings
    from napari_itermask.method.threshold import ThresholdCurve
    from napari_itermask.models.card import ModelCard
    from napari_itermask.models.store import Model, ModelError, list_models, load_model
    from napari_itermask.record import RunError
    from napari_itermask.run import Run, load_run, refine, replay
    from napari_itermask.scans.files import ScanError, load_scan
    from napari_itermask.scans.grid import Grid
    from napari_itermask.scans.scan import Scan

_WHERE = {
    "Grid": "scans.grid",
    "Model": "models.store",
    "ModelCard": "models.card",
    "ModelError": "models.store",
    "RefineSettings": "method.settings",
    "Run": "run",
    "RunError": "record",
    "Scan": "scans.scan",
    "ScanError": "scans.files",
    "Step": "method.refinement",
    "ThresholdCurve": "method.threshold",
    "list_models": "models.store",
    "load_model": "models.store",
    "load_run": "run",
    "load_scan": "scans.files",
    "refine": "run",
    "replay": "run",
}

__all__ = [
    "Grid",
    "Model",
    "ModelCard",
    "ModelError",
    "RefineSettings",
    "Run",
    "RunError",
    "Scan",
    "ScanError",
    "Step",
    "ThresholdCurve",
    "list_models",
    "load_model",
    "load_run",
    "load_scan",
    "refine",
    "replay",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-itermask")
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
