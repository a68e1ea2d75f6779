"""Draw the picture of all effects with the product itself: python docs/make_corrupt_pictures.py.

On the healthy T1 of the development data (ITERMASK_DATA); where that is absent, on the sample
patient.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

import napari_itermask as itm
from napari_itermask.synthetic.effects import EFFECTS
from napari_itermask.synthetic.patient import sample_files

HERE = Path(__file__).parent
DATA = Path(os.environ.get("ITERMASK_DATA", HERE.parents[1] / "shared" / "data"))
REAL = DATA / "cases" / "healthy-nfb-a00028185" / "t1.nii.gz"
SEEDS = {"focal_lesion": 2, "cavity": 8, "susceptibility": 1}
"""Of the draws that show well on one slice."""
OUTLINED = ("top_chunk", "middle_chunk", "zipper", "focal_lesion", "cavity", "susceptibility")
FROM_THE_SIDE = ("bias_field", "susceptibility", "missing_slices")
COLUMNS = 4


def main() -> None:
    """One panel for each effect at severity 1; the truth outlined where it has an outline."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    scan = itm.load_scan(REAL if REAL.exists() else sample_files().flair)
    top = float(np.percentile(scan.image[scan.brain], 99.7))
    names = ["clean", *EFFECTS]
    rows = -(-len(names) // COLUMNS)
    figure, axes = plt.subplots(
        rows, COLUMNS, figsize=(COLUMNS * 2.6, rows * 2.9), facecolor="black", layout="constrained"
    )
    for panel, name in zip(axes.flat, names, strict=False):
        made = itm.corrupt(scan, name, seed=SEEDS.get(name, 0)) if name != "clean" else None
        picture, truth = slice_of(scan, made, name)
        panel.imshow(picture, cmap="gray", vmin=0, vmax=top, interpolation="bilinear")
        if made is not None and name in OUTLINED:
            panel.contour(
                gaussian_filter(truth.astype(float), 1), [0.5], colors="#ffb000", linewidths=0.9
            )
        paper = name != "clean" and EFFECTS[name].published
        panel.set_title(name + (" *" if paper else ""), color="white", fontsize=11)
    for panel in axes.flat:
        panel.axis("off")
    path = HERE / "images" / "corrupt.png"
    figure.savefig(path, dpi=100, facecolor="black")
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE).save(
            path, optimize=True
        )
    print(path)


def slice_of(scan: itm.Scan, made: Any, name: str) -> tuple[Any, Any]:
    """An axial slice, or a sagittal one for what is seen best from the side; front up or left."""
    from nibabel.orientations import apply_orientation, io_orientation

    to = io_orientation(scan.affine)
    image = apply_orientation((made.scan if made else scan).image, to)
    brain = apply_orientation(scan.brain, to)
    truth = apply_orientation(made.truth, to) if made else np.zeros_like(brain)
    box = tuple(slice(max(0, int(i.min()) - 6), int(i.max()) + 7) for i in np.nonzero(brain))
    image, truth = image[box], truth[box]
    axis = 0 if name in FROM_THE_SIDE else 2
    others = tuple(a for a in range(3) if a != axis)
    middle = image.shape[axis] // 2 + (6 if axis == 2 else 8)
    local = name in ("focal_lesion", "cavity", "susceptibility")
    at = int(truth.sum(axis=others).argmax()) if local else middle
    return np.rot90(np.take(image, at, axis)), np.rot90(np.take(truth, at, axis))


if __name__ == "__main__":
    main()
