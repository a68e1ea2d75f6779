"""What did a run give? Its mask, maps, passes and record, in memory and in its folder."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.steps import Search, Step
from napari_itermask.method.threshold import ThresholdCurve
from napari_itermask.models.card import ModelCard
from napari_itermask.notes import Tell
from napari_itermask.passes import Passes
from napari_itermask.prepare import OnGrid, prepare
from napari_itermask.record import (
    BRAIN,
    PASSES,
    RECORD,
    VOLUMES,
    RunError,
    RunRecord,
    claim_folder,
    load_record,
    mask_of_file,
    unchanged,
)
from napari_itermask.scans.files import load_mask, save_volume, sha256, write_whole
from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.scans.scan import Scan, voxel_ml

if TYPE_CHECKING:
    from napari_itermask.method.refinement import Reconstruct
    from napari_itermask.models.store import Model


def _no_passes() -> Passes:
    return Passes(np.zeros((0, 0, 0), bool))


@dataclass(frozen=True, eq=False)
class Run:
    """One finished run.

    Attributes
    ----------
    mask, reconstruction, error
        ``(X, Y, Z)`` in the scan's own voxels: bool; float32 in the scan's intensities; float32 in
        squared units of the model's normalisation.
    threshold
        The error above which voxels stayed masked.
    record
        Everything that run.json says.
    scan, on_grid
        What was refined, and that on the model's grid; None for a run that was loaded without its
        scan.
    last
        The last Step, on the grid; None for a loaded run.
    passes
        What each pass gave, on the grid; of a loaded run only if it was saved with ``passes``, else
        there are none.
    start, within
        ``(X, Y, Z)`` bool on the grid: what the refinement hid first, and what it was restricted
        to; None: the brain.
    model
        What repainted; None for a loaded run.
    header
        The scan's header, which the written files inherit.
    beside
        The files that run.json needs beside it, by name.
    """

    mask: Mask
    reconstruction: Volume
    error: Volume
    record: RunRecord
    affine: NDArray[np.float64]
    scan: Scan | None = None
    on_grid: OnGrid | None = None
    last: Step | None = None
    passes: Passes = field(default_factory=_no_passes)
    start: Mask | None = None
    within: Mask | None = None
    model: Model | Reconstruct | None = None
    header: Any = None
    beside: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """The error above which voxels stayed masked, in squared units of the normalisation."""
        return self.record.threshold

    @property
    def curve(self) -> ThresholdCurve | None:
        """The search's curve; None if there was no search."""
        values = self.record.curve
        return None if values is None else ThresholdCurve(np.asarray(values, np.float32))

    @property
    def search(self) -> Search | None:
        """The finished search: its curve, its masks on the grid; None if none was kept."""
        return self.passes.search

    @property
    def settings(self) -> RefineSettings:
        """The settings that were in force at the end."""
        return self.record.final_settings

    @property
    def card(self) -> ModelCard:
        """The card of the model that repainted."""
        return self.record.card

    @property
    def mask_ml(self) -> float:
        """Volume of the mask in the scan's own voxels, in ml."""
        return float(np.count_nonzero(self.mask)) * voxel_ml(self.affine)

    def save(
        self, folder: str | os.PathLike[str], *, overwrite: bool = False, passes: bool = False
    ) -> Path:
        """Write mask.nii.gz, reconstruction.nii.gz, error.nii.gz and run.json into ``folder``.

        Each file appears under its name only when complete, run.json last. Masks that the run can
        not be made again without are written beside it (start.nii.gz, within.nii.gz,
        brain_used.nii.gz). With ``passes`` the masks of all passes are written too (passes.npz, on
        the grid), so that the loaded run can lend its search.

        Raises
        ------
        FileExistsError
            If ``folder`` holds a run already, unless ``overwrite``.
        """
        out = claim_folder(folder, overwrite=overwrite)
        for stale in _stale(out):  # a run that is replaced must not lend its parts
            (out / stale).unlink(missing_ok=True)
        scan = self.scan or stand_in(self)
        for name in VOLUMES:
            save_volume(out / f"{name}.nii.gz", getattr(self, name), scan)
        for name, content in self.beside.items():
            write_whole(out / name, lambda part, c=content: part.write_bytes(c))
        if passes and self.passes:
            arrays: dict[str, Any] = self.passes.to_arrays()
            write_whole(out / PASSES, lambda part: np.savez_compressed(part, **arrays))
        text = self.record.model_dump_json(indent=2) + "\n"
        write_whole(out / RECORD, lambda part: part.write_text(text, encoding="utf-8"))
        return out


