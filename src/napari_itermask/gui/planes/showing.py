"""Which volumes does the pass that is shown have, where do they lie, and what is a slice of one?

Nothing is made before a slice or a value is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from nibabel.orientations import apply_orientation, io_orientation
from numpy.typing import NDArray

from napari_itermask.gui.placed.axes import Affine, Shape, layer_shape
from napari_itermask.gui.planes.frame import Frame, Point

if TYPE_CHECKING:
    from napari_itermask.gui.opening import Opened
    from napari_itermask.gui.session import Session
    from napari_itermask.prepare import OnGrid
    from napari_itermask.run import Run

Kind = Literal["scan", "reconstruction", "error", "mask", "truth"]
Index = tuple[Any, ...]
"""Of voxels along the canonical axes: an int or a slice each."""
Made = Callable[[], NDArray[Any]]
T = TypeVar("T")

PHASES = {"search": "search", "refine": "refinement"}


@dataclass(eq=False)
class Volume:
    """A volume that follows a frame's axes.

    Attributes
    ----------
    content
        Equal where the voxels are the same.
    make
        Gives the voxels ``(X, Y, Z)`` in the order of ``affine``; called once, if at all.
    frame, affine
        The scan's frame, and where the voxels lie in RAS mm.
    then
        What is done to the voxels that are asked for: called with them and their index.
    """

    content: tuple[Any, ...]
    make: Made
    frame: Frame
    affine: Affine
    shape: Shape
    then: Callable[[NDArray[Any], Index], NDArray[Any]] | None = None

    def __post_init__(self) -> None:
        self.first, self.spacing = self.frame.lattice(self.affine, self.shape)
        self.size = layer_shape(self.affine, self.shape)[::-1]

    @cached_property
    def voxels(self) -> NDArray[Any]:
        """Along the frame's axes; shares the memory of what was made."""
        return turned(self.make(), self.affine)

    def slice_at(self, across: int, point: Point) -> int | None:
        """Which slice across an axis holds a point; None where the volume ends before it."""
        index = self._index(point)[across]
        return index if 0 <= index < self.size[across] else None

    def cut(self, across: int, index: int) -> NDArray[Any]:
        """A slice ``(n, m)`` along the two other axes, in their order."""
        where: list[Any] = [slice(None)] * 3
        where[across] = index
        return self._take(tuple(where))

    def at(self, point: Point) -> Any | None:
        """The value of the voxel that holds a point; None outside."""
        index = self._index(point)
        if not all(0 <= i < n for i, n in zip(index, self.size, strict=True)):
            return None
        return np.asarray(self._take(index)).item()

    def _index(self, point: Point) -> tuple[int, int, int]:
        i, j, k = np.rint((point - self.first) / self.spacing).astype(int)
        return int(i), int(j), int(k)

    def _take(self, index: Index) -> NDArray[Any]:
        part = self.voxels[index]
        return part if self.then is None else self.then(part, index)


@dataclass(frozen=True, eq=False)
class Showing:
    """The volumes of the pass that is shown, and what to say of it.

    Attributes
    ----------
    volumes
        Those that there are.
    threshold
        Of the error; None before the first pass.
    words
        Which pass it is.
    """

    volumes: dict[Kind, Volume]
    threshold: float | None = None
    words: str = ""


def turned(volume: NDArray[Any], affine: Affine) -> NDArray[Any]:
    """``(X, Y, Z)`` in file order seen along the frame's axes; shares its memory."""
    out: NDArray[Any] = apply_orientation(volume, io_orientation(affine))
    return out


def showing(session: Session, frame: Frame, before: Showing | None = None) -> Showing | None:
    """What a session shows; volumes that are the same are taken from what was shown ``before``.

    None where no scan is open.
    """
    opened = session.opened
    if opened is None:
        return None
    found = _of_pass(session, frame, opened)
    scan = opened.scan
    affine, shape = scan.affine, scan.image.shape
    volumes: dict[Kind, Volume] = {
        "scan": Volume(("scan", id(scan)), lambda: scan.image, frame, affine, shape),
        **found.volumes,
    }
    truth = session.truth
    if truth is not None and truth.shape == shape:
        volumes["truth"] = Volume(("truth", id(truth)), lambda: truth, frame, affine, shape)
    known = before.volumes if before is not None else {}
    for kind, volume in volumes.items():
        old = known.get(kind)
        if old is not None and old.frame is frame and old.content == volume.content:
            volumes[kind] = old
    return Showing(volumes, found.threshold, found.words)


def _of_pass(session: Session, frame: Frame, opened: Opened) -> Showing:
    position, run = session.position, session.run
    search, preview = session.search, session.preview_index
    last = position == session.passes_done - 1
    if run is not None and last and not session.running and preview is None:
        return _of_run(run, session.serial, frame)
    newest = session.newest if session.follows else None
    grid, passes, records = session.grid, session.passes, session.records
    if grid is None or passes is None or not 0 <= position < len(records):
        return Showing({})
    about = newest or records[position]
    at, threshold = about.index, about.threshold
    exact = newest is not None or session.exact
    step = _give(newest) if newest else cache(lambda: passes.step(position))
    mask: Made = lambda: step().mask if newest else passes.mask(position)  # noqa: E731
    if preview is not None and search is not None:
        threshold, mask = float(search.thresholds[preview]), lambda: search.mask(preview)
    place = frame, grid.placement.affine, grid.placement.shape
    key = session.serial, at
    volumes: dict[Kind, Volume] = {"mask": Volume((*key, preview), mask, *place)}
    if exact or passes.position_of_maps(position) is not None:
        volumes["error"] = Volume(key, lambda: step().error, *place)
        volumes["reconstruction"] = Volume(
            key, lambda: step().reconstruction, *place, then=_original(grid, opened)
        )
    words = f"pass {at + 1} of {session.passes_done}, {PHASES[about.phase]}"
    if not exact:
        words += "; maps of the nearest pass that kept them" if "error" in volumes else "; no maps"
    return Showing(volumes, threshold, words)


def _of_run(run: Run, serial: int, frame: Frame) -> Showing:
    arrays: dict[Kind, NDArray[Any]] = {
        "reconstruction": run.reconstruction,
        "error": run.error,
        "mask": run.mask,
    }
    key, place = (serial, "final"), (frame, run.affine, run.mask.shape)
    volumes = {kind: Volume(key, _give(array), *place) for kind, array in arrays.items()}
    return Showing(volumes, run.threshold, "the run's result, in the scan's voxels")


def _original(grid: OnGrid, opened: Opened) -> Callable[[NDArray[Any], Index], NDArray[Any]]:
    """From the model's units to the scan's intensities, in the brain alone."""
    affine, scaled, background = grid.placement.affine, grid.scaled, opened.scan.background
    brain = turned(grid.brain, affine)
    offset = turned(np.broadcast_to(scaled.offset, brain.shape), affine)

    def then(part: NDArray[Any], index: Index) -> NDArray[Any]:
        return np.where(brain[index], part * scaled.scale + offset[index], background)

    return then


def _give(one: T) -> Callable[[], T]:
    return lambda: one
