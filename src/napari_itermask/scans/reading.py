"""What is wrong with a file, in one sentence, before any work; else its voxels.

nibabel opens nearly every broken header in silence, so the checks here are ours, in the order of
what they cost: path, header, memory, affine, then voxels.
"""

from __future__ import annotations

import gzip
import logging
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import psutil
from nibabel.affines import voxel_sizes
from nibabel.analyze import AnalyzeHeader
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, SpatialImage

from napari_itermask.scans.brain import border_value
from napari_itermask.scans.intensity import Volume

BYTES_PER_VOXEL = 20
"""What loading holds at its peak: the file's voxels, float32 copies, masks and labels."""


class ScanError(ValueError):
    """A file that cannot be used; the message says which, why, and what to do."""


class NotStripped(ScanError):  # noqa: N818 - a question rather than a fault
    """A scan whose brain was to be found and that seems to have its skull."""


def read_volume(file: Path) -> tuple[SpatialImage, Volume, list[str]]:
    """Read one 3-D volume: the nibabel image, its voxels, and what a reader should be told.

    Raises
    ------
    ScanError
        In one sentence that names the file, the cause and the remedy.
    """
    return _read(file, _shape_of_volume)


def read_volumes(file: Path) -> tuple[SpatialImage, Volume, list[str]]:
    """Read as :func:`read_volume` does, but several volumes too: ``(X, Y, Z, N)`` then."""
    return _read(file, _shape_of_volumes)


def _read(
    file: Path, shape_of: Callable[[Path, SpatialImage], tuple[int, ...]]
) -> tuple[SpatialImage, Volume, list[str]]:
    _check_path(file)
    image = _open(file)
    shape = shape_of(file, image)
    _check_memory(file, shape)
    notes = _check_affine(file, image)
    dtype = image.get_data_dtype()
    if dtype.fields is not None or np.issubdtype(dtype, np.complexfloating):
        raise ScanError(
            f"{file} holds {'colours' if dtype.fields else 'complex numbers'}, not intensities: "
            "give the grey-scale (magnitude) image."
        )
    for part in image.file_map.values():
        _check_gzip(file, Path(part.filename or file))
    try:
        with np.errstate(all="ignore"):
            voxels = np.asanyarray(image.dataobj).reshape(shape).astype(np.float32)
    except FileNotFoundError as error:
        raise _half(file, error) from None
    except (EOFError, OSError, zlib.error, ValueError) as error:
        raise _damaged(file, error) from None
    except MemoryError:
        raise ScanError(f"{file} does not fit in memory: crop it or resample it first.") from None
    return image, voxels, notes


def mend(file: Path, voxels: Volume) -> list[str]:
    """Set what is not finite to the background, in place; refuse a constant image."""
    finite = np.isfinite(voxels)
    bad = voxels.size - int(np.count_nonzero(finite))
    notes = []
    if bad == voxels.size:
        raise ScanError(f"{file} holds no finite voxel: export it again.")
    if bad:
        background = border_value(voxels)
        background = background if np.isfinite(background) else 0.0  # NaN itself is the background
        voxels[~finite] = background
        notes.append(
            f"{file} has {bad} voxels that are NaN or infinite: they were set to the background, "
            f"{background:g}."
        )
    if voxels.min() == voxels.max():
        raise ScanError(f"{file} is constant, every voxel is {voxels.flat[0]:g}: export it again.")
    return notes


def _check_path(file: Path) -> None:
    if file.is_dir():
        raise ScanError(_about_folder(file))
    if not file.exists():
        raise ScanError(f"{file} does not exist: check the path.")
    if file.stat().st_size == 0:
        raise ScanError(f"{file} is empty (0 bytes): copy or download it again.")


