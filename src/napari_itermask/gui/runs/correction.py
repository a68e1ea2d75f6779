"""How is a mask that a person corrected kept: beside the automatic one, with where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from napari_itermask.record import versions
from napari_itermask.scans.files import save_volume, sha256, write_whole
from napari_itermask.scans.scan import Scan

AUTOMATIC = "mask.nii.gz"


class Correction(BaseModel):
    """What corrected.json says of the mask beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    created: str
    mask: str
    """The corrected mask's file."""
    automatic: str
    """The file that was corrected."""
    automatic_sha256: str
    voxels_added: int
    voxels_removed: int
    ml: float
    """Volume of the corrected mask."""
    note: str = ""
    version: str = ""


def save_correction(folder: Path, mask: NDArray[np.bool_], note: str = "") -> Path:
    """Write a hand-corrected mask into a run's folder; an earlier one is never replaced.

    Parameters
    ----------
    folder
        The run's folder, with its mask.nii.gz.
    mask
        ``(X, Y, Z)`` bool, in the scan's own voxels.
    note
        What the user wants to say about it.

    Returns
    -------
    Path
        corrected.nii.gz, or corrected-2.nii.gz and so on; the .json beside holds its provenance.

    Raises
    ------
    ValueError
        If the mask has other voxels than the automatic one.
    OSError
        If it cannot be written; nothing half-written is left.
    """
    automatic = folder / AUTOMATIC
    image: Any = nib.load(automatic)
    before = np.asarray(image.dataobj) > 0
    if mask.shape != before.shape:
        raise ValueError(
            f"the corrected mask has the shape {mask.shape}, {automatic} {before.shape}: correct "
            "the mask layer of this run."
        )
    affine = np.asarray(image.affine, np.float64)
    place = Scan(before.astype(np.float32), np.ones_like(before), affine, header=image.header)
    with _next_name(folder) as name:
        path = folder / f"{name}.nii.gz"
        provenance = Correction(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            mask=path.name,
            automatic=AUTOMATIC,
            automatic_sha256=sha256(automatic),
            voxels_added=int(np.count_nonzero(mask & ~before)),
            voxels_removed=int(np.count_nonzero(before & ~mask)),
            ml=float(np.count_nonzero(mask)) * place.voxel_ml,
            note=note,
            version=versions()["napari-itermask"],
        )
        text = provenance.model_dump_json(indent=2) + "\n"
        write_whole(folder / f"{name}.json", lambda part: part.write_text(text, encoding="utf-8"))
        try:
            save_volume(path, mask.astype(bool), place)
        except BaseException:
            (folder / f"{name}.json").unlink(missing_ok=True)
            raise
    return path


def corrected_masks(folder: Path) -> list[Path]:
    """The hand-corrected masks in a run's folder, in the order they were made."""
    return sorted(folder.glob("corrected*.nii.gz"), key=lambda path: (len(path.name), path.name))


@contextmanager
def _next_name(folder: Path) -> Iterator[str]:
    """The first name that is free, claimed against other windows while the block writes."""
    for number in count(1):
        name = "corrected" if number == 1 else f"corrected-{number}"
        taken, claim = folder / f"{name}.nii.gz", folder / f".{name}"
        if taken.exists():
            continue
        try:
            claim.open("x").close()
        except FileExistsError:
            continue
        try:
            if not taken.exists():
                yield name
                return
        finally:
            claim.unlink(missing_ok=True)
