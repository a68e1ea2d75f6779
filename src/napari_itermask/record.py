"""What stands in a run's folder: its names, its record, and that nothing is overwritten."""

from __future__ import annotations

import gzip
import hashlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.card import ModelCard, first_problem
from napari_itermask.scans.files import sha256, write_whole
from napari_itermask.scans.intensity import Mask

RECORD = "run.json"
PASSES = "passes.npz"
VOLUMES = ("mask", "reconstruction", "error")
BESIDE = START, WITHIN, BRAIN = "start.nii.gz", "within.nii.gz", "brain_used.nii.gz"
"""Masks that went into a run and lie in no file of the user's: they are written beside run.json."""
OWN_FILES = (RECORD, *(f"{name}.nii.gz" for name in VOLUMES), PASSES, *BESIDE)
"""Every name that a saved run may take in its folder."""


class RunError(ValueError):
    """A saved run that cannot be read or replayed; the message says which, why, and what to do."""


class PassRecord(BaseModel):
    """The numbers of one pass, as they stand in run.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase: Literal["search", "refine"]
    index: int
    number: int
    threshold: float
    mask_voxels: int
    mask_ml: float
    seconds: float


class Change(BaseModel):
    """New settings that came in while a run went on: the pass after ``index`` took them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    settings: RefineSettings


class Source(BaseModel):
    """A file that went into a run, and its bytes' hash; a bare name lies beside run.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    sha256: str

    @property
    def is_beside(self) -> bool:
        """Whether it lies beside run.json rather than where the user keeps it."""
        return self.path in BESIDE


class RunRecord(BaseModel):
    """What run.json holds: all that makes the run again, and what it gave in numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    created: str
    scan: Source | None
    brain_mask: Source | None
    brain_source: str
    start: Source | None = Field(None, description="What the refinement hid first; on the grid.")
    within: Source | None = Field(None, description="What it was restricted to; on the grid.")
    card: ModelCard
    weights: Source | None
    settings: RefineSettings
    changes: tuple[Change, ...] = ()
    search: bool
    complete: bool = Field(
        description="Whether it ran until the mask settled, or was ended before."
    )
    device: str
    precision: str
    threads: int
    versions: dict[str, str]
    curve: tuple[float, ...] | None
    calibrated: float | None = Field(
        None, description="The threshold that the card's calibration gives, read by the search."
    )
    passes: tuple[PassRecord, ...]
    threshold: float
    scores: dict[str, float]
    seconds: dict[str, float]
    notes: tuple[str, ...] = ()

    @property
    def final_settings(self) -> RefineSettings:
        """The settings that were in force at the end."""
        return self.changes[-1].settings if self.changes else self.settings

    @property
    def beside(self) -> tuple[Source, ...]:
        """The files beside run.json that the run cannot be made again without."""
        found = (self.brain_mask, self.start, self.within)
        return tuple(s for s in found if s is not None and s.is_beside)


def load_record(path: Path) -> RunRecord:
    """Read and check a run.json."""
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"{path} does not exist, so {path.parent} is not a run: check the path."
        ) from None
    except ValidationError as error:
        raise RunError(f"{path} is not the record of a run: {first_problem(error)}.") from None


def claim_folder(folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Make ``folder`` ready to be written to, before any long work.

    Raises
    ------
    FileExistsError
        If it holds a run already, unless ``overwrite``.
    OSError
        If it cannot be made or written.
    """
    out = Path(folder)
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file, not a folder: choose another output folder.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / "claim.txt", lambda part: part.write_text("", encoding="utf-8"))
        (out / "claim.txt").unlink()
    except OSError as error:
        reason = error.strerror or error
        raise PermissionError(
            f"{out} cannot be written ({reason}): choose another output folder."
        ) from None
    held = [n for n in OWN_FILES if (out / n).exists()]
    if held and not overwrite:
        raise FileExistsError(
            f"{out} holds results already ({', '.join(held)}): choose another output folder, or "
            "allow them to be replaced (--overwrite, overwrite=True)."
        )
    return out


@contextmanager
def claimed(folder: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Claim ``folder`` for what follows; where that fails before it wrote, no folder is left."""
    out = Path(folder)
    new = [path for path in (out, *out.parents) if not path.exists()]
    try:
        yield claim_folder(out, overwrite=overwrite)
    except Exception:
        for path in new:
            with suppress(OSError):  # it holds something by now
                path.rmdir()
        raise


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("napari-itermask", "torch", "numpy", "scipy", "nibabel"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def source_of(path: Path | None) -> Source | None:
    """A file and its hash, as a record names it."""
    return Source(path=str(path.resolve()), sha256=sha256(path)) if path else None


def mask_file(mask: Mask, affine: NDArray[np.float64]) -> bytes:
    """A mask as the bytes of a .nii.gz, uint8; the same for the same mask."""
    image: Any = nib.Nifti1Image(mask.astype(np.uint8), affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), mtime=0)


def mask_of_file(path: Path) -> Mask:
    """The mask that :func:`mask_file` wrote."""
    image: Any = nib.load(path)
    mask: Mask = np.asarray(image.dataobj) > 0
    return mask


def source_beside(name: str, content: bytes) -> Source:
    """A file beside run.json and its hash, as a record names it."""
    return Source(path=name, sha256=hashlib.sha256(content).hexdigest())


def unchanged(
    source: Source, now: str | os.PathLike[str] | None = None, folder: Path | None = None
) -> Path:
    """The file, if its bytes are still those of ``source``.

    ``now``: where it was moved to; ``folder``: where the run lies, for a file beside run.json.
    """
    path = Path(now) if now is not None else Path(source.path)
    if now is None and source.is_beside:
        if folder is None:
            raise RunError(
                f"this run needs {path}, which lies beside its run.json: give the folder that it "
                "was saved in."
            )
        path = folder / path
    if not path.exists():
        raise RunError(f"{path} is gone: say where it lies now, or restore it.")
    if sha256(path) != source.sha256:
        raise RunError(
            f"{path} is no longer the file that was refined: restore it to replay the run."
        )
    return path
