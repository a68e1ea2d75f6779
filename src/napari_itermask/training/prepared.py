"""The scans of a training on its grid: each read, checked and brought there once, kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_itermask.notes import Tell
from napari_itermask.scans.files import load_scan, sha256, write_whole
from napari_itermask.scans.grid import Grid, box_of, place
from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.scans.reading import ScanError, read_volume
from napari_itermask.training.sources import FEWEST, Item

Labels = NDArray[np.uint8]
Spacing = tuple[float, float, float]
TOLERATED = 0.25
"""Share of scans that may be left out because they cannot be read; more is a wrong folder."""


@dataclass(frozen=True)
class Brain:
    """A stripped T1 scan and its region labels, on one grid along RAS: ``(X, Y, Z)``."""

    name: str
    t1: Volume
    labels: Labels


@dataclass(frozen=True)
class Prepared:
    """One scan on the grid, read from ``file`` when it is needed."""

    item: Item
    file: Path
    digest: str

    @property
    def labelled(self) -> bool:
        """Whether its contrast is translated from a T1 scan by region labels."""
        return self.item.labels is not None

    def scan(self) -> tuple[Volume, Mask]:
        """Image, 0 outside the brain, and brain mask of a plain scan."""
        with np.load(self.file) as held:
            return held["image"], held["brain"]

    def labelled_brain(self) -> Brain:
        """A T1 scan and its labels."""
        with np.load(self.file) as held:
            return Brain(self.item.name, held["image"], held["labels"])


def prepare(
    items: Sequence[Item], grid: Grid, folder: Path, strip: str | None, tell: Tell
) -> list[Prepared]:
    """Bring every scan to the grid; what ``folder`` holds already is taken from there.

    A scan that cannot be used is left out, and said.

    Raises
    ------
    ScanError
        If too many of them cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def one(item: Item) -> Prepared | str:
        try:
            return _prepare(item, grid, folder, strip)
        except (ScanError, ValueError) as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(one, items))
    done = [r for r in results if isinstance(r, Prepared)]
    refused = [r for r in results if isinstance(r, str)]
    if len(refused) > TOLERATED * len(items) or len(done) < min(FEWEST, len(items)):
        raise ScanError(
            f"{len(refused)} of {len(items)} scans cannot be used; the first: {refused[0]}"
        )
    for sentence in refused:
        tell(f"left out: {sentence}")
    return done


def load_brains(folder: Path) -> list[Brain]:
    """Read every ``*_t1.nii.gz`` of ``folder`` that has a ``*_labels.nii.gz`` beside it, as it is.

    Raises
    ------
    ValueError
        If there is none.
    """
    brains = []
    for path in sorted(folder.glob("*_t1.nii.gz")):
        labels = path.with_name(path.name.replace("_t1.nii.gz", "_labels.nii.gz"))
        if labels.exists():
            image, regions = read_volume(path)[1], read_volume(labels)[1]
            brains.append(Brain(path.name.split("_t1")[0], image, regions.astype(np.uint8)))
    if not brains:
        raise ValueError(f"{folder} holds no *_t1.nii.gz with a *_labels.nii.gz beside it.")
    return brains


def _prepare(item: Item, grid: Grid, folder: Path, strip: str | None) -> Prepared:
    digest = hashlib.sha256()
    for path in (item.image, item.brain, item.labels):
        if path is not None:
            digest.update(sha256(path).encode())
    key = hashlib.sha256(f"{digest.hexdigest()} {grid.model_dump_json()} {strip}".encode())
    file = folder / f"{item.name}-{key.hexdigest()[:12]}.npz"
    if not file.exists():
        arrays = _labelled(item, grid) if item.labels else _plain(item, grid, strip)
        write_whole(file, lambda part: np.savez(part, **arrays))
    return Prepared(item, file, digest.hexdigest())


def _plain(item: Item, grid: Grid, strip: str | None) -> dict[str, Any]:
    scan = load_scan(item.image, item.brain, None if item.brain else strip, tell=_silent)
    placement = place(scan.brain, scan.affine, grid)
    image, brain = placement.to_grid(scan.image, scan.brain)
    return {"image": _cut(image, grid.shape), "brain": _cut(brain, grid.shape)}


def _labelled(item: Item, grid: Grid) -> dict[str, Any]:
    """T1 and labels along RAS at the grid's spacing, cut to the brain and one voxel around it."""
    assert item.labels is not None
    image, t1, _ = read_volume(item.image)
    drawn, labels, _ = read_volume(item.labels)
    if labels.shape != t1.shape or not np.allclose(drawn.affine, image.affine, atol=1e-3):
        raise ScanError(f"{item.labels} does not lie on {item.image}: give labels drawn on it.")
    brain = labels > 0
    if not brain.any():
        raise ScanError(f"{item.labels} labels nothing: give region labels, above 0 in the brain.")
    placement = place(brain, np.asarray(image.affine), grid)
    on_grid, _ = placement.to_grid(t1, brain)
    from nibabel.processing import resample_from_to

    whole: Any = nib.Nifti1Image(labels.astype(np.uint8), drawn.affine)
    target = (placement.shape, placement.affine)
    regions = np.asarray(resample_from_to(whole, target, order=0).dataobj)
    box = tuple(slice(max(0, b.start - 1), b.stop + 1) for b in box_of(regions > 0))
    return {"image": on_grid[box], "labels": regions[box].astype(np.uint8)}


def _cut(volume: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[Any]:
    """The middle of a volume that a large brain has made larger than the grid."""
    start = [(have - want) // 2 for have, want in zip(volume.shape, shape, strict=True)]
    return volume[tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))]


def _silent(_: str) -> None:
    """What load_scan would warn of each scan is no news in a training."""
