"""How would the final mask change with gamma? A sweep over gammas, each refined to its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from napari_itermask.gui.parts.lines import Line
from napari_itermask.gui.parts.palette import Palette
from napari_itermask.gui.parts.plots import Plot, fill
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.refine.number_box import NumberBox, calm_wheel
from napari_itermask.gui.session import Session
from napari_itermask.gui.threshold.readings import Searched, sweep_ends

if TYPE_CHECKING:
    from napari_itermask.sweeps import SweepPoint

EMPTY = "Run once, then sweep: the final mask's volume appears here against gamma."
READY = "Press “Sweep gamma”: the final mask's volume appears here against gamma."
ABOUT = (
    "One point a gamma, each refined to its end from the same search.\nClick on a point, or choose "
    "it with Left and Right and press Return, to refine with its gamma."
)


class SweepPage(QWidget):
    """Final mask volume, and Dice where there is a truth, against gamma.

    Attributes
    ----------
    points
        What the sweep gave, from the smallest gamma.
    volume, dice
        The plots; the second is shown where there is a truth.
    low, high, count
        The boxes of the sweep's ends and of its number of points.
    sweep, export
        The buttons.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.points: list[SweepPoint] = []
        self._asked = 0  # how many points the sweep that goes on will give
        self._of: Searched | None = None  # the search that the points belong to
        self._marked = 0  # the point that the keys are at
        self.volume = Plot(
            "gamma (error / %)",
            "final mask (ml)",
            log=(True, False),
            about=f"Volume of the final mask against gamma.\n{ABOUT}",
        )
        self.dice = Plot(
            "gamma (error / %)",
            "Dice with the truth",
            log=(True, False),
            about=f"Overlap of the final mask with the truth against gamma.\n{ABOUT}",
        )
        self.dice.setYRange(0, 1, padding=0.05)
        self.dice.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(4)
        self._curves, self._cursors, self._gammas = [], [], []
        for plot in (self.volume, self.dice):
            self._curves.append(plot.draw_curve("curve", symbol="o", symbolSize=8))
            self._cursors.append(plot.draw_curve("tangent", pen=None, symbol="s", symbolSize=13))
            self._gammas.append(
                plot.draw_line(Line("tangent", "gamma {value}", at=0.9, vertical=True, log=True))
            )
            plot.clicked.connect(self._on_clicked)
            plot.arrow_pressed.connect(self._on_arrow)
            plot.entered.connect(self._on_entered)
            row.addWidget(plot, 1)
        row.addWidget(self._build_controls())
        for signal, slot in (
            (session.swept, self._on_swept),
            (session.searched, self._on_searched),
            (session.run_changed, self._on_searched),
            (session.settings_changed, self.refresh),
            (session.state_changed, self.refresh),
        ):
            listen(self, signal, slot)
        self._on_searched()

    @property
    def sweeping(self) -> bool:
        """Whether a sweep goes on."""
        return self.session.sweeping

    def wear(self, palette: Palette) -> None:
        """Take a theme's colours."""
        self.volume.wear(palette)
        self.dice.wear(palette)

    def refresh(self, *_: Any) -> None:
        """Show the points so far, and whether a sweep can be made."""
        ready = self.session.run is not None and bool(self._of and self._of.curve)
        self.volume.say("" if self.points else READY if ready else EMPTY)
        for gammas in self._gammas:
            gammas.place(self.session.settings.gamma if self.points else None)
        with_truth = [p for p in self.points if p.dice is not None]
        self.dice.setVisible(bool(with_truth))
        for plot, shown, name in (
            (0, self.points, "mask_ml"),
            (1, with_truth, "dice"),
        ):
            values = np.array([getattr(p, name) for p in shown], float)
            fill(self._curves[plot], np.array([p.gamma for p in shown]), values)
            marked = [p for p in shown if p is self._point()]
            fill(self._cursors[plot], [p.gamma for p in marked], [getattr(p, name) for p in marked])
        if self.points:
            self.volume.show_range(0, 1.1 * max(1e-3, *(p.mask_ml for p in self.points)))
            for plot in (self.volume, self.dice):
                low, high = self.low.value(), self.high.value()
                plot.setXRange(*np.log10([low, high]), padding=0.06)
                plot.tick("bottom", low, high)
        self._say_state(ready)

    def _point(self) -> SweepPoint | None:
        """The point that the keys are at."""
        return self.points[self._marked] if self._marked < len(self.points) else None

    def _say_state(self, ready: bool) -> None:
        done, session = len(self.points), self.session
        self.sweep.setText("Stop" if self.sweeping else "Sweep gamma")
        self.sweep.setEnabled(self.sweeping or (ready and not session.running))
        self.export.setEnabled(bool(self.points) and not self.sweeping)
        point = self._point()
        if self.sweeping:
            words = f"Refined {done} of {max(done, self._asked)} gammas."
        elif point is None:
            words = "" if ready else "A finished run with a search is needed."
        else:
            dice = "" if point.dice is None else f", Dice {point.dice:.3f}"
            words = f"■ gamma {point.gamma:.4g}: {point.mask_ml:.1f} ml{dice}"
        self.state.setText(words)

    def _on_searched(self, *_: Any) -> None:
        searched = Searched.of(self.session)
        if self._of is None or searched.thresholds != self._of.thresholds:
            self._of, self.points, self._marked = searched, [], 0
            settings = self.session.settings
            fit = searched.fit(settings)
            if fit is not None:
                for box, end in zip(
                    (self.low, self.high), sweep_ends(fit, settings.gamma), strict=True
                ):
                    box.setValue(end)
        self.refresh()

    def _on_button(self) -> None:
        session = self.session
        if self.sweeping:
            session.stop()
            self.sweep.setEnabled(False)
            return
        low, high = sorted((self.low.value(), self.high.value()))
        gammas = [float(f"{g:.4g}") for g in np.geomspace(low, high, self.count.value())]
        self.points, self._asked, self._marked = [], len(gammas), 0
        session.sweep(gammas)
        self.refresh()

    def _on_swept(self, point: SweepPoint | None) -> None:
        if point is not None:
            self.points = sorted([*self.points, point], key=lambda p: p.gamma)
        self.refresh()

    def _on_clicked(self, gamma: float, _: float) -> None:
        if not self.points or gamma <= 0:
            return
        away = [abs(np.log10(p.gamma / gamma)) for p in self.points]
        low, high = self.volume.getPlotItem().viewRange()[0]
        if min(away) < 0.05 * (high - low):
            self._marked = int(np.argmin(away))
            self._on_entered()

    def _on_arrow(self, by: int) -> None:
        self._marked = min(max(0, self._marked + by), max(0, len(self.points) - 1))
        self.refresh()

    def _on_entered(self) -> None:
        point = self._point()
        if point is not None:
            if self.sweeping:
                self.session.stop()
            self.session.tune(threshold_rule="tangent", gamma=point.gamma)
            self.refresh()

    def _on_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export the sweep", "sweep.csv", "CSV (*.csv)")
        if name:
            from napari_itermask.sweeps import write_table

            write_table(Path(name), self.points)

    def _build_controls(self) -> QWidget:
        controls = QWidget()
        controls.setFixedWidth(220)
        controls.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        grid = QGridLayout(controls)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        self.low, self.high = NumberBox(1e-6, 1000), NumberBox(1e-6, 1000)
        self.count = QSpinBox()
        self.count.setRange(2, 50)
        self.count.setValue(12)
        calm_wheel(self.count)
        for at, (words, box, about) in enumerate(
            (
                ("gamma from", self.low, "Smallest gamma of the sweep."),
                ("to", self.high, "Largest gamma of the sweep."),
                ("points", self.count, "How many gammas, evenly spread on the log axis."),
            )
        ):
            label = QLabel(words)
            label.setBuddy(box)
            box.setToolTip(about)
            box.setAccessibleName(f"sweep: {words}")
            grid.addWidget(label, at, 0)
            grid.addWidget(box, at, 1)
        self.sweep = QPushButton("Sweep gamma")
        self.sweep.setToolTip(
            "Refine once for each gamma, from the search that is there.\n"
            "Price: a few passes each; it can be stopped."
        )
        self.sweep.clicked.connect(self._on_button)
        self.export = QPushButton("Export CSV…")
        self.export.setToolTip("Save gamma, threshold, volume and Dice of each point as a table.")
        self.export.clicked.connect(self._on_export)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setAlignment(Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.sweep, 3, 0, 1, 2)
        grid.addWidget(self.export, 4, 0, 1, 2)
        grid.addWidget(self.state, 5, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(5, 1)
        return controls