def load_run(
    folder: str | os.PathLike[str], scan: Scan | None = None, tell: Tell | None = None
) -> Run:
    """Load a saved run: its folder, or the run.json in it.

    Parameters
    ----------
    scan
        The scan that was refined, loaded again; with it the run can be shown, and if its passes
        were saved it can lend its search.
    tell
        Called with what a person should know; None: a UserWarning.

    Raises
    ------
    RunError
        If it is not a complete run, or ``scan`` is not the one that was refined.
    """
    path = Path(folder)
    path = path.parent if path.name == RECORD else path
    record = load_record(path / RECORD)
    volumes = {}
    for name in VOLUMES:
        file = _part_of(path, f"{name}.nii.gz")
        image: Any = nib.load(file)
        volumes[name] = np.asarray(image.dataobj, np.float32)
        affine = np.asarray(image.affine, np.float64)
    beside = {s.path: unchanged(s, _part_of(path, s.path)) for s in record.beside}
    start, within = (
        mask_of_file(beside[s.path]) if s else None for s in (record.start, record.within)
    )
    passes = _load_passes(path / PASSES, record)
    on_grid = None
    if scan is not None:
        _check_scan(path, record, scan)
        on_grid = prepare(scan, record.card, record.final_settings, tell)
        if passes and not np.array_equal(passes.brain, on_grid.brain):
            raise RunError(f"{path} was made in another brain than that of {scan.name}.")
    return Run(
        mask=volumes["mask"] > 0,
        reconstruction=volumes["reconstruction"],
        error=volumes["error"],
        record=record,
        affine=affine,
        scan=scan,
        on_grid=on_grid,
        passes=passes,
        start=start,
        within=within,
        header=image.header,
        beside={name: file.read_bytes() for name, file in beside.items()},
    )


def _stale(folder: Path) -> list[str]:
    """What a run in ``folder`` leaves behind if it is replaced; files of others are none of it."""
    try:
        needed = [source.path for source in load_record(folder / RECORD).beside]
    except RunError:
        needed = []
    return [RECORD, PASSES, *needed]


def _part_of(folder: Path, name: str) -> Path:
    if not (folder / name).exists():
        raise RunError(f"{folder} is not a complete run: {name} is missing.")
    return folder / name


def _load_passes(file: Path, record: RunRecord) -> Passes:
    if not file.exists():
        return _no_passes()
    try:
        with file.open("rb") as stream, np.load(stream) as arrays:
            return Passes.from_arrays(arrays, record.calibrated)
    except (ValueError, LookupError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise RunError(
            f"{file} cannot be read ({type(error).__name__}): delete it to load the run without "
            "its passes."
        ) from None


def _check_scan(folder: Path, record: RunRecord, scan: Scan) -> None:
    """Refuse a scan whose file or brain is not what was refined."""
    if record.scan is None or scan.path is None:
        raise RunError(f"{folder} cannot be matched with a scan that lies in no file.")
    if sha256(scan.path) != record.scan.sha256:
        raise RunError(f"{scan.path} is not the scan that {folder} was made of: open that one.")
    given = record.brain_mask
    if given is None:
        same = scan.brain_source == record.brain_source
    elif scan.brain_path is not None:
        same = sha256(scan.brain_path) == given.sha256
    else:
        file = folder / BRAIN if given.is_beside else Path(given.path)
        same = file.exists() and np.array_equal(load_mask(file, scan), scan.brain)
    if not same:
        raise RunError(f"{folder} was made with another brain mask than {scan.path} has now.")


def stand_in(run: Run) -> Scan:
    """For the scan of a loaded run: its voxels and space, for saving once more."""
    brain = np.ones_like(run.mask)
    return Scan(image=run.reconstruction, brain=brain, affine=run.affine, header=run.header)
