"""One picture of a run: input, mask, reconstruction, error and truth, in three planes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_itermask.run import Run
from napari_itermask.scans.files import write_whole
from napari_itermask.scans.grid import box_of, canonical_spacing
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLANES = ("axial", "coronal", "sagittal")
MASK_COLOUR = "#E69F00"  # Okabe and Ito's orange and blue: told apart by every kind of eye
TRUTH_COLOUR = "#56B4E9"


def panel(run: Run, truth: NDArray[np.bool_] | None = None) -> Figure:
    """Draw a run that knows its scan: a row per plane, through the slice where the mask is largest.

    Parameters
    ----------
    run
        A finished run.
    truth
        ``(X, Y, Z)`` in the scan's voxels, drawn beside the run's own mask.
    """
    from matplotlib.figure import Figure

    if run.scan is None:
        raise ValueError("this run was loaded without its scan: refine or replay it to draw it.")
    view = _View(run.affine, run.scan.brain)
    columns = _columns(run, truth)
    centre = _centre(view.turn(run.mask if run.mask.any() else run.scan.brain))
    figure = Figure(figsize=(2.4 * len(columns) + 0.3, 7.4), dpi=120, layout="constrained")
    figure.suptitle(
        f"{run.scan.name}, {run.card.name}: mask {run.mask_ml:.1f} ml "
        f"at threshold {run.threshold:.3g} (for research only)",
        fontsize=10,
    )
    axes = figure.subplots(len(PLANES), len(columns), squeeze=False)
    for row, plane in zip(axes, range(3), strict=True):
        for ax, column in zip(row, columns, strict=True):
            _draw(ax, view, column, plane, centre)
        row[0].set_ylabel(PLANES[plane], fontsize=9)
    for ax, column in zip(axes[0], columns, strict=True):
        ax.set_title(column.title, fontsize=9)
    return figure


def save_panel(run: Run, path: Path, truth: NDArray[np.bool_] | None = None) -> Path:
    """Draw :func:`panel` into ``path`` (.png, .pdf, .svg); returns the path."""
    figure = panel(run, truth)
    write_whole(path, figure.savefig)
    return path


def grey_limits(scan: Scan) -> tuple[float, float]:
    """The intensities that are shown as black and as white, of the scan and of its repaint."""
    low, high = np.percentile(scan.image[scan.brain], [1, 99.8])
    return float(low), float(high)


@dataclass(frozen=True)
class _Column:
    title: str
    volume: NDArray[Any]
    limits: tuple[float, float]
    colours: str = "gray"
    outline: NDArray[np.bool_] | None = None
    outline_colour: str = MASK_COLOUR


class _View:
    """Turns volumes to canonical axes and cuts them to the brain's box."""

    def __init__(self, affine: NDArray[np.float64], brain: NDArray[np.bool_]) -> None:
        self._orientation = nib.orientations.io_orientation(affine)
        self.spacing = canonical_spacing(affine)
        turned = nib.orientations.apply_orientation(brain, self._orientation)
        self._box = tuple(slice(max(0, b.start - 2), b.stop + 2) for b in box_of(turned))

    def turn(self, volume: NDArray[Any]) -> NDArray[Any]:
        out: NDArray[Any] = nib.orientations.apply_orientation(volume, self._orientation)[self._box]
        return out

    def cut(
        self, volume: NDArray[Any], plane: int, centre: list[int]
    ) -> tuple[NDArray[Any], float]:
        """A slice with up at the top, and its aspect (height of a pixel over its width)."""
        axis = 2 - plane
        across, up = [a for a in range(3) if a != axis]
        return np.take(self.turn(volume), centre[axis], axis).T, self.spacing[up] / self.spacing[
            across
        ]


def _columns(run: Run, truth: NDArray[np.bool_] | None) -> list[_Column]:
    assert run.scan is not None
    image, brain = run.scan.image, run.scan.brain
    limits = grey_limits(run.scan)
    top = max(4 * run.threshold, float(np.percentile(run.error[brain], 99)), 1e-6)
    columns = [
        _Column("input", image, limits),
        _Column("mask", image, limits, outline=run.mask),
        _Column("reconstruction", run.reconstruction, limits),
        _Column("error", run.error, (0.0, top), "inferno"),
    ]
    if truth is not None:
        columns.append(_Column("truth", image, limits, outline=truth, outline_colour=TRUTH_COLOUR))
    return columns


def _draw(ax: Axes, view: _View, column: _Column, plane: int, centre: list[int]) -> None:
    pixels, aspect = view.cut(column.volume, plane, centre)
    ax.imshow(
        pixels,
        cmap=column.colours,
        vmin=column.limits[0],
        vmax=column.limits[1],
        origin="lower",
        aspect=aspect,
    )
    if column.outline is not None:
        mask, _ = view.cut(column.outline, plane, centre)
        if mask.any():
            ax.contour(mask.astype(float), [0.5], colors=column.outline_colour, linewidths=1.0)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_facecolor("black")


def _centre(mask: NDArray[np.bool_]) -> list[int]:
    counts = (mask.sum(axis=tuple({0, 1, 2} - {axis})) for axis in range(3))
    return [int(np.argmax(c)) for c in counts]
