"""NIfTI and MGZ in, NIfTI out: a scan with its brain, and results that are whole or not there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

from napari_itermask.notes import Tell, say
from napari_itermask.scans.brain import find_brain
from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.scans.reading import NotStripped, ScanError, mend, read_volume
from napari_itermask.scans.scan import Scan, stem, voxel_ml

PAIRS = (("hdr", "img"), ("HEAD", "BRIK"), ("PAR", "REC"))
"""Formats of two files: the header's ending, the voxels' ending."""


def load_scan(
    path: str | os.PathLike[str],
    brain_mask: str | os.PathLike[str] | None = None,
    strip: str | None = None,
    *,
    tell: Tell | None = None,
) -> Scan:
    """Load a scan and the mask of its brain.

    Parameters
    ----------
    path
        NIfTI-1 or -2 (.nii, .nii.gz, .hdr/.img), MGZ, or what else nibabel reads. 3-D, or 4-D with
        one volume.
    brain_mask
        A file of the same shape and space, above 0 in the brain. None: the scan is taken as
        stripped and its brain is found.
    strip
        Name of an installed skull-stripper ("hd-bet"), for a scan that has its skull.
    tell
        Called with each sentence that a person should know; None: a UserWarning.

    Returns
    -------
    Scan

    Raises
    ------
    ScanError
        If anything about the files makes a result meaningless.

    Warns
    -----
    UserWarning
        Where something was mended or assumed: both codes zero, NaN voxels, thick slices.
    """
    file = Path(path)
    if brain_mask is not None and strip is not None:
        raise ScanError(f"{file} was given a brain mask and a skull-stripper: choose one of them.")
    image, voxels, notes = read_volume(file)
    affine = np.asarray(image.affine, np.float64)
    notes += mend(file, voxels)
    brain = None
    if brain_mask is not None:
        brain = _read_mask(Path(brain_mask), file, voxels.shape, affine)
    scan = scan_of(
        voxels,
        affine,
        str(file),
        brain,
        strip,
        header=image.header.copy(),
        path=file,
        brain_path=Path(brain_mask) if brain_mask is not None else None,
        notes=notes,
    )
    for note in notes:
        say(note, tell)
    return scan


def scan_of(
    voxels: Volume,
    affine: NDArray[np.float64],
    called: str,
    brain: Mask | None = None,
    strip: str | None = None,
    *,
    header: Any = None,
    path: Path | None = None,
    brain_path: Path | None = None,
    notes: Sequence[str] = (),
) -> Scan:
    """Make a scan of voxels that are in memory, with the checks of :func:`load_scan`.

    Parameters
    ----------
    voxels
        ``(X, Y, Z)`` float32, finite.
    affine
        ``(4, 4)``: voxels to world, RAS mm.
    called
        What a refusal calls it: the file, or a layer's name.
    brain, strip
        ``(X, Y, Z)`` bool, or the name of a skull-stripper; neither: the brain is found.

    Raises
    ------
    NotStripped
        If the brain is to be found and the scan seems to have its skull.
    ScanError
        If the brain is empty or of one single value.
    """
    source = "given"
    if brain is not None:
        background = _background(voxels, brain)
    elif strip is not None:
        from napari_itermask.scans.strip import strip_brain

        brain, source = strip_brain(voxels, affine, strip), f"made by {strip}"
        background = _background(voxels, brain)
    else:
        found = find_brain(voxels, voxel_ml(affine))
        brain, background, source = found.mask, found.background, "found"
        if found.problem:
            raise NotStripped(
                f"{called} does not look skull-stripped ({found.problem}): give a brain mask "
                '(--brain-mask FILE, brain_mask="FILE"), or let it be stripped (--strip hd-bet, '
                'strip="hd-bet"; needs pip install "napari-itermask[strip]").'
            )
    _check_brain(called, voxels[brain])
    return Scan(
        image=voxels,
        brain=brain,
        affine=affine,
        background=background,
        header=header,
        path=path,
        brain_path=brain_path,
        brain_source=source,
        notes=tuple(notes),
    )


def load_mask(path: str | os.PathLike[str], scan: Scan) -> Mask:
    """Load a mask drawn on ``scan``, such as a truth: ``(X, Y, Z)`` bool, above 0.

    Raises
    ------
    ScanError
        If it lies elsewhere, has another shape, or is empty.
    """
    return _read_mask(Path(path), scan.path or Path(scan.name), scan.image.shape, scan.affine)


def save_volume(path: Path, volume: NDArray[Any], scan: Scan) -> None:
    """Write ``volume``, in the voxels of ``scan``, as NIfTI with the scan's affine and codes.

    bool is written as uint8. The file appears under its name only when it is complete.
    """
    data = volume.astype(np.uint8 if volume.dtype == bool else volume.dtype)
    # Headers of other formats (MGH) carry no NIfTI codes; the affine alone is kept then.
    header = scan.header if isinstance(scan.header, nib.Nifti1Header) else None
    kind = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    # nibabel is untyped
    image: Any = kind(data, scan.affine, header)  # type: ignore[no-untyped-call]
    image.header.set_slope_inter(1, 0)
    image.set_data_dtype(data.dtype)
    image.header["cal_min"] = image.header["cal_max"] = 0
    if header is None:
        image.header.set_xyzt_units("mm")
    write_whole(path, lambda part: nib.save(image, part))


def write_whole(path: Path, write: Any) -> None:
    """Call ``write(part)`` on a temporary path beside ``path``, then rename: never half a file."""
    ending = "".join(path.suffixes[-2:]) if path.suffixes[-1:] == [".gz"] else path.suffix
    handle, name = tempfile.mkstemp(
        prefix=f".{path.name.split('.')[0]}-", suffix=ending, dir=path.parent
    )
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes a private file; the result is as public as any other the user writes.
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex; of a scan in two files: of both, the header first."""
    digest = hashlib.sha256()
    for part in _parts(path):
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _read_mask(file: Path, scan: Path, shape: tuple[int, ...], affine: NDArray[np.float64]) -> Mask:
    image, voxels, _ = read_volume(file)
    if voxels.shape != shape:
        raise ScanError(
            f"{file} has the shape {voxels.shape}, {scan} {shape}: give the mask drawn on "
            "this scan, or resample it first."
        )
    apart = _apart(np.asarray(image.affine), affine, shape)
    if apart > 0.1 * voxel_sizes(affine).min():
        raise ScanError(
            f"{file} lies elsewhere than {scan} (their corners are up to {apart:.3g} mm apart): "
            "give the mask drawn on this scan, or resample it first."
        )
    brain: Mask = np.nan_to_num(voxels) > 0
    if not brain.any():
        raise ScanError(f"{file} is an empty mask, no voxel is above 0: draw it, or give another.")
    if brain.all():
        raise ScanError(f"{file} covers the whole volume: give a mask above 0 in the brain only.")
    return brain