def _open(file: Path) -> SpatialImage:
    try:
        with _without_reports():
            image = nib.load(file)
    except PermissionError:
        raise ScanError(f"{file} may not be read: ask for its permission.") from None
    except FileNotFoundError as error:
        raise _half(file, error) from None
    except (ImageFileError, HeaderDataError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        _check_gzip(file, file)
        raise ScanError(_about_no_image(file, error)) from None
    except Exception as error:  # noqa: BLE001 - a corrupt header makes nibabel raise anything
        raise ScanError(
            f"{file} has a header that cannot be read ({_reason(error)}): convert it to NIfTI "
            "(.nii.gz) again."
        ) from None
    if not isinstance(image, SpatialImage):
        raise ScanError(f"{file} is a {type(image).__name__}, not a volume: give NIfTI or MGZ.")
    return image


@contextmanager
def _without_reports() -> Iterator[None]:
    """Keep nibabel's remarks on a header off stderr: what matters in them is checked here."""
    log, here = logging.getLogger("nibabel.global"), threading.get_ident()

    def from_elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != here

    log.addFilter(from_elsewhere)
    try:
        yield
    finally:
        log.removeFilter(from_elsewhere)


def _check_gzip(file: Path, part: Path) -> None:
    """Decompress to the very end: nibabel stops before the checksum and takes damage for voxels."""
    if not part.exists():
        return
    with part.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            return
    try:
        with gzip.open(part) as whole:
            while whole.read(1 << 22):
                pass
    except (EOFError, OSError, zlib.error) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: BaseException) -> ScanError:
    return ScanError(
        f"{file} is damaged or cut short ({_reason(error)}): copy or download it again."
    )


def _half(file: Path, error: FileNotFoundError) -> ScanError:
    other = Path(error.filename or "the other").name
    return ScanError(f"{file} is half of a pair and {other} is missing: keep both side by side.")


def _about_no_image(file: Path, error: BaseException) -> str:
    if _is_dicom(file):
        return f"{file} is DICOM, not NIfTI: convert its folder with dcm2niix first."
    reason = _reason(error)
    why = "" if reason.startswith("Cannot work out file type") else f" ({reason})"
    return f"{file} is not an image that can be read{why}: give NIfTI (.nii, .nii.gz) or MGZ."


def _about_folder(folder: Path) -> str:
    files = (f for f in islice(folder.rglob("*"), 1000) if f.is_file())
    if any(_is_dicom(f) for f in files):
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
        raise ScanError(f"{file} has the shape {shape}, which is no volume: give the 3-D scan.")
    if any(n > 1 for n in shape[3:]):
        raise ScanError(
            f"{file} holds several volumes, its shape is {shape}: pick one first, for example "
            "with nibabel.four_to_three or fslroi."
        )
    if any(n == 1 for n in shape[:3]):
        raise ScanError(f"{file} is a single slice, its shape is {shape}: give the 3-D scan.")
    return shape[0], shape[1], shape[2]


def _shape_of_volumes(file: Path, image: SpatialImage) -> tuple[int, ...]:
    shape = tuple(int(n) for n in image.shape)
    if len(shape) != 4 or shape[3] == 1 or min(shape[:3]) < 2:
        return _shape_of_volume(file, image)
    return shape


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
    sizes = voxel_sizes(affine)
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
    notes = _check_header(file, image)
    if sizes.max() >= 3 and sizes.max() > 2 * sizes.min():
        notes.append(
            f"{file} has slices {sizes.max():.3g} mm thick: it is interpolated to the model's "
            "grid, lesions thinner than a slice and the top and bottom of others will be missed."
        )
    return notes


def _check_header(file: Path, image: Any) -> list[str]:
    """What a header that states no sform, or no space at all, leaves to assumption."""
    header = image.header
    nifti = isinstance(header, nib.Nifti1Header)
    if not isinstance(header, AnalyzeHeader) or (nifti and header["sform_code"] != 0):
        return []
    holder = image.file_map.get("header") or image.file_map["image"]
    with holder.get_prepare_fileobj("rb") as stream:  # nibabel has "fixed" the sizes it loaded
        sizes = type(header).from_fileobj(stream, check=False)["pixdim"][1:4]
    if (sizes == 0).any():
        raise ScanError(
            f"{file} states voxels of {' x '.join(f'{s:g}' for s in sizes)} mm and no sform, so "
            "nothing says where it lies: repair its header, or convert it again."
        )
    notes = []
    if (sizes < 0).any():
        notes.append(f"{file} states negative voxel sizes; their sign was dropped.")
    if not (nifti and header["qform_code"] != 0):
        notes.append(
            f"{file} states neither qform nor sform, so left and right are an assumption: "
            "compare with a scan whose sides you know."
        )
    return notes


def _reason(error: BaseException) -> str:
    """The first line of an error, ready to stand inside a sentence."""
    text = str(error).strip().splitlines()
    return text[0].rstrip(".") if text else type(error).__name__
