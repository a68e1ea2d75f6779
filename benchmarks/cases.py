"""How good is a FLAIR model on real lesions? Own-mask and oracle Dice, beside the plain intensity.

    python benchmarks/cases.py [--model flair-2mm] [--data ../shared/data] [--card MODEL_FOLDER]

Every case of the data folder with a FLAIR and a lesion mask is refined with the settings of the
model's card. "own" is the mask that the method stopped at; "oracle" the best threshold on its error
map, and "intensity" the best threshold on the plain (bias-corrected) FLAIR, both with the truth in
hand; "AUPRC" ranks voxels within the brain. ms-19 is also averaged to 5 mm slices. ``--card``
writes the figures into that model's card.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

import napari_itermask as itm
from napari_itermask.method.scores import oracle_threshold, overlap, voxel_ranking
from napari_itermask.models.card import Measured
from napari_itermask.models.store import read_card, write_card
from napari_itermask.run import Run

COMMAND = "python benchmarks/cases.py"
BRATS = "glioma-brats2013"


def main() -> None:
    """Measure, print, and write the card if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("ITERMASK_DATA", Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--model", default="flair-2mm")
    parser.add_argument("--card", type=Path, help="model folder whose card takes the figures")
    args = parser.parse_args()
    if not (args.data / "cases").is_dir():
        parser.error(f"{args.data} holds no folder 'cases': give --data or ITERMASK_DATA.")
    warnings.simplefilter("ignore")
    model = itm.load_model(args.model)
    _ = model.network
    rows = [measure(f, model) for f in sorted(args.data.glob("cases/*/flair.nii.gz"))]
    rows = [row for row in rows if row]
    with tempfile.TemporaryDirectory() as folder:
        rows.append(measure(thick_slices(args.data / "cases" / "ms-19", Path(folder)), model))
    print_table(rows)
    means = summary(rows)
    for name, value in means.items():
        print(f"{name}: {value:.3f}")
    if args.card:
        figures = [
            *case_figures(rows),
            *(Measured(name=k, value=round(v, 3)) for k, v in means.items()),
        ]
        card = read_card(args.card).model_copy(
            update={"measured": tuple(figures), "measured_by": COMMAND}
        )
        write_card(args.card, card)


def measure(flair: Path, model: itm.Model) -> dict[str, Any]:
    """Refine one case; empty if it has no truth or its skull."""
    truth_file = flair.with_name("lesion.nii.gz")
    if not truth_file.exists():
        return {}
    brain = flair.with_name("brainmask.nii.gz")
    begin = time.perf_counter()
    scan = itm.load_scan(flair, brain if brain.exists() else None)
    run = itm.refine(scan, model)
    seconds = time.perf_counter() - begin
    truth = np.asarray(nib.load(truth_file).dataobj) > 0
    own = overlap(run.mask, truth, scan.spacing)
    return {
        "case": flair.parent.name,
        "truth_ml": own.truth_ml,
        "mask_ml": own.mask_ml,
        "own": own.dice,
        "oracle": oracle_threshold(run.error, truth, scan.brain)[1],
        "intensity": oracle_threshold(plain_intensity(run), truth, scan.brain)[1],
        "auprc": voxel_ranking(run.error, truth, scan.brain)["auprc"],
        "auprc_intensity": voxel_ranking(plain_intensity(run), truth, scan.brain)["auprc"],
        "seconds": seconds,
    }


def plain_intensity(run: Run) -> np.ndarray:
    """The scan as the network sees it, bias taken off, back in its own voxels: the baseline."""
    assert run.on_grid is not None
    return run.on_grid.placement.to_scan(run.on_grid.image, run.on_grid.brain, outside=-100.0)


def thick_slices(case: Path, folder: Path, factor: int = 5) -> Path:
    """Average a 1 mm case to 5 mm slices (the truth by majority) and return its FLAIR."""
    out = folder / f"{case.name}-5mm"
    out.mkdir()
    for name in ("flair", "lesion"):
        image: Any = nib.load(case / f"{name}.nii.gz")
        voxels = np.asarray(image.dataobj, np.float32)
        depth = voxels.shape[2] // factor * factor
        blocks = voxels[:, :, :depth].reshape(*voxels.shape[:2], -1, factor).mean(-1)
        if name == "lesion":
            blocks = (blocks > 0.5).astype(np.float32)
        affine = image.affine @ np.diag([1.0, 1.0, factor, 1.0])
        affine[:3, 3] += image.affine[:3, 2] * (factor - 1) / 2
        nib.save(nib.Nifti1Image(blocks, affine), out / f"{name}.nii.gz")
    return out / "flair.nii.gz"


def print_table(rows: list[dict[str, Any]]) -> None:
    """One line per case."""
    print(
        f"{'case':<24}{'truth ml':>9}{'mask ml':>9}{'own':>7}{'oracle':>8}{'intensity':>10}"
        f"{'AUPRC':>7}{'(int.)':>7}{'s':>7}"
    )
    for r in rows:
        print(
            f"{r['case']:<24}{r['truth_ml']:>9.1f}{r['mask_ml']:>9.1f}{r['own']:>7.2f}"
            f"{r['oracle']:>8.2f}{r['intensity']:>10.2f}{r['auprc']:>7.2f}"
            f"{r['auprc_intensity']:>7.2f}{r['seconds']:>7.1f}"
        )


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Means over the cases at their own resolution, and over the brats2013 ones."""
    whole = [r for r in rows if not r["case"].endswith("-5mm")]
    brats = [r for r in whole if r["case"].startswith(BRATS)]
    return {
        "own-mask Dice, mean of all cases": float(np.mean([r["own"] for r in whole])),
        "own-mask Dice, mean of brats2013": float(np.mean([r["own"] for r in brats])),
        "oracle Dice, mean of all cases": float(np.mean([r["oracle"] for r in whole])),
        "plain intensity, oracle Dice, mean of all cases": float(
            np.mean([r["intensity"] for r in whole])
        ),
    }


def case_figures(rows: list[dict[str, Any]]) -> list[Measured]:
    """The figures of each case, as a card states them."""
    return [
        Measured(name=title, value=round(r[key], 3), data=r["case"])
        for r in rows
        for title, key in (
            ("own-mask Dice", "own"),
            ("oracle-threshold Dice", "oracle"),
            ("voxel AUPRC in the brain", "auprc"),
            ("oracle Dice of the plain intensity", "intensity"),
        )
    ]


if __name__ == "__main__":
    main()
