"""The spectrum of a brain, where the guide's cutoff cuts it, and where models were trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal

from napari_itermask.gui.parts.lines import Line
from napari_itermask.gui.parts.plots import Plot, fill
from napari_itermask.gui.threshold.readings import round_4
from napari_itermask.method.guide import PUBLISHED_CUTOFF


class GuidePlot(Plot):
    """Power against frequency, both on log axes, with wavelengths along the top.

    Attributes
    ----------
    cut
        The line at the cutoff; it can be dragged.
    """

    dragged = Signal(float)  # the cutoff, in cycles/mm, to four digits

    def __init__(self) -> None:
        super().__init__(
            "frequency (cycles/mm)",
            "power (scaled intensity²)",
            top="wavelength (mm)",
            log=(True, True),
            about="The spectrum of the brain as the network gets it.\n"
            "In the shaded part waves keep their place but lose their amplitude; beyond it the "
            "network always sees them.\nDrag the cut.",
        )
        self.setMinimumHeight(190)
        self._power = self.draw_curve("curve")
        self._shade = self.draw_shade()
        self._published = self.draw_line(
            Line("limit", "published", at=0.05, vertical=True, log=True)
        )
        self._trained = self.draw_line(
            Line("calibrated", "trained", at=0.15, vertical=True, log=True)
        )
        self.cut = self.draw_line(
            Line(
                "manual",
                "cut {value}",
                at=0.93,
                vertical=True,
                log=True,
                movable=True,
                bounds=(1e-4, 10.0),
            )
        )
        self.cut.stress(strong=True)
        self.cut.sigDragged.connect(self._on_dragged)
        self.cut.sigPositionChangeFinished.connect(self._on_dragged)

    def show_spectrum(
        self, frequency: NDArray[np.float64], power: NDArray[np.float64], low: float, high: float
    ) -> None:
        """Show power ``(n,)`` by frequency, from ``low`` to ``high`` cycles/mm."""
        self.say("")
        fill(self._power, frequency, np.where(power > 0, power, np.nan))
        self.setXRange(*np.log10([low, high]), padding=0.03)
        self.tick("bottom", low, high)
        self.tick("top", low, high, inverse=True)

    def show_cutoff(self, cutoff: float, trained: float) -> None:
        """Draw the cut at ``cutoff``, and mark the one that the model learnt with."""
        self.cut.place(cutoff)
        self._shade.setRegion((-9.0, float(np.log10(cutoff))))
        same = bool(np.isclose(trained, PUBLISHED_CUTOFF, rtol=1e-6))
        self._published.rename("published, trained" if same else "published")
        self._published.place(PUBLISHED_CUTOFF)
        self._trained.place(None if same else trained)

    def _on_dragged(self, line: Line) -> None:
        self.dragged.emit(round_4(line.number()))
