"""The Threshold dock: the search's curve, alive, with the lines that tune it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QSizePolicy, QTabBar, QTabWidget, QVBoxLayout, QWidget

from napari_itermask.gui.parts.look import dress
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.session import Session


class ThresholdDock(QWidget):
    """Three pages: the curve, a sweep of gamma, and the passes of the run.

    Parameters
    ----------
    napari_viewer
        The viewer whose theme it wears.
    session
        None: the viewer's own.

    Attributes
    ----------
    curve, sweep, passes
        The pages.
    """

    def __init__(self, napari_viewer: Any, session: Session | None = None) -> None:
        # pyqtgraph takes a tenth of a second: only where a dock is opened.
        from napari_itermask.gui.threshold.curve_page import CurvePage
        from napari_itermask.gui.threshold.passes_page import PassesPage
        from napari_itermask.gui.threshold.sweep_page import SweepPage

        super().__init__()
        if session is None:
            from napari_itermask.gui.stream import session_of

            session = session_of(napari_viewer)
        self._viewer = napari_viewer
        self.session = session
        self.curve = CurvePage(session)
        self.sweep = SweepPage(session)
        self.passes = PassesPage(session)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        bar = QTabBar()
        bar.setDrawBase(False)
        self.tabs.setTabBar(bar)
        for page, name, about in (
            (self.curve, "Curve", "The curve of the search, and where the threshold is taken."),
            (self.sweep, "Sweep", "The final mask against gamma."),
            (self.passes, "Passes", "Mask and threshold, pass by pass."),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(page, name), about)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(700, 170)
        dress(self, napari_viewer)
        listen(self, napari_viewer.events.theme, self._wear)
        self._wear()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide and low: it lies under the canvas."""
        return QSize(900, 220)

    def _wear(self, *_: Any) -> None:
        from napari_itermask.gui.parts.palette import Palette

        palette = Palette.of(self._viewer.theme)
        for page in (self.curve, self.sweep, self.passes):
            page.wear(palette)
