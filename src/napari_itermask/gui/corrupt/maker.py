"""Which corrupted scan belongs to what is asked for? Made in a thread; the newest request wins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_itermask.gui.placed.space import to_layer

if TYPE_CHECKING:
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.scans.scan import Scan
    from napari_itermask.synthetic.corrupted import Corrupted


@dataclass(frozen=True)
class Wanted:
    """What is asked for, as of :func:`napari_itermask.corrupt`."""

    effect: str
    severity: float
    seed: int

    @property
    def words(self) -> str:
        """The same in a few words, "spike 2, seed 1"."""
        return f"{self.effect} {self.severity:g}, seed {self.seed}"


@dataclass(frozen=True, eq=False)
class Made:
    """A corrupted scan, and how layers show it.

    Attributes
    ----------
    wanted
        What was asked for.
    corrupted
        The scan, its truth and its draw.
    image, truth
        ``(S, A, R)`` float32 and uint8, as layers hold them.
    truth_ml, share
        How much changed visibly: in ml, and of the brain.
    """

    wanted: Wanted
    corrupted: Corrupted
    image: NDArray[np.float32]
    truth: NDArray[np.uint8]
    truth_ml: float
    share: float

    @classmethod
    def of(cls, scan: Scan, wanted: Wanted) -> Made:
        """Made from the clean scan."""
        from napari_itermask.synthetic.corrupted import corrupt

        made = corrupt(scan, wanted.effect, wanted.severity, wanted.seed)
        voxels = int(np.count_nonzero(made.truth))
        return cls(
            wanted=wanted,
            corrupted=made,
            image=to_layer(made.scan.image, made.scan.affine),
            truth=to_layer(made.truth, made.scan.affine).astype(np.uint8),
            truth_ml=voxels * made.scan.voxel_ml,
            share=voxels / int(np.count_nonzero(scan.brain)),
        )


class CorruptMaker(QObject):
    """Corrupts one scan beside the window, one request at a time.

    A request that waits when a newer one comes is never made, and one that goes on then is dropped
    once it is through.
    """

    made = Signal(object)  # Made, of the newest request
    failed = Signal(object)  # what was raised by the newest request
    busy_changed = Signal()

    def __init__(self, aside: Aside, parent: QObject) -> None:
        super().__init__(parent)
        self._aside = aside
        self._scan: Scan | None = None
        self._asked = 0  # counts the requests, and the times that they were dropped
        self._wanted: Wanted | None = None
        self._making = False

    @property
    def busy(self) -> str:
        """What is waited for, in words; "" when nothing is."""
        return self._wanted.words if self._wanted else ""

    def look(self, scan: Scan | None) -> None:
        """Take the clean scan; what was asked for of another one is dropped."""
        self._scan = scan
        self.want(None)

    def want(self, wanted: Wanted | None) -> None:
        """Ask for something else; None: for nothing."""
        self._asked += 1
        self._wanted = wanted if self._scan is not None else None
        self._make()
        self.busy_changed.emit()

    def _make(self) -> None:
        scan, wanted = self._scan, self._wanted
        if scan is None or wanted is None or self._making:
            return
        self._making = True
        self._aside.do(
            partial(Made.of, scan, wanted),
            partial(self._on_end, self._asked, self.made),
            partial(self._on_end, self._asked, self.failed),
        )

    def _on_end(self, asked: int, signal: Any, outcome: Made | BaseException) -> None:
        self._making = False
        if asked != self._asked:  # a newer one came meanwhile
            self._make()
            return
        self._wanted = None
        self.busy_changed.emit()
        signal.emit(outcome)
