"""In which named region of the brain does a place lie? A label map laid on the scan's voxels."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from napari_itermask.inspection.onto import nearest, same_grid
from napari_itermask.inspection.region_names import DLMUSE, FREESURFER
from napari_itermask.result import Run, stand_in
from napari_itermask.scans.reading import ScanError, read_volume
from napari_itermask.scans.scan import Scan, stem

Labels = NDArray[np.int32]

FLUID = re.compile(r"ventricle|lat[\W_]*vent\b|csf|cerebrospinal|choroid|cistern", re.IGNORECASE)
"""Names of what holds cerebrospinal fluid; "VentralDC" is none of it."""
TABLES = (".tsv", ".csv", ".txt")
KNOWN = {"FreeSurfer": FREESURFER, "DLMUSE": DLMUSE}
KNOWN_SHARE = 0.95
"""A map is numbered by a known table if this share of its voxels has numbers that are in it."""
_NUMBER = ("index", "label", "id", "number", "value", "no", "no.", "roi", "roi_index")
_NAME = ("name", "region", "structure", "roi_name", "label_name", "description", "label")


@dataclass(frozen=True, eq=False)
class Regions:
    """A label map in a scan's own voxels.

    Attributes
    ----------
    labels
        ``(X, Y, Z)`` int32; 0 is no region.
    names
        Of the numbers; one without a name is called "region 12".
    name
        Of the map.
    notes
        What a reader should know, such as that the map was resampled.
    """

    labels: Labels
    names: Mapping[int, str]
    name: str = "regions"
    notes: tuple[str, ...] = field(default=())

    def name_of(self, number: int) -> str | None:
        """What region ``number`` is called; None for 0."""
        return self.names.get(number, f"region {number}") if number else None

    @cached_property
    def fluid(self) -> frozenset[int]:
        """The numbers of ventricles and other fluid, by their names."""
        return frozenset(n for n, name in self.names.items() if FLUID.search(name))


def load_regions(
    path: str | os.PathLike[str],
    space: Scan | Run,
    names: str | os.PathLike[str] | Mapping[int, str] | None = None,
) -> Regions:
    """Load a label map that lies in the space of a scan.

    Parameters
    ----------
    path
        NIfTI or MGZ, whole numbers. In other voxels than the scan's it is resampled to the nearest.
    space
        The scan, or a run of it.
    names
        The numbers' names, or a CSV, TSV or FreeSurfer colour table of them (a column of numbers
        named "index", "label" or "id", one of names named "name" or "region"). None: the table of
        the same name beside the map, else FreeSurfer's or DLMUSE's names where nearly all numbers
        are theirs.

    Raises
    ------
    ScanError
        If it is no label map, lies elsewhere, or its table cannot be read.
    """
    file = Path(path)
    image, voxels, _ = read_volume(file)
    if not np.isfinite(voxels).all() or (voxels != np.rint(voxels)).any() or voxels.min() < 0:
        raise ScanError(
            f"{file} is no label map: its voxels are not whole numbers from 0 on. Give a map of "
            "regions."
        )
    labels = voxels.astype(np.int32)
    affine = np.asarray(image.affine, np.float64)
    notes: tuple[str, ...] = ()
    scan = space if isinstance(space, Scan) else space.scan
    voxels_of = scan or stand_in(space)  # type: ignore[arg-type]
    if not same_grid(labels.shape, affine, voxels_of):
        labels = nearest(labels, affine, voxels_of)
        size = " x ".join(f"{s:g}" for s in voxel_sizes(affine))
        notes = (f"{file.name} was resampled from voxels of {size} mm, each to its nearest.",)
    inside = labels[scan.brain] if scan else labels
    if not inside.any():
        raise ScanError(
            f"no region of {file} lies in this brain: give a map in the scan's own space, or "
            "register it first."
        )
    return Regions(labels, _names(names, file, inside), stem(file), notes)


def _names(
    given: str | os.PathLike[str] | Mapping[int, str] | None, file: Path, labels: Labels
) -> Mapping[int, str]:
    if isinstance(given, Mapping):
        return dict(given)
    if given is not None:
        return read_names(Path(given))
    for ending in TABLES:
        beside = file.with_name(stem(file) + ending)
        if beside.exists():
            return read_names(beside)
    numbers, counts = np.unique(labels[labels > 0], return_counts=True)
    for table in KNOWN.values():
        known = np.isin(numbers, list(table))
        if counts[known].sum() >= KNOWN_SHARE * counts.sum():
            return table
    return {int(n): f"region {n}" for n in numbers}


def read_names(table: Path) -> dict[int, str]:
    """Read a table of region numbers and names: CSV, TSV, or a FreeSurfer colour table.

    Raises
    ------
    ScanError
        If it does not exist or holds no names.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ScanError(f"{table} cannot be read ({reason}): give a CSV or TSV of names.") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = _of_columns(lines) or _of_colour_table(lines)
    if not found:
        raise ScanError(
            f"{table} holds no names of regions: give a CSV or TSV with a column of numbers "
            '("index") and one of names ("name").'
        )
    return found


def _of_columns(lines: list[str]) -> dict[int, str]:
    if not lines:
        return {}
    split = next((d for d in "\t,;" if d in lines[0]), ",")
    rows = csv.DictReader(lines, delimiter=split)
    heads = {str(head).strip().lower(): head for head in rows.fieldnames or ()}
    number = next((heads[n] for n in _NUMBER if n in heads), None)
    name = next((heads[n] for n in _NAME if n in heads and heads[n] != number), None)
    if number is None or name is None:
        return {}
    pairs = ((str(row[number]).strip(), str(row[name] or "").strip()) for row in rows)
    return {int(n): label for n, label in pairs if n.isdigit() and label}


def _of_colour_table(lines: list[str]) -> dict[int, str]:
    """Lines of ``number name r g b a``, or of a number and a name alone."""
    words = [re.split(r"[\t,; ]+", line.strip()) for line in lines]
    if not all(len(w) in (2, 6) and w[0].isdigit() for w in words):
        return {}
    return {int(w[0]): w[1] for w in words}
