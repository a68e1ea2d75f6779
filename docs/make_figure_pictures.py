"""Draw the pictures of figures.md with the commands that stand there.

``python docs/make_figure_pictures.py`` refines the sample patient and six more that are made the
same way (which needs nilearn, as developers have it), and draws them.
"""

import os
import shlex
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import typer

import napari_itermask as itm
from napari_itermask.figures_command import figure
from napari_itermask.synthetic.patient import make_patient, sample_files

IMAGES = Path(__file__).parent.resolve() / "images"
PATIENTS = range(11, 17)
COMMANDS = {
    "panel": "panel run --truth lesion.nii.gz --slices 'A 22 S -28'"
    " --columns input,guide,mask@1,reconstruction,error,mask,agreement",
    "lightbox": "lightbox run --truth lesion.nii.gz --every 10 --width 85",
    "curve": "curve searched",
    "passes": "passes run",
    "roc": "roc run searched --truth lesion.nii.gz --label calibrated --label tangent",
    "dice": "dice 'patients/*/run' --truth 'patients/*/lesion.nii.gz' --by lesion --width 85",
    "paired": "paired 'patients/*/run' --against 'patients/*/finer'"
    " --truth 'patients/*/lesion.nii.gz' --set-name '2 mm' --set-name '1.6 mm' --width 85",
}


def main() -> None:
    """Make the runs in a folder of their own, then each picture."""
    app = typer.Typer()
    app.command(name="figure")(figure)
    command = typer.main.get_command(app)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_runs()
        for name, line in COMMANDS.items():
            out = ["--out", str(IMAGES / f"figure-{name}.png"), "--overwrite"]
            words = [*shlex.split(line), *out, "--dpi", "150", "--no-recipe"]
            command.main(words, standalone_mode=False)
        os.chdir(IMAGES)


def make_runs() -> None:
    """The sample with the card's settings and with the paper's rule, and the other patients."""
    model, sample = itm.load_model("flair-2mm"), sample_files()
    Path("lesion.nii.gz").write_bytes(sample.lesion.read_bytes())
    scan = itm.load_scan(sample.flair)
    itm.refine(scan, model, search=False).save("run", passes=True)
    tangent = model.card.settings.replace(threshold_rule="tangent")
    itm.refine(scan, model, tangent).save("searched", passes=True)
    for seed in PATIENTS:
        patient, folder = make_patient(seed), Path("patients") / str(seed)
        folder.mkdir(parents=True)
        for name, volume in (("flair", patient.image), ("lesion", patient.lesion)):
            image = nib.Nifti1Image(volume.astype(np.uint8), patient.affine)
            nib.save(image, folder / f"{name}.nii.gz")
        scan = itm.load_scan(folder / "flair.nii.gz")
        finer = model.card.settings.replace(smoothing=1.6)
        itm.refine(scan, model, search=False).save(folder / "run")
        itm.refine(scan, model, finer, search=False).save(folder / "finer")


if __name__ == "__main__":
    main()
