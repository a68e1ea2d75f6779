"""What did a stability study give? Share, rows and spread; saved whole, and loaded again."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.card import first_problem
from napari_itermask.record import Source
from napari_itermask.scans.files import save_volume, write_whole
from napari_itermask.scans.intensity import Volume
from napari_itermask.scans.scan import Scan

SHARE, TABLE, RECORD = "share.nii.gz", "stability.csv", "stability.json"


class StabilityError(ValueError):
    """A saved stability study that cannot be read; the message says which, why and what to do."""


class StabilityRow(BaseModel):
    """One run: its seed, its gamma or its factor of the threshold, and what it gave.

    ``ml`` is measured in the scan's own voxels, ``passes`` counts those of the refinement;
    ``dice`` is None without a truth, and where truth and mask are both empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    gamma: float | None
    factor: float | None
    threshold: float
    ml: float
    passes: int
    dice: float | None


class Spread(BaseModel):
    """Mean, standard deviation (of the sample; 0 for a single run), least and most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float
    sd: float
    least: float
    most: float


class StabilityRecord(BaseModel):
    """What stability.json holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    created: str
    scan: Source | None
    card: str
    weights: Source | None
    settings: RefineSettings
    how: str
    seeds: tuple[int, ...]
    gammas: tuple[float, ...] | None
    factors: tuple[float, ...] | None
    with_truth: bool
    rows: tuple[StabilityRow, ...]
    ml: Spread | None
    dice: Spread | None
    device: str
    precision: str
    versions: dict[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Stability:
    """How far the mask of a scan depends on chance and on the threshold.

    Attributes
    ----------
    share
        ``(X, Y, Z)`` float32 in the scan's own voxels: the share of runs that call each voxel
        anomalous, 0 to 1.
    record
        Everything that stability.json says; its rows are the runs that finished.
    affine, header
        Of the scan; the written share inherits them.
    """

    share: Volume
    record: StabilityRecord
    affine: NDArray[np.float64]
    header: Any = None

    @property
    def rows(self) -> tuple[StabilityRow, ...]:
        """The runs, seed by seed."""
        return self.record.rows

    @property
    def ml(self) -> Spread | None:
        """The spread of the mask's volume in ml; None before the first run is finished."""
        return self.record.ml

    @property
    def dice(self) -> Spread | None:
        """The spread of the Dice, over the runs that have one; None if none has."""
        return self.record.dice

    @property
    def planned(self) -> int:
        """How many runs were asked for."""
        return len(self.record.seeds) * len(self.record.gammas or self.record.factors or ())

    @property
    def complete(self) -> bool:
        """Whether all of them are there."""
        return len(self.rows) == self.planned

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write share.nii.gz, stability.csv (a row for each run) and stability.json.

        Each file appears under its name only when complete, stability.json last; they may lie
        beside those of a run.

        Raises
        ------
        FileExistsError
            If ``folder`` holds a stability study already, unless ``overwrite``.
        ValueError
            If no run was finished.
        """
        if not self.rows:
            raise ValueError("no run was finished, so there is no stability to save.")
        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        held = [name for name in (SHARE, TABLE, RECORD) if (out / name).exists()]
        if held and not overwrite:
            raise FileExistsError(
                f"{out} holds {', '.join(held)} already: choose another folder, or allow them to "
                "be replaced (overwrite=True)."
            )
        (out / RECORD).unlink(missing_ok=True)  # what is half replaced is no study
        whole = np.ones(self.share.shape, bool)
        stand_in = Scan(image=self.share, brain=whole, affine=self.affine, header=self.header)
        save_volume(out / SHARE, self.share, stand_in)
        write_whole(out / TABLE, self._write_table)
        text = self.record.model_dump_json(indent=2) + "\n"
        write_whole(out / RECORD, lambda part: part.write_text(text, encoding="utf-8"))
        return out

    def _write_table(self, part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(StabilityRow.model_fields))
            writer.writeheader()
            writer.writerows(row.model_dump() for row in self.rows)


def load_stability(folder: str | os.PathLike[str]) -> Stability:
    """Load what :meth:`Stability.save` wrote.

    Raises
    ------
    StabilityError
        If ``folder`` holds no complete study.
    """
    path = Path(folder)
    for name in (RECORD, SHARE):
        if not (path / name).exists():
            raise StabilityError(
                f"{path} is no stability study: {name} is missing; check the path."
            )
    try:
        record = StabilityRecord.model_validate_json((path / RECORD).read_bytes())
    except ValidationError as error:
        raise StabilityError(
            f"{path / RECORD} is not the record of a stability study: {first_problem(error)}."
        ) from None
    image: Any = nib.load(path / SHARE)
    share = np.asarray(image.dataobj, np.float32)
    return Stability(share, record, np.asarray(image.affine, np.float64), image.header)


def spread(values: list[float]) -> Spread | None:
    """The spread of some numbers; None without any."""
    if not values:
        return None
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return Spread(mean=float(np.mean(values)), sd=sd, least=min(values), most=max(values))
