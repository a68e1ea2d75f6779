"""What is known of a run on disk without reading its volumes: its name, its record, its scan."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_itermask.gui.runs.correction import corrected_masks
from napari_itermask.models.card import first_problem
from napari_itermask.record import RECORD, RunError, RunRecord, load_record
from napari_itermask.scans.files import sha256, write_whole
from napari_itermask.scans.scan import Scan

ENTRY = "entry.json"


@dataclass(frozen=True)
class Entry:
    """One run that lies on disk.

    Attributes
    ----------
    folder
        Where; it is a run's folder like any other, so ``load_run`` and the shell take it too.
    name
        What the user calls it.
    record
        Everything that its run.json says.
    bytes
        What it takes on disk.
    corrected
        Whether a hand-corrected mask lies beside the automatic one.
    mask_ml
        Volume of the automatic mask in the scan's own voxels; None for a folder put there by hand.
    session
        Who kept it, see :meth:`Archive.unclean`.
    fingerprint
        Of the scan's voxels, brain and affine; "" if unknown.
    """

    folder: Path
    name: str
    record: RunRecord
    bytes: int
    corrected: bool
    mask_ml: float | None = None
    session: str = ""
    fingerprint: str = ""


def fingerprint(scan: Scan) -> str:
    """What tells a scan from others, wherever it was opened from: voxels, brain, affine."""
    digest = hashlib.sha256()
    for array in (scan.image, np.packbits(scan.brain), np.round(scan.affine, 4) + 0.0):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def is_of(entry: Entry, scan: Scan) -> bool:
    """Whether ``scan`` is what was refined in ``entry``."""
    if entry.fingerprint:
        return entry.fingerprint == fingerprint(scan)
    source = entry.record.scan
    return source is not None and scan.path is not None and sha256(scan.path) == source.sha256


class Tag(BaseModel):
    """What entry.json says: all that run.json does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    name: str
    mask_ml: float | None = None
    session: str = ""
    fingerprint: str = ""


def read_entry(folder: Path) -> Entry:
    """What lies in a run's folder.

    Raises
    ------
    RunError
        If it is no run, or one of its records is damaged.
    """
    record = load_record(folder / RECORD)
    tag = read_tag(folder)
    return Entry(
        folder=folder,
        name=tag.name,
        record=record,
        bytes=sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()),
        corrected=bool(corrected_masks(folder)),
        mask_ml=tag.mask_ml,
        session=tag.session,
        fingerprint=tag.fingerprint,
    )


def read_tag(folder: Path) -> Tag:
    """A run's entry.json; a folder that was put here by hand is called as it is."""
    path = folder / ENTRY
    try:
        return Tag.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Tag(name=folder.name)
    except ValidationError as error:
        raise RunError(f"{path} is damaged ({first_problem(error)}): delete it.") from None


def write_tag(folder: Path, tag: Tag) -> None:
    """Write a run's entry.json, whole."""
    text = tag.model_dump_json(indent=2) + "\n"
    write_whole(folder / ENTRY, lambda part: part.write_text(text, encoding="utf-8"))
