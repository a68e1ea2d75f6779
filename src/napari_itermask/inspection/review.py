"""What did a person say of a run's components? Flag, difficulty and comment, kept with the run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_itermask.inspection.components import Component, Components, Value
from napari_itermask.models.card import first_problem
from napari_itermask.record import RECORD, RunError, load_record
from napari_itermask.scans.files import write_whole

REVIEW = "review.json"
SAMPLE = 64
"""Voxels of a component that are written down, evenly spread, so that it is known again."""
MATCHED = 0.5
"""A component is the one that was reviewed if it holds this share of those voxels, ..."""
NEAR_MM = 5.0
"""... or if none does, and its centroid lies this near."""

Difficulty = Literal["easy", "medium", "hard"]


class Review(BaseModel):
    """What was said of one component."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flag: bool = False
    difficulty: Difficulty | None = None
    comment: str = ""


NOTHING = Review()


class _Entry(BaseModel):
    """A review, and what its component is known again by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    review: Review
    kind: str
    volume_ml: float
    centroid_mm: tuple[float, float, float]
    voxels: tuple[tuple[int, int, int], ...]


class _File(BaseModel):
    """All of review.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    scan: str | None
    reviews: tuple[_Entry, ...]


class Reviews:
    """The reviews of some components, by their number.

    ``reviews[3] = Review(flag=True)`` reviews component 3, ``reviews[4]`` is an empty one if nobody
    did. Nothing is written before :meth:`save`.
    """

    def __init__(self, components: Components) -> None:
        self.components = components
        self._reviews: dict[int, Review] = {}
        self._lost: tuple[_Entry, ...] = ()

    def __getitem__(self, number: int) -> Review:
        return self._reviews.get(self.components[number].number, NOTHING)

    def __setitem__(self, number: int, review: Review) -> None:
        number = self.components[number].number
        if review == NOTHING:
            self._reviews.pop(number, None)
        else:
            self._reviews[number] = review

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._reviews))

    def __len__(self) -> int:
        return len(self._reviews)

    @property
    def unmatched(self) -> int:
        """How many reviews no component was found for; they stay in the file."""
        return len(self._lost)

    def columns(self) -> Mapping[str, list[Value]]:
        """Flag ("yes" or ""), difficulty and comment of each component, for its table."""
        said = [self[row.number] for row in self.components.rows]
        return {
            "flag": ["yes" if r.flag else "" for r in said],
            "difficulty": [r.difficulty or "" for r in said],
            "comment": [r.comment for r in said],
        }

    def matched(self, components: Components) -> Reviews:
        """The same reviews for components that were computed anew.

        A review goes to the component that holds most of what it was written about, at least half;
        else to the nearest one left, by centroid, within 5 mm; else it waits.
        """
        return _matched((*self._entries(), *self._lost), components)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write review.json into the folder of the saved run; it is whole or not there.

        Raises
        ------
        RunError
            If the folder holds no run, or the reviews of another scan's.
        """
        out = Path(folder) / REVIEW
        scan = _scan_of(Path(folder))
        if out.exists():
            _read(out, scan)
        content = _File(scan=scan, reviews=(*self._entries(), *self._lost))
        text = content.model_dump_json(indent=1) + "\n"
        write_whole(out, lambda part: part.write_text(text, encoding="utf-8"))
        return out

    def _entries(self) -> Iterator[_Entry]:
        for number in self:
            row, at = self.components[number], self.components.voxels(number)
            some = at[np.unique(np.linspace(0, len(at) - 1, SAMPLE).astype(np.intp))]
            yield _Entry(
                review=self._reviews[number],
                kind=row.kind,
                volume_ml=row.volume_ml,
                centroid_mm=row.centroid_mm,
                voxels=tuple((int(x), int(y), int(z)) for x, y, z in some),
            )


def load_reviews(folder: str | os.PathLike[str], components: Components) -> Reviews:
    """The reviews that lie in a run's folder, matched with its components; none if none do.

    Raises
    ------
    RunError
        If the folder holds no run, or review.json cannot be read or is of another scan.
    """
    file = Path(folder) / REVIEW
    scan = _scan_of(Path(folder))
    if not file.exists():
        return Reviews(components)
    return _matched(_read(file, scan).reviews, components)


def _matched(entries: tuple[_Entry, ...], components: Components) -> Reviews:
    out = Reviews(components)
    votes = [
        (share, number, entry)
        for entry in entries
        for number, share in _held(entry, components).items()
    ]
    taken: set[int] = set()
    for share, number, entry in sorted(votes, key=lambda vote: vote[:2], reverse=True):
        if share >= MATCHED and number not in out and id(entry) not in taken:
            out[number] = entry.review
            taken.add(id(entry))
    lost = []
    for entry in entries:
        if id(entry) in taken:
            continue
        left = [row for row in components.rows if row.number not in out]
        nearest = min(left, key=lambda row: _apart(row, entry), default=None)
        if nearest is not None and _apart(nearest, entry) <= NEAR_MM:
            out[nearest.number] = entry.review
        else:
            lost.append(entry)
    out._lost = tuple(lost)
    return out


def _held(entry: _Entry, components: Components) -> dict[int, float]:
    """The share of an entry's voxels that each component holds."""
    at = np.array(entry.voxels, np.intp).reshape(-1, 3)
    at = at[((at >= 0) & (at < components.labels.shape)).all(axis=1)]
    numbers, counts = np.unique(components.labels[tuple(at.T)], return_counts=True)
    return {
        int(n): float(c) / len(entry.voxels) for n, c in zip(numbers, counts, strict=True) if n > 0
    }


def _apart(row: Component, entry: _Entry) -> float:
    return float(np.linalg.norm(np.subtract(row.centroid_mm, entry.centroid_mm)))


def _scan_of(folder: Path) -> str | None:
    """The hash of the scan whose run lies in ``folder``."""
    scan = load_record(folder / RECORD).scan
    return scan.sha256 if scan else None


def _read(file: Path, scan: str | None) -> _File:
    try:
        found = _File.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise RunError(
            f"{file} holds no reviews ({first_problem(error)}): delete or rename it."
        ) from None
    if found.scan != scan:
        raise RunError(
            f"{file} holds the reviews of another scan than this run's: move it to where that "
            "scan's run lies, or rename it."
        )
    return found
