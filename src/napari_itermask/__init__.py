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
    from napari_itermask.corruption import load_corrupted, save_corrupted
    from napari_itermask.method.settings import RefineSettings
    from napari_itermask.method.steps import Search, Step
    from napari_itermask.method.threshold import ThresholdCurve
    from napari_itermask.models.card import ModelCard
    from napari_itermask.models.store import Model, ModelError, list_models, load_model
    from napari_itermask.passes import Passes
    from napari_itermask.record import RunError, RunRecord
    from napari_itermask.reopened import reopen
    from napari_itermask.result import Run, load_run
    from napari_itermask.run import Recorder, refine, replay
    from napari_itermask.scans.files import ScanError, load_scan
    from napari_itermask.scans.grid import Grid
    from napari_itermask.scans.scan import Scan
    from napari_itermask.sweeps import SweepPoint, sweep
    from napari_itermask.synthetic.corrupted import Corrupted, corrupt

_WHERE = {
    "Corrupted": "synthetic.corrupted",
    "Grid": "scans.grid",
    "Model": "models.store",
    "ModelCard": "models.card",
    "ModelError": "models.store",
    "Passes": "passes",
    "Recorder": "run",
    "RefineSettings": "method.settings",
    "Run": "result",
    "RunError": "record",
    "RunRecord": "record",
    "Scan": "scans.scan",
    "ScanError": "scans.files",
    "Search": "method.steps",
    "Step": "method.steps",
    "SweepPoint": "sweeps",
    "ThresholdCurve": "method.threshold",
    "corrupt": "synthetic.corrupted",
    "list_models": "models.store",
    "load_corrupted": "corruption",
    "load_model": "models.store",
    "load_run": "result",
    "load_scan": "scans.files",
    "refine": "run",
    "reopen": "reopened",
    "replay": "run",
    "save_corrupted": "corruption",
    "session": "gui.stream",
    "sweep": "sweeps",
}

__all__ = [
    "Corrupted",
    "Grid",
    "Model",
    "ModelCard",
    "ModelError",
    "Passes",
    "Recorder",
    "RefineSettings",
    "Run",
    "RunError",
    "RunRecord",
    "Scan",
    "ScanError",
    "Search",
    "Step",
    "SweepPoint",
    "ThresholdCurve",
    "corrupt",
    "list_models",
    "load_corrupted",
    "load_model",
    "load_run",
    "load_scan",
    "refine",
    "reopen",
    "replay",
    "save_corrupted",
    "session",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-itermask")
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
