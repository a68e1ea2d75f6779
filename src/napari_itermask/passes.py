"""What did each pass give? Every pass of a run stays reachable, within a budget of memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_itermask.method.error import Mask
from napari_itermask.method.steps import Bits, Phase, Search, Step, pack, unpack
from napari_itermask.method.threshold import POINTS
from napari_itermask.spilled import Maps, Spilled


@dataclass(frozen=True, eq=False)
class _Pass:
    phase: Phase
    index: int
    number: int
    threshold: float
    masked: Bits
    mask: Bits
    search: Search | None


class Passes:
    """The passes of one run, by position from 0; one thread may add while another reads.

    Masks are kept exactly, as bits of the brain's voxels. Reconstruction and error are kept there
    as float16. Where they exceed the budget they go to disk if they may; else every second kept
    one is dropped, again and again, so that they stay evenly spread. The newest and the first of
    each phase are the last to go.

    Parameters
    ----------
    brain
        ``(X, Y, Z)`` bool, on the grid.
    maps_budget
        Bytes of memory for reconstructions and errors; 0: only masks are kept.
    spill
        A folder for what exceeds the budget, as a zarr array of its own; without it, or without
        zarr, maps are thinned. :meth:`close` removes what was written.
    """

    def __init__(self, brain: Mask, maps_budget: int = 0, spill: Path | None = None) -> None:
        self.brain = brain
        self.maps_budget = maps_budget
        self.spill = spill
        self._voxels = int(np.count_nonzero(brain))
        self._lock = threading.Lock()
        self._passes: list[_Pass] = []
        self._in_memory: dict[int, Maps] = {}
        self._on_disk: dict[int, int] = {}  # position: row of the array
        self._disk: Spilled | None = None
        self._firsts: set[int] = set()  # of each phase
        self._stride = 1
        self._outside = 0.0

    def __len__(self) -> int:
        return len(self._passes)

    @property
    def search(self) -> Search | None:
        """The finished search, if one of the passes ended it."""
        with self._lock:
            return self._passes[-1].search if self._passes else None

    @property
    def bytes_in_memory(self) -> int:
        """Memory that masks and maps take."""
        with self._lock:
            bits = {id(b): b.nbytes for p in self._passes for b in (p.masked, p.mask)}
            return sum(bits.values()) + len(self._in_memory) * self._size

    @property
    def bytes_on_disk(self) -> int:
        """What was spilled."""
        return len(self._on_disk) * self._size

    def add(self, step: Step) -> None:
        """Keep one more pass."""
        masked, mask = pack(step.masked, self.brain), pack(step.mask, self.brain)
        if self._passes and np.array_equal(masked, self._passes[-1].mask):
            masked = self._passes[-1].mask  # mostly so: held once
        kept = _Pass(step.phase, step.index, step.number, step.threshold, masked, mask, step.search)
        maps = self._maps_of(step) if self.maps_budget else None
        position = len(self._passes)
        row = self._spilled(maps) if maps is not None else None
        with self._lock:
            if not self._passes or self._passes[-1].phase != kept.phase:
                self._firsts.add(position)
            self._passes.append(kept)
            if row is not None:
                self._on_disk[position] = row
            elif maps is not None:
                self._in_memory[position] = maps
                self._thin()

    def step(self, position: int) -> Step:
        """The pass as a Step. Its masks are exact.

        Reconstruction and error are rounded to float16 and those of the nearest pass that kept
        them (:meth:`position_of_maps`); without any they are 0.
        """
        position = range(len(self))[position]
        kept = self._passes[position]
        with self._lock:
            near = self._nearest(position)
            maps = None if near is None else self._read(near)
        repaint, error = np.zeros((2, *self.brain.shape), np.float32)
        if maps is not None:
            repaint[~self.brain] = self._outside
            repaint[self.brain], error[self.brain] = maps
        masked, mask = unpack(kept.masked, self.brain), unpack(kept.mask, self.brain)
        for array in (masked, mask, repaint, error):
            array.flags.writeable = False
        return Step(
            kept.phase,
            kept.index,
            kept.number,
            kept.threshold,
            masked,
            mask,
            repaint,
            error,
            kept.search,
        )

    def masked(self, position: int) -> Mask:
        """The mask before the pass, ``(X, Y, Z)`` bool."""
        return unpack(self._passes[position].masked, self.brain)

    def mask(self, position: int) -> Mask:
        """The mask set after the pass, ``(X, Y, Z)`` bool."""
        return unpack(self._passes[position].mask, self.brain)

    def rows(self, voxels: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where voxels ``(n, 3)`` of the grid stand among the brain's; -1 for those outside it."""
        voxels = np.asarray(voxels, np.intp).reshape(-1, 3)
        rows = np.full(len(voxels), -1, np.intp)
        found = np.flatnonzero(((voxels >= 0) & (voxels < self.brain.shape)).all(axis=1))
        flat = np.ravel_multi_index(tuple(voxels[found].T), self.brain.shape)
        brain = self.brain.ravel()
        found, flat = found[brain[flat]], flat[brain[flat]]
        if len(flat) < 100:  # to count is quicker than to list them all
            rows[found] = [np.count_nonzero(brain[:i]) for i in flat]
        else:
            rows[found] = np.searchsorted(np.flatnonzero(brain), flat)
        return rows

    def masks_at(self, position: int, rows: NDArray[np.intp]) -> tuple[Mask, Mask]:
        """:meth:`masked` and :meth:`mask` at some :meth:`rows` alone, ``(n,)`` bool each."""
        kept = self._passes[position]
        byte, shift = rows >> 3, (7 - (rows & 7)).astype(np.uint8)
        before, after = ((bits[byte] >> shift & 1).view(bool) for bits in (kept.masked, kept.mask))
        return before, after

    def maps(self, position: int) -> Maps | None:
        """Reconstruction and error at the brain's voxels, not to be written to; None: not kept."""
        position = range(len(self))[position]
        with self._lock:
            held = position in self._in_memory or position in self._on_disk
            return self._read(position) if held else None

    def has_maps(self, position: int) -> bool:
        """Whether the pass kept its own reconstruction and error."""
        return self.position_of_maps(position) == range(len(self))[position]

    def position_of_maps(self, position: int) -> int | None:
        """Which pass's reconstruction and error :meth:`step` gives; None: no pass kept any."""
        with self._lock:
            return self._nearest(range(len(self))[position])

    def search_only(self, maps_budget: int | None = None, spill: Path | None = None) -> Passes:
        """The passes of a finished search, for a run that goes on from it; what is kept is shared.

        ``maps_budget`` None: budget and spill are these passes' own.
        """
        if maps_budget is None:
            maps_budget, spill = self.maps_budget, self.spill
        out = Passes(self.brain, maps_budget, spill)
        with self._lock:
            out._passes = self._passes[:POINTS]
            out._outside, out._stride, out._firsts = self._outside, self._stride, {0}
            if maps_budget:
                out._in_memory = {p: m for p, m in self._in_memory.items() if p < POINTS}
                out._on_disk = {p: row for p, row in self._on_disk.items() if p < POINTS}
                out._disk = self._disk.shared() if self._disk and out._on_disk else None
        out._thin()
        return out

    def close(self) -> None:
        """Remove what was spilled; masks, and the maps in memory, stay."""
        with self._lock:
            disk, self._disk = self._disk, None
            self._on_disk = {}
            self.spill = None
        if disk is not None:
            disk.release()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything but the maps, as plain arrays."""
        unique = {id(b): b for p in self._passes for b in (p.masked, p.mask)}
        row = {key: i for i, key in enumerate(unique)}
        return {
            "brain": np.packbits(self.brain),
            "shape": np.array(self.brain.shape),
            "bits": np.array(list(unique.values()), np.uint8),
            "masked": np.array([row[id(p.masked)] for p in self._passes]),
            "mask": np.array([row[id(p.mask)] for p in self._passes]),
            "refine": np.array([p.phase == "refine" for p in self._passes]),
            "index": np.array([p.index for p in self._passes]),
            "number": np.array([p.number for p in self._passes]),
            "threshold": np.array([p.threshold for p in self._passes]),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], calibrated: float | None = None
    ) -> Passes:
        """The passes that :meth:`to_arrays` wrote, with their search if it was finished.

        ``calibrated`` is the threshold that the search read from its first pass.
        """
        shape = tuple(int(n) for n in arrays["shape"])
        brain = np.unpackbits(arrays["brain"], count=int(np.prod(shape))).reshape(shape) > 0
        out, bits = cls(brain), list(arrays["bits"])
        if any(len(b) != (out._voxels + 7) // 8 for b in bits):
            raise ValueError("the masks are not those of this brain.")
        search = Search(brain, calibrated=calibrated)
        columns = (arrays[n] for n in ("refine", "index", "number", "threshold", "masked", "mask"))
        for refine, index, number, threshold, masked, mask in zip(*columns, strict=True):
            if not refine and not search.finished:
                search.thresholds.append(float(threshold))
                search.packed.append(bits[mask])
            out._passes.append(
                _Pass(
                    "refine" if refine else "search",
                    int(index),
                    int(number),
                    float(threshold),
                    bits[masked],
                    bits[mask],
                    search if search.finished else None,
                )
            )
        return out

    @property
    def _size(self) -> int:
        return 4 * self._voxels  # two maps of two bytes

    def _maps_of(self, step: Step) -> Maps:
        if not self._passes and not self.brain.all():
            # Outside the brain a network gives about the background; one value shows it best.
            self._outside = float(np.median(step.reconstruction[~self.brain]))
        brain = self.brain
        return half_maps(step.reconstruction[brain], step.error[brain], step.threshold)

    def _spilled(self, maps: Maps) -> int | None:
        """Write ``maps`` to disk if memory is full and there is a disk; the row they are in."""
        if self.spill is None or (len(self._in_memory) + 1) * self._size <= self.maps_budget:
            return None
        try:
            self._disk = self._disk or Spilled(self.spill, self._voxels)
            return self._disk.write(maps)
        except (ImportError, OSError):  # no zarr, or the disk is full: thinned from now on
            self.spill = None
            return None

    def _thin(self) -> None:
        newest = len(self._passes) - 1
        while True:
            for position in self._in_memory.keys() - self._firsts - {newest}:
                if position % self._stride:
                    del self._in_memory[position]
            if len(self._in_memory) * self._size <= self.maps_budget:
                return
            if self._stride > newest:
                break
            self._stride *= 2
        while len(self._in_memory) * self._size > self.maps_budget:
            del self._in_memory[min(self._in_memory)]

    def _nearest(self, position: int) -> int | None:
        kept = self._in_memory.keys() | self._on_disk.keys()
        return min(kept, key=lambda p: (abs(p - position), p)) if kept else None

    def _read(self, position: int) -> Maps:
        if position in self._in_memory:
            return self._in_memory[position]
        assert self._disk is not None
        return self._disk.read(self._on_disk[position])


def half_maps(
    reconstruction: NDArray[np.float32], error: NDArray[np.float32], threshold: float
) -> Maps:
    """Reconstruction and error ``(voxels,)`` as float16, each error on its side of ``threshold``.

    Rounding alone would carry errors across it, and a map would contradict the mask made of it.
    """
    top = np.finfo(np.float16).max
    maps = np.clip(np.stack([reconstruction, error]), -top, top).astype(np.float16)
    limit = np.float32(threshold)
    above = error > limit
    across = np.flatnonzero((maps[1].astype(np.float32) > limit) != above)
    aim = np.where(above[across], top, np.float16(0))
    maps[1, across] = np.nextafter(maps[1, across], aim)
    return maps
