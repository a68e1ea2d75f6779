"""Draw the pictures of the docs with the product itself: python docs/make_pictures.py."""

from pathlib import Path

import napari_itermask as itm
from napari_itermask.figures.panel import save_panel
from napari_itermask.scans.files import load_mask
from napari_itermask.synthetic.patient import sample_files

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """The demo's overview of the sample patient."""
    sample = sample_files()
    scan = itm.load_scan(sample.flair)
    run = itm.refine(scan, itm.load_model("flair-2mm"), search=False)
    save_panel(run, IMAGES / "demo.png", truth=load_mask(sample.lesion, scan))


if __name__ == "__main__":
    main()
