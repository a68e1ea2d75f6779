"""NIfTI and MGZ in, NIfTI out: what is wrong with a file is said in one sentence, before any work.

nibabel opens nearly every broken header in silence, so the checks here are ours, in the order of
what they cost: path, header, memory, affine, then voxels.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import warnings
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import psutil
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, SpatialImage
from numpy.typing import NDArray

from napari_itermask.scans.brain import find_brain
from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.scans.scan import Scan, stem

BYTES_PER_VOXEL = 20
"""What loading holds at its peak: the file's voxels, float32 copies, masks and labels."""


class ScanError(ValueError):
    """A file that cannot be used; the message says which, why, and what to do."""


def load_scan(
    path: str | os.PathLike[str],
    brain_mask: str | os.PathLike[str] | None = None,
    strip: str | None = None,
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
    image, voxels, notes = _read(file)
    affine = np.asarray(image.affine, np.float64)
    notes += _mend(file, voxels)
    source = "given"
    if brain_mask is not None:
        brain = _read_mask(Path(brain_mask), file, voxels.shape, affine)
        background = _background(voxels, brain)
    elif strip is not None:
        from napari_itermask.scans.strip import strip_brain

        brain, source = strip_brain(voxels, affine, strip), f"made by {strip}"
        background = _background(voxels, brain)
    else:
        voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
        found = find_brain(voxels, voxel_ml)
        brain, background, source = found.mask, found.background, "found"
        if found.problem:
            raise ScanError(
                f"{file} does not look skull-stripped: {found.problem}. Give a brain mask "
                '(--brain-mask FILE, brain_mask="FILE"), or let it be stripped (--strip hd-bet, '
                'strip="hd-bet"; needs pip install "napari-itermask[strip]").'
            )
    if not brain.any():
        raise ScanError(f"no brain was {source} in {file}: give a brain mask drawn on this scan.")
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return Scan(
        image=voxels,
        brain=brain,
        affine=affine,
        background=background,
        header=image.header.copy(),
        path=file,
        brain_path=Path(brain_mask) if brain_mask is not None else None,
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
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(file: Path) -> tuple[SpatialImage, Volume, list[str]]:
    image = _open(file)
    shape = _shape_of_volume(file, image)
    _check_memory(file, shape)
    notes = _check_affine(file, image)
    dtype = image.get_data_dtype()
    if dtype.fields is not None or np.issubdtype(dtype, np.complexfloating):
        raise ScanError(
            f"{file} holds {'colours' if dtype.fields else 'complex numbers'}, not intensities: "
            "give the grey-scale (magnitude) image."
        )
    try:
        with np.errstate(all="ignore"):
            voxels = np.asanyarray(image.dataobj).reshape(shape).astype(np.float32)
    except (EOFError, OSError, zlib.error, ValueError) as error:
        raise ScanError(
            f"{file} is damaged or cut short ({_first_line(error)}): copy or download it again."
        ) from None
    except MemoryError:
        raise ScanError(f"{file} does not fit in memory: crop it or resample it first.") from None
    return image, voxels, notes


def _open(file: Path) -> SpatialImage:
    if file.is_dir():
        raise ScanError(_about_folder(file))
    if not file.exists():
        raise ScanError(f"{file} does not exist: check the path.")
    try:
        if file.stat().st_size == 0:
            raise ScanError(f"{file} is empty (0 bytes): copy or download it again.")
        image = nib.load(file)
    except PermissionError:
        raise ScanError(f"{file} may not be read: ask for its permission.") from None
    except (ImageFileError, HeaderDataError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        if _is_dicom(file):
            raise ScanError(
                f"{file} is DICOM, not NIfTI: convert its folder with dcm2niix first."
            ) from None
        raise ScanError(
            f"{file} is not an image that can be read ({_first_line(error)}): give NIfTI "
            "(.nii, .nii.gz) or MGZ."
        ) from None
    except Exception as error:  # noqa: BLE001 - a corrupt header makes nibabel raise anything
        raise ScanError(
            f"{file} has a header that cannot be read ({_first_line(error)}): convert it again."
        ) from None
    if not isinstance(image, SpatialImage):
        raise ScanError(f"{file} is a {type(image).__name__}, not a volume: give NIfTI or MGZ.")
    return image


def _about_folder(folder: Path) -> str:
    first = next((f for f in sorted(folder.rglob("*")) if f.is_file()), None)
    if first is not None and _is_dicom(first):
        return f"{folder} is a folder of DICOM files: convert it with dcm2niix, give the .nii.gz."
    return f"{folder} is a folder: give one file, such as a .nii.gz."


def _is_dicom(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _shape_of_volume(file: Path, image: SpatialImage) -> tuple[int, int, int]:
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3 or any(n < 1 for n in shape):
        raise ScanError(f"{file} has the shape {shape}: a 3-D volume is needed.")
    if any(n > 1 for n in shape[3:]):
        raise ScanError(
            f"{file} holds several volumes, its shape is {shape}: pick one first, for example "
            "with nibabel.four_to_three or fslroi."
        )
    if any(n == 1 for n in shape[:3]):
        raise ScanError(f"{file} is a single slice of shape {shape}: a 3-D volume is needed.")
    return shape[0], shape[1], shape[2]


def _check_memory(file: Path, shape: tuple[int, ...]) -> None:
    need = float(np.prod(np.array(shape, np.float64))) * BYTES_PER_VOXEL
    free = psutil.virtual_memory().available
    if need > free:
        raise ScanError(
            f"{file} promises {' x '.join(map(str, shape))} voxels, which need {need / 1e9:.0f} GB "
            f"where {free / 1e9:.0f} GB are free: check its header, crop it or resample it."
        )


def _check_affine(file: Path, image: SpatialImage) -> list[str]:
    affine = image.affine
    if affine is None or not np.isfinite(affine).all():
        raise ScanError(
            f"{file} has an affine that is not finite, so nothing says where it lies: "
            "repair its sform and qform, or convert it again."
        )
    sizes = np.sqrt((affine[:3, :3] ** 2).sum(0))
    if (sizes == 0).any() or abs(np.linalg.det(affine[:3, :3] / sizes)) < 1e-4:
        raise ScanError(
            f"{file} has a singular affine (voxels of no volume): repair its sform and qform, "
            "or convert it again."
        )
    if sizes.max() > 20 or sizes.min() < 0.05:
        raise ScanError(
            f"{file} states voxels of {' x '.join(f'{s:.3g}' for s in sizes)} mm, which is no "
            "brain scan: repair the voxel sizes in its header."
        )
    notes = []
    header = image.header
    if isinstance(header, nib.Nifti1Header) and header["qform_code"] == header["sform_code"] == 0:
        notes.append(
            f"{file} states neither qform nor sform, so left and right are an assumption: "
            "compare with a scan whose sides you know."
        )
    if sizes.max() >= 3 and sizes.max() > 2 * sizes.min():
        notes.append(
            f"{file} has slices {sizes.max():.3g} mm thick: it is interpolated to the model's "
            "grid, lesions thinner than a slice and the top and bottom of others will be missed."
        )
    return notes


def _mend(file: Path, voxels: Volume) -> list[str]:
    finite = np.isfinite(voxels)
    bad = voxels.size - int(np.count_nonzero(finite))
    notes = []
    if bad == voxels.size:
        raise ScanError(f"{file} holds no finite voxel: export it again.")
    if bad:
        values, counts = np.unique(voxels[finite], return_counts=True)
        voxels[~finite] = values[counts.argmax()]
        notes.append(
            f"{file} has {bad} voxels that are NaN or infinite; they were set to the background."
        )
    if voxels.min() == voxels.max():
        raise ScanError(f"{file} is constant, every voxel is {voxels.flat[0]:g}: export it again.")
    return notes


def _read_mask(file: Path, scan: Path, shape: tuple[int, ...], affine: NDArray[np.float64]) -> Mask:
    image, voxels, _ = _read(file)
    if voxels.shape != shape:
        raise ScanError(
            f"{file} has the shape {voxels.shape}, {scan} {shape}: give the mask drawn on "
            "this scan, or resample it first."
        )
    if not np.allclose(image.affine, affine, atol=1e-2):
        raise ScanError(
            f"{file} lies elsewhere than {scan} (their affines differ by up to "
            f"{np.abs(image.affine - affine).max():.3g}): give the mask drawn on this scan, "
            "or resample it first."
        )
    brain: Mask = np.nan_to_num(voxels) > 0
    if not brain.any():
        raise ScanError(f"{file} is an empty mask: no voxel is above 0.")
    if brain.all():
        raise ScanError(f"{file} covers the whole volume: give a mask above 0 in the brain only.")
    return brain


def _background(voxels: Volume, brain: Mask) -> float:
    values, counts = np.unique(voxels[~brain], return_counts=True)
    return float(values[counts.argmax()]) if values.size else float(voxels.min())


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__


__all__ = ["ScanError", "load_mask", "load_scan", "save_volume", "sha256", "stem", "write_whole"]
