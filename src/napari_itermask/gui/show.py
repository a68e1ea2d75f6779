"""A finished run in a napari window: its layers where they lie, in mm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from numpy.typing import NDArray

from napari_itermask.figures.panel import MASK_COLOUR, TRUTH_COLOUR, grey_limits
from napari_itermask.gui.outline import outline
from napari_itermask.gui.space import metadata, placing, to_layer

if TYPE_CHECKING:
    from napari_itermask.run import Run


def show_run(run: Run, truth: NDArray[np.bool_] | None = None) -> None:
    """Open a viewer with the run's layers and wait until it is closed."""
    viewer = napari.Viewer(title="napari-itermask (for research only)")
    add_run(viewer, run, truth)
    napari.run()


def add_run(viewer: Any, run: Run, truth: NDArray[np.bool_] | None = None) -> None:
    """Add input, reconstruction, error, mask and truth to ``viewer``.

    Canonical voxels (S, A, R) under a diagonal transform in mm, axial, front up; the scan's true
    affine stands in each layer's metadata.
    """
    if run.scan is None:
        raise ValueError("this run was loaded without its scan: refine or replay it to show it.")
    image, brain = run.scan.image, run.scan.brain
    limits = grey_limits(run.scan)
    shape = run.mask.shape
    common = placing(run.affine, shape) | {
        "metadata": metadata(run.affine, shape, run.header, created=run.record.created)
    }

    def turned(volume: NDArray[Any]) -> NDArray[Any]:
        return to_layer(volume, run.affine)

    viewer.add_image(turned(image), name=run.scan.name, contrast_limits=limits, **common)
    viewer.add_image(
        turned(run.reconstruction),
        name="reconstruction",
        contrast_limits=limits,
        visible=False,
        **common,
    )
    viewer.add_image(
        turned(run.error),
        name="error",
        colormap="inferno",
        contrast_limits=(0, max(4 * run.threshold, 1e-6)),
        blending="additive",
        visible=False,
        **common,
    )
    if truth is not None:
        _add_outline(viewer, turned(truth), "truth", TRUTH_COLOUR, common)
    _add_outline(viewer, turned(run.mask), "mask", MASK_COLOUR, common)
    fullest = np.argmax(turned(run.mask if run.mask.any() else brain).sum(axis=(1, 2)))
    viewer.dims.set_current_step(0, int(fullest))
    _show_scale_bar(viewer)


def _show_scale_bar(viewer: Any) -> None:
    canvas = getattr(viewer, "canvas", None)  # napari 0.9 moved the overlays there
    overlays = viewer if canvas is None else canvas.overlays
    overlays.scale_bar.visible = True


def _add_outline(
    viewer: Any, mask: NDArray[np.bool_], name: str, colour: str, common: dict[str, Any]
) -> None:
    layer = viewer.add_labels(mask.astype(np.uint8), name=name, **common)
    layer.colormap = {0: "transparent", 1: colour, None: colour}
    outline(layer)
    layer.opacity = 0.9
