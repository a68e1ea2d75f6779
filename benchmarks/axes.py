"""Does the mask depend on how a scan's axes lie? Dice of rewritten copies with the original.

    python benchmarks/axes.py [--model flair-2mm] [--data ../shared/data]

The sample and every real FLAIR with a lesion is written again with permuted and flipped axes, and
on axes turned by 8, -6 and 10 degrees (cubic, the brain's rim kept clear of the background); each
copy is refined, and its mask compared with the original's, brought to the same voxels. Beside it
stands what another noise seed alone changes.
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import Rotation

import napari_itermask as itm
from napari_itermask.method.scores import overlap
from napari_itermask.synthetic.patient import sample_files

TURN = Rotation.from_euler("xyz", [8, -6, 10], degrees=True).as_matrix()
ORDERS = ("PIR", "SRA")


def main() -> None:
    """Print a line per scan."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("ITERMASK_DATA", Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--model", default="flair-2mm")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    model = itm.load_model(args.model)
    cases = [f.with_name("flair.nii.gz") for f in sorted(args.data.glob("cases/*/lesion.nii.gz"))]
    print(f"{'scan':<24}{'other seed':>11}{''.join(f'{o:>7}' for o in ORDERS)}{'oblique':>9}")
    for file in [sample_files().flair, *cases]:
        scan = itm.load_scan(file)
        run = itm.refine(scan, model, search=False)
        mask = nib.Nifti1Image(run.mask.astype(np.float32), scan.affine)
        seed = itm.refine(scan, model, model.card.settings.replace(seed=1), search=False)
        found = [overlap(seed.mask, run.mask).dice]
        for order in ORDERS:
            turned, expected = reordered(scan, order), reordered_image(mask, order)
            found.append(overlap(itm.refine(turned, model, search=False).mask, expected).dice)
        turned, target = oblique(scan)
        expected = np.asarray(resample_from_to(mask, target, order=1).dataobj) > 0.5
        found.append(overlap(itm.refine(turned, model, search=False).mask, expected).dice)
        name = "sample" if file == sample_files().flair else file.parent.name
        print(f"{name:<24}{found[0]:>11.3f}{found[1]:>7.3f}{found[2]:>7.3f}{found[3]:>9.3f}")


def reordered(scan: itm.Scan, order: str) -> itm.Scan:
    """The scan with its axes in another order and direction."""
    image = reorient(nib.Nifti1Image(scan.image, scan.affine), order)
    brain = reorient(nib.Nifti1Image(scan.brain.astype(np.uint8), scan.affine), order)
    return itm.Scan(
        image=np.asarray(image.dataobj), brain=np.asarray(brain.dataobj) > 0, affine=image.affine
    )


def reordered_image(mask: nib.Nifti1Image, order: str) -> np.ndarray:
    """A mask in that order."""
    return np.asarray(reorient(mask, order).dataobj) > 0.5


def reorient(image: nib.Nifti1Image, order: str) -> nib.Nifti1Image:
    """nibabel's way to write axes in the order of those letters."""
    now = nib.orientations.io_orientation(image.affine)
    return image.as_reoriented(
        nib.orientations.ornt_transform(now, nib.orientations.axcodes2ornt(order))
    )


def oblique(scan: itm.Scan) -> tuple[itm.Scan, tuple[tuple[int, ...], np.ndarray]]:
    """The scan on turned axes, and those axes as (shape, affine)."""
    canonical = nib.as_closest_canonical(nib.Nifti1Image(scan.image, scan.affine))
    shape = np.array(canonical.shape) + 40
    affine = np.eye(4)
    affine[:3, :3] = TURN * canonical.header.get_zooms()
    middle = canonical.affine @ [*(np.array(canonical.shape) / 2), 1]
    affine[:3, 3] = middle[:3] - affine[:3, :3] @ (shape / 2)
    target = (tuple(int(n) for n in shape), affine)
    nearest = distance_transform_edt(~scan.brain, return_distances=False, return_indices=True)
    filled = nib.Nifti1Image(scan.image[tuple(nearest)], scan.affine)
    inside = nib.Nifti1Image(scan.brain.astype(np.float32), scan.affine)
    image = np.asarray(resample_from_to(filled, target, order=3, mode="nearest").dataobj)
    brain = np.asarray(resample_from_to(inside, target, order=1).dataobj) > 0.5
    return itm.Scan(image=(image * brain).astype(np.float32), brain=brain, affine=affine), target


if __name__ == "__main__":
    main()
