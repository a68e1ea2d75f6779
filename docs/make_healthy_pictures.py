"""Draw docs/images/healthy.png: python docs/make_healthy_pictures.py (needs the development data).

One real T1 brain (IXI, CC BY-SA 3.0) and one label map (SynthSeg, Apache-2.0), and what is made of
them. Prints how long a healthy brain takes, too.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import nibabel as nib
import numpy as np

from napari_itermask import Grid
from napari_itermask.synthetic.ageing import AgeingDraw
from napari_itermask.synthetic.from_labels import brain_from_labels, draw_from_labels
from napari_itermask.synthetic.grown_lesion import add_grown_lesion, draw_grown
from napari_itermask.synthetic.healthy import draw_healthy, healthy_brain
from napari_itermask.synthetic.white_matter import draw_white_matter

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ITERMASK_DATA", ROOT.parent / "shared" / "data"))
GRID = Grid(spacing=(2.0, 2.0, 2.0), shape=(80, 96, 80))
OLD = AgeingDraw(ventricles=2.0, ventricle_reach=4.2, sulci=0.7, sulcus_reach=1.8)
CHANGE = {"flair": 0.5, "t1": -0.4, "t2": 0.8}
TITLES = (
    "drawn",
    "aged",
    "white matter varied",
    "another draw",
    "grown lesion, 15 ml",
    "from labels",
)


def main() -> None:
    """One row a modality."""
    path = sorted((DATA / "healthy-t1-2mm" / "test").glob("*_t1.nii.gz"))[4]
    t1 = np.asarray(nib.load(path).dataobj, np.float32)
    labels = np.asarray(nib.load(str(path).replace("_t1", "_labels")).dataobj, np.uint8)
    heads = nib.as_closest_canonical(nib.load(DATA / "labelmaps-1mm" / "training_seg_09.nii.gz"))
    regions = np.asarray(heads.dataobj).astype(np.int16)
    figure, axes = plt.subplots(3, 6, figsize=(12, 7.2), facecolor="black")
    for row, modality in zip(axes, ("flair", "t1", "t2"), strict=True):
        rng = np.random.default_rng(2)
        draw = replace(draw_healthy(rng, modality), ageing=None, white_matter=None)
        varied = replace(draw_white_matter(rng), front=0.3, back=0.35, rim=0.25)
        other = draw_healthy(rng, modality)
        pictures = [
            healthy_brain(t1, labels, d, GRID.shape)
            for d in (draw, replace(draw, ageing=OLD), replace(draw, white_matter=varied), other)
        ]
        image, brain = pictures[0]
        grown = replace(
            draw_grown(rng, brain, 15.0), seeds=((50, 52, 46),), change=CHANGE[modality]
        )
        pictures.append((add_grown_lesion(image, brain, grown, GRID.spacing)[0], brain))
        pictures.append(
            brain_from_labels(regions, (1.0, 1.0, 1.0), draw_from_labels(rng, modality), GRID)
        )
        for axis, (shown, inside), title in zip(row, pictures, TITLES, strict=True):
            axis.imshow(
                np.rot90(shown[:, :, 44]),
                cmap="gray",
                vmin=0,
                vmax=np.percentile(shown[inside], 99.7),
            )
            axis.axis("off")
            if modality == "t1" and title == "white matter varied":
                axis.clear()  # only FLAIR and T2 vary so
                axis.axis("off")
            if modality == "flair":
                axis.set_title(title, color="white", fontsize=9)
        row[0].text(-6, 48, modality.upper(), color="white", rotation=90, va="center")
    figure.subplots_adjust(0.02, 0, 1, 0.95, 0.01, 0.01)
    figure.savefig(ROOT / "docs" / "images" / "healthy.png", dpi=75)
    begin = time.process_time()
    for _ in range(20):
        healthy_brain(t1, labels, draw_healthy(rng, "flair"), GRID.shape)
    print(f"one FLAIR brain: {(time.process_time() - begin) / 20:.2f} s of one core")


if __name__ == "__main__":
    main()
