"""How good are the embedded models? Every figure that a model's card states, measured again.

    python benchmarks/models.py [--model NAME_OR_FOLDER] [--data ../shared/data] [--card]

Without ``--model`` every embedded model is measured. On real lesions: "own" is the Dice of the mask
that the method stops at with the card's settings; "oracle" that of the best threshold on its error
map, the truth in hand; each beside the same figure of the plain intensity (the scan as the network
sees it), which has no own mask: there "own" is a threshold of one half interquartile range above
the third quartile (Tukey's inner fence at 0.5). On healthy scans: how much is masked. On test
brains that no training saw: synthetic lesions by volume, and how well three scores of a scan tell
the published artefacts from healthy ones. ``--card`` writes the figures into the model's card.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from threshold import SIZES, add_common, measure as synthetic_lesions, name_of

import napari_itermask as itm
from napari_itermask.method.scores import (
    anomaly_scores,
    detection,
    oracle_threshold,
    overlap,
    voxel_ranking,
)
from napari_itermask.models.card import Measured
from napari_itermask.models.store import EMBEDDED, write_card
from napari_itermask.result import Run
from napari_itermask.scans.scan import Scan
from napari_itermask.scans.strip import available_strippers
from napari_itermask.training.artefacts import PUBLISHED, spoilt
from napari_itermask.training.calibrated import healthy_copies
from napari_itermask.training.prepared import load_brains

COMMAND = "python benchmarks/models.py --card"
SCORES = ("final_mask_size", "mean_error", "mean_error_brain")
THICK = "-5mm"
"""End of the name of a case that was averaged to 5 mm slices; no mean counts it."""
REAL = ("own-mask Dice", "oracle-threshold Dice", "voxel AUPRC in the brain")


def main() -> None:
    """Measure each model, print, and write the cards if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_common(parser)
    parser.set_defaults(model=None)
    parser.add_argument("--card", action="store_true", help="write the figures into the card")
    args = parser.parse_args()
    if not (args.data / "cases").is_dir():
        parser.error(f"{args.data} holds no folder 'cases': give --data or ITERMASK_DATA.")
    warnings.simplefilter("ignore")
    names = [args.model] if args.model else sorted(f.name for f in EMBEDDED.iterdir() if f.is_dir())
    for name in names:
        model = itm.load_model(name)
        print(f"\n{model.card.name}")
        figures: list[Measured] = []
        for measure in (real_lesions, healthy, by_volume, artefacts):
            for figure in measure(model, args.data, args.brains):
                print(
                    f"  {figure.name:<52}{figure.data:<34}{figure.value:>8.3f} {figure.unit}",
                    flush=True,
                )
                figures.append(figure)
        if args.card:
            changes = {"measured": tuple(figures), "measured_by": COMMAND}
            write_card(model.weights.parent, model.card.model_copy(update=changes))


def real_lesions(model: itm.Model, data: Path, _brains: int) -> Iterator[Measured]:
    """Every case with a scan of the model's modality and a lesion mask; none on T1.

    Lesions hardly show on T1 (data/README.md): there is nothing to be right about.
    """
    modality = model.card.modality
    if modality == "t1":
        return
    rows = []
    files = sorted(data.glob(f"cases/*/{modality}.nii.gz"))
    files = [f for f in files if f.with_name("lesion.nii.gz").exists()]
    with tempfile.TemporaryDirectory() as folder:
        thick = [thick_slices(f, Path(folder)) for f in files if f.parent.name == "ms-19"]
        for file in [*files, *thick]:
            row = one_case(file, model)
            rows.append((file.parent.name, row))
            for key, value in row.items():
                yield Measured(name=key, value=round(value, 3), data=file.parent.name)
    whole = [row for name, row in rows if not name.endswith(THICK)]
    for key in whole[0] if whole else ():
        mean = float(np.mean([row[key] for row in whole]))
        yield Measured(name=f"{key}, mean", value=round(mean, 3), data=f"{len(whole)} cases")


def one_case(file: Path, model: itm.Model) -> dict[str, float]:
    """The three figures of a case, and those of its plain intensity."""
    brain = file.with_name("brainmask.nii.gz")
    scan = itm.load_scan(file, brain if brain.exists() else None)
    run = itm.refine(scan, model, search=False)
    truth = np.asarray(nib.load(file.with_name("lesion.nii.gz")).dataobj) > 0
    plain = plain_intensity(run)
    first, third = np.percentile(plain[scan.brain], [25, 75])
    fence = (plain > third + 0.5 * (third - first)) & scan.brain
    values = {}
    for suffix, mask, ranked in (("", run.mask, run.error), (", plain intensity", fence, plain)):
        own = overlap(mask, truth).dice
        oracle = oracle_threshold(ranked, truth, scan.brain)[1]
        area = voxel_ranking(ranked, truth, scan.brain)["auprc"]
        values |= {k + suffix: v for k, v in zip(REAL, (own, oracle, area), strict=True)}
    return values


