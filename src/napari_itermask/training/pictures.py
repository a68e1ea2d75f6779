"""What the network repaints so far: a PNG of held-out scans, their repaints and the errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_itermask.scans.intensity import Volume
from napari_itermask.training.validation import Held

ROWS = 3
COLUMNS = ("image", "repaint, all hidden", "squared error")


def save_repaints(path: Path, title: str, held: Sequence[Held], repaints: Sequence[Volume]) -> Any:
    """Draw up to three scans in an axial slice each; returns the picture ``(H, W, 3)`` uint8."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = min(ROWS, len(held))
    figure = Figure(figsize=(7.2, 2.6 * rows + 0.4), dpi=80, facecolor="black")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 3, squeeze=False)
    for row, case, repaint in zip(axes, held, repaints, strict=False):
        middle = int(np.median(np.nonzero(case.brain)[2]))
        low, high = np.percentile(case.image[case.brain], [1, 99])
        error = np.where(case.brain, (repaint - case.image) ** 2, 0)
        shown = np.where(case.brain, repaint, case.image)
        for axis, volume, look in zip(
            row,
            (case.image, shown, error),
            ({"vmin": low, "vmax": high}, {"vmin": low, "vmax": high}, {"vmin": 0, "vmax": 4}),
            strict=True,
        ):
            axis.imshow(volume[:, :, middle].T, origin="lower", **look, cmap=_map(look))
            axis.set_axis_off()
    for axis, text in zip(axes[0], COLUMNS, strict=True):
        axis.set_title(text, color="white", fontsize=9)
    figure.suptitle(title, color="white", fontsize=9)
    figure.tight_layout()
    canvas.draw()
    figure.savefig(path)
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _map(look: dict[str, float]) -> str:
    return "inferno" if look["vmin"] == 0 and look["vmax"] == 4 else "gray"