def _apart(one: NDArray[Any], other: NDArray[Any], shape: tuple[int, ...]) -> float:
    """How far apart, in mm, two affines put a corner of the same volume at most."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1)
    away = apply_affine(one, corners) - apply_affine(other, corners)
    return float(np.sqrt((away**2).sum(1)).max())


def _check_brain(file: str, inside: NDArray[np.float32]) -> None:
    if inside.size == 0:
        raise ScanError(f"{file} shows no brain: give a brain mask drawn on this scan.")
    if inside.min() == inside.max():
        raise ScanError(
            f"{file} shows one single value, {inside[0]:g}, all over its brain: give a scan rather "
            "than a mask, and a brain mask that lies on the brain."
        )


def _background(voxels: Volume, brain: Mask) -> float:
    values, counts = np.unique(voxels[~brain], return_counts=True)
    return float(values[counts.argmax()]) if values.size else float(voxels.min())


def _parts(path: Path) -> list[Path]:
    """The file alone, or for a format of two files both that are there, the header first."""
    packed = ".gz" if path.suffix == ".gz" else ""
    base, _, ending = path.name.removesuffix(packed).rpartition(".")
    pair: tuple[str, ...] = next((p for p in PAIRS if ending in p), ())
    names = [f"{base}.{kind}{gz}" for kind in pair for gz in ("", ".gz")]
    return [p for name in names if (p := path.with_name(name)).exists()] or [path]


__all__ = [
    "NotStripped",
    "ScanError",
    "load_mask",
    "load_scan",
    "save_volume",
    "scan_of",
    "sha256",
    "stem",
    "write_whole",
]