def plain_intensity(run: Run) -> np.ndarray:
    """The scan as the network sees it, bias taken off, back in its own voxels: the baseline."""
    assert run.on_grid is not None
    return run.on_grid.placement.to_scan(run.on_grid.image, run.on_grid.brain, outside=-100.0)


def thick_slices(file: Path, folder: Path, factor: int = 5) -> Path:
    """Average a 1 mm case to 5 mm slices (the truth by majority) and return its scan."""
    out = folder / f"{file.parent.name}{THICK}"
    out.mkdir()
    for part in (file, file.with_name("lesion.nii.gz")):
        image: Any = nib.load(part)
        voxels = np.asarray(image.dataobj, np.float32)
        depth = voxels.shape[2] // factor * factor
        blocks = voxels[:, :, :depth].reshape(*voxels.shape[:2], -1, factor).mean(-1)
        if part != file:
            blocks = (blocks > 0.5).astype(np.float32)
        affine = image.affine @ np.diag([1.0, 1.0, factor, 1.0])
        affine[:3, 3] += image.affine[:3, 2] * (factor - 1) / 2
        nib.save(nib.Nifti1Image(blocks, affine), out / part.name)
    return out / file.name


def healthy(model: itm.Model, data: Path, brains: int) -> Iterator[Measured]:
    """False alarms: ml masked in every healthy scan of the model's modality."""
    title = "false alarm"
    for scan, name in healthy_scans(model, data):
        run = itm.refine(scan, model, search=False)
        yield Measured(name=title, value=round(run.mask_ml, 1), unit="ml", data=name)
    found = [itm.refine(s, model, search=False).mask_ml for s in test_scans(model, data, brains)]
    for word, value in (("median", np.median(found)), ("worst", np.max(found))):
        data_name = f"{len(found)} healthy test brains"
        yield Measured(
            name=f"{title}, {word}", value=round(float(value), 1), unit="ml", data=data_name
        )


def healthy_scans(model: itm.Model, data: Path) -> Iterator[tuple[Scan, str]]:
    """Real healthy scans of the model's modality; one with its skull is stripped by HD-BET."""
    for file in sorted(data.glob(f"cases/healthy-*/{model.card.modality}.nii.gz")):
        head = file.parent.name.startswith("healthy-head")
        if head and "hd-bet" not in available_strippers():
            print(f"  {file.parent.name} is left out: install napari-itermask[strip] to strip it")
            continue
        yield itm.load_scan(file, strip="hd-bet" if head else None), file.parent.name


def test_scans(model: itm.Model, data: Path, brains: int) -> Iterator[Scan]:
    """One healthy copy of each test brain: real T1, else translated to the model's modality."""
    folder = data / "healthy-t1-2mm" / "test"
    if model.card.modality == "t1":
        for file in sorted(folder.glob("*_t1.nii.gz"))[:brains]:
            labels = file.with_name(file.name.replace("_t1", "_labels"))
            yield itm.load_scan(file, labels)
        return
    rng = np.random.default_rng(5)
    affine = np.diag([*model.card.grid.spacing, 1.0])
    for image, brain in healthy_copies(model.card, load_brains(folder)[:brains], rng, 1):
        yield Scan(image, brain, affine)


def by_volume(model: itm.Model, data: Path, brains: int) -> Iterator[Measured]:
    """Own-mask Dice on synthetic lesions by volume, median over the test brains."""
    found = list(synthetic_lesions(model, data, brains, copies=("plain",)))
    for size in map(name_of, SIZES):
        some = [f.own for f in found if f.size == size]
        name = f"own-mask Dice, synthetic lesion of {size}"
        yield Measured(
            name=name, value=round(float(np.median(some)), 3), data=f"{len(some)} test brains"
        )


def artefacts(model: itm.Model, data: Path, brains: int) -> Iterator[Measured]:
    """Detection of each published effect against the healthy test scans; T1 models only."""
    if model.card.modality != "t1":
        return
    scans = list(test_scans(model, data, brains))
    clean = [scores_of(scan, model) for scan in scans]
    areas: dict[str, list[float]] = {score: [] for score in SCORES}
    for name in PUBLISHED:
        rng = np.random.default_rng(6)
        worse = [scores_of(spoilt(scan, name, rng), model) for scan in scans]
        for score in SCORES:
            told = detection([c[score] for c in clean], [s[score] for s in worse])
            areas[score].append(told["auroc"])
            for key, value in told.items():
                yield Measured(name=f"{key.upper()} of {score}", value=round(value, 3), data=name)
    for score, values in areas.items():
        yield Measured(
            name=f"AUROC of {score}, mean",
            value=round(float(np.mean(values)), 3),
            data=f"{len(values)} published effects",
        )


def scores_of(scan: Scan, model: itm.Model) -> dict[str, float]:
    """The scores of one scan, on the model's grid."""
    run = itm.refine(scan, model, search=False)
    assert run.last is not None
    assert run.on_grid is not None
    return anomaly_scores(
        run.last.mask, run.last.error, run.on_grid.brain, run.on_grid.placement.spacing
    )


if __name__ == "__main__":
    main()
