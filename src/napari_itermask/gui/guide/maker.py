"""Which guide belongs to the cutoff that is looked at? Made in a thread; the newest wins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.trouble import explain
from napari_itermask.method.guide import Spectrum

if TYPE_CHECKING:
    from napari_itermask.models.card import ModelCard
    from napari_itermask.prepare import OnGrid
    from napari_itermask.scans.scan import Scan


@dataclass(frozen=True, eq=False)
class Seen:
    """A scan on a model's grid, its spectrum, and the spectrum's power ``(n,)`` by frequency."""

    grid: OnGrid
    spectrum: Spectrum
    frequency: NDArray[np.float64]
    power: NDArray[np.float64]

    @classmethod
    def of(cls, scan: Scan, card: ModelCard, grid: OnGrid | None = None) -> Seen:
        """Made from a scan; ``grid``: the scan on the card's grid, where it is known already."""
        from napari_itermask.prepare import prepare

        if grid is None:
            grid = prepare(scan, card, card.settings.replace(cutoff=None))
        spectrum = Spectrum(grid.image, grid.placement.spacing)
        return cls(grid, spectrum, *spectrum.radial())


class GuideMaker(QObject):
    """Makes spectra and guides beside the window, one at a time.

    What is still waiting when something newer is wanted is never made.
    """

    seen = Signal(object)  # Seen
    made = Signal(object)  # OnGrid with the guide of the newest cutoff
    failed = Signal(str)  # a sentence

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._aside = Aside("itermask-guide", self)
        self._asked = 0  # counts the scans and models that were looked at
        self._seen: Seen | None = None
        self._wanted: float | None = None
        self._making = False

    def look(self, scan: Scan | None, card: ModelCard, grid: OnGrid | None = None) -> None:
        """Make the spectrum of ``scan`` on the card's grid; None: there is no scan."""
        self._asked += 1
        self._seen, self._wanted = None, None
        if scan is not None:
            self._aside.do(
                partial(Seen.of, scan, card, grid),
                partial(self._on_seen, self._asked),
                partial(self._on_failed, self._asked),
            )

    def want(self, cutoff: float) -> None:
        """Make the guide of ``cutoff`` (cycles/mm), once the spectrum is there."""
        self._wanted = cutoff
        self._make()

    def _make(self) -> None:
        seen, cutoff = self._seen, self._wanted
        if seen is None or cutoff is None or self._making:
            return
        self._making, self._wanted = True, None
        self._aside.do(
            lambda: replace(seen.grid, guide=seen.spectrum.guide(cutoff)),
            partial(self._on_made, self._asked),
            partial(self._on_failed, self._asked),
        )

    def _on_seen(self, asked: int, seen: Seen) -> None:
        if asked == self._asked:
            self._seen = seen
            self.seen.emit(seen)
            self._make()

    def _on_made(self, asked: int, grid: OnGrid) -> None:
        self._making = False
        if asked == self._asked:
            self.made.emit(grid)
        self._make()

    def _on_failed(self, asked: int, error: BaseException) -> None:
        self._making = False
        if asked == self._asked:
            self.failed.emit(explain(error).sentence)
