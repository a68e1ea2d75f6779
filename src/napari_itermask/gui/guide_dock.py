"""The Guide dock: which waves of the image may the network always see? The cutoff, alive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import qthrottled

from napari_itermask.gui.guide.maker import GuideMaker, Seen
from napari_itermask.gui.parts.boxes import refuse, say_what_must, set_quietly
from napari_itermask.gui.parts.look import dress
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.refine.fields import help_of, range_words
from napari_itermask.gui.refine.number_box import NumberBox, calm_wheel
from napari_itermask.gui.session import Session
from napari_itermask.gui.threshold.readings import round_4

if TYPE_CHECKING:
    from napari_itermask.prepare import OnGrid

EMPTY = "Open a scan: the spectrum of its brain appears here."
LEAST_WAVE = "wavelength must be at least 0.1 mm"
STEPS = 1000
STEP_MS = 50
"""A cutoff that moves is followed at 20 Hz."""


class GuideDock(QWidget):
    """The guide's cutoff as a frequency and as a wavelength, in the spectrum, and as a layer.

    Parameters
    ----------
    napari_viewer
        The viewer in whose layers the guide is shown.
    session
        None: the viewer's own.

    Attributes
    ----------
    frequency, wavelength
        The boxes, in cycles/mm and in mm.
    slider
        The same on a log scale.
    plot
        The spectrum with the cut.
    live
        Whether the guide is shown as a layer while the cutoff moves.
    words
        The label that compares the cutoff with the model's.
    use, back
        The buttons.
    """

    guide_ready = Signal(object)  # OnGrid with the guide of the newest cutoff

    def __init__(self, napari_viewer: Any, session: Session | None = None) -> None:
        super().__init__()
        if session is None:
            from napari_itermask.gui.stream import session_of

            session = session_of(napari_viewer)
        self.session = session
        self._viewer = napari_viewer
        self._cutoff = session.settings.cutoff or session.model.card.cutoff
        self._shown: tuple[Any, Any] | None = None  # scan and card whose spectrum is shown
        self._maker = GuideMaker(self)
        self._maker.seen.connect(self._on_seen)
        self._maker.made.connect(self._on_made)
        self._ask_soon = qthrottled(self._ask, timeout=STEP_MS, leading=True)
        self._build()
        self._maker.failed.connect(self.plot.say)
        dress(self, napari_viewer)
        for signal, slot in (
            (napari_viewer.events.theme, self._wear),
            (session.scan_changed, self._look),
            (session.model_changed, self._look),
            (session.settings_changed, self._on_settings),
        ):
            listen(self, signal, slot)
        self._wear()
        self._on_settings()

    @property
    def cutoff(self) -> float:
        """The cutoff that is looked at, in cycles/mm."""
        return self._cutoff

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Narrow: it lies beside the canvas."""
        return QSize(340, 480)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Make the spectrum that was not needed while nobody looked."""
        super().showEvent(event)
        self._look()

    def _look(self, *_: Any) -> None:
        """Have the spectrum of the open scan made for the chosen model, once it is looked at."""
        session = self.session
        scan, card = session.scan, session.model.card
        same = self._shown is not None and self._shown[0] is scan and self._shown[1] == card
        if same or not self.isVisible():
            return
        self._shown = scan, card
        self.plot.say(EMPTY if scan is None else "The spectrum is being made.")
        run = session.run
        known = run is not None and run.scan is scan and run.record.card == card
        self._maker.look(scan, card, run.on_grid if run is not None and known else None)
        self._show_cutoff()

    def _on_seen(self, seen: Seen) -> None:
        self.plot.show_spectrum(seen.frequency, seen.power, *_ends(seen))

    def _on_made(self, grid: OnGrid) -> None:
        from napari_itermask.gui.stream import stream_of

        opened = self.session.opened
        if opened is not None:
            stream_of(self._viewer).canvas.show_guide(grid.guide, grid.placement, opened.view)
        self.guide_ready.emit(grid)

    def _ask(self) -> None:
        if self.live.isChecked() and self.session.scan is not None:
            self._look()
            self._maker.want(self._cutoff)

    def _on_live(self, live: bool) -> None:
        from napari_itermask.gui.stream import stream_of

        self._ask()
        layer = stream_of(self._viewer).canvas.layer("guide")
        if layer is not None and not live:
            layer.visible = False

    def _move(self, cutoff: float, source: QWidget | None = None) -> None:
        """Look at another cutoff, in every control but the one that it comes from."""
        try:
            self.session.settings.replace(cutoff=cutoff)
        except ValidationError:
            self._refuse(source)
            return
        self._cutoff = cutoff
        self._show_cutoff(source)
        self._ask_soon()

    def _show_cutoff(self, source: QWidget | None = None) -> None:
        if source is not self.frequency:
            short = source is self.wavelength  # of 1/12 a few digits, of what was set all
            set_quietly(self.frequency, _six(self._cutoff) if short else self._cutoff)
        if source is not self.wavelength:
            set_quietly(self.wavelength, _six(1 / self._cutoff))
        if source is not self.slider:
            before = self.slider.blockSignals(True)
            self.slider.setValue(round(STEPS * self._share(self._cutoff)))
            self.slider.blockSignals(before)
        self.plot.show_cutoff(self._cutoff, self.session.model.card.cutoff)
        self._say_words()

    def _say_words(self) -> None:
        card, own = self.session.model.card, self.session.settings.cutoff
        trained, used = _same(self._cutoff, card.cutoff), own or card.cutoff
        if trained:
            words = f"This is the cutoff that {card.name} learnt with."
        else:
            words = (
                f"⚠ {card.name} learnt with {_both(card.cutoff)}: with another guide it may "
                "repaint worse. Price: a new search, a hundred passes."
            )
        here = _same(self._cutoff, used)
        self.words.setText(f"{words} {'It is in use.' if here else f'In use: {_both(used)}.'}")
        self.use.setEnabled(not here)
        self.back.setEnabled(not trained or own is not None)

    def _refuse(self, box: QWidget | None) -> None:
        if box is self.wavelength:
            refuse(self.wavelength, _six(1 / self._cutoff), LEAST_WAVE)
        elif box is self.frequency:
            refuse(self.frequency, self._cutoff, _must())

    def _on_frequency(self, cutoff: float) -> None:
        self._move(cutoff, self.frequency)

    def _on_wavelength(self, wavelength: float) -> None:
        self._move(1 / wavelength if wavelength > 0 else -1.0, self.wavelength)

    def _on_slider(self, place: int) -> None:
        low, high = np.log10(self._range())
        self._move(round_4(10 ** (low + (high - low) * place / STEPS)), self.slider)

    def _on_use(self) -> None:
        own = _same(self._cutoff, self.session.model.card.cutoff)
        self.session.tune(cutoff=None if own else self._cutoff)

    def _on_back(self) -> None:
        self._move(self.session.model.card.cutoff)
        self.session.tune(cutoff=None)

    def _on_settings(self, *_: Any) -> None:
        self._cutoff = self.session.settings.cutoff or self.session.model.card.cutoff
        self._show_cutoff()

    def _range(self) -> tuple[float, float]:
        """The frequencies that the model's grid holds, in cycles/mm."""
        grid = self.session.model.card.grid
        sides = [n * s for n, s in zip(grid.shape, grid.spacing, strict=True)]
        return 1 / max(sides), 0.5 / min(grid.spacing)

    def _share(self, cutoff: float) -> float:
        low, high = np.log10(self._range())
        return float(np.clip((np.log10(cutoff) - low) / (high - low), 0, 1))

    def _wear(self, *_: Any) -> None:
        from napari_itermask.gui.parts.palette import Palette

        self.plot.wear(Palette.of(self._viewer.theme))

    def _build(self) -> None:
        # pyqtgraph takes a tenth of a second: only where a dock is opened.
        from napari_itermask.gui.guide.plot import GuidePlot

        self.plot = GuidePlot()
        self.plot.say(EMPTY)
        self.plot.dragged.connect(self._move)
        self.live = QCheckBox("show the guide as a layer")
        self.live.setChecked(True)
        self.live.setToolTip(
            "Show what the network would always see, as the layer “guide”, while the cutoff moves."
        )
        self.live.toggled.connect(self._on_live)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.use = QPushButton("Use this cutoff")
        self.use.setToolTip(
            "Take this cutoff into the settings.\nPrice: a new search, a hundred passes.\n"
            "A run that goes on begins again; else it counts from the next run."
        )
        self.use.clicked.connect(self._on_use)
        self.back = QPushButton("Back to the model's")
        self.back.setToolTip("Take the cutoff that the model was trained with.")
        self.back.clicked.connect(self._on_back)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(6)
        column.addLayout(self._rows())
        column.addWidget(self.live)
        column.addWidget(self.plot, 1)
        column.addWidget(self.words)
        buttons = QHBoxLayout()
        buttons.addWidget(self.use)
        buttons.addWidget(self.back)
        column.addLayout(buttons)

    def _rows(self) -> QGridLayout:
        self.frequency = NumberBox(1e-4, 10.0, unit="cycles/mm")
        self.frequency.setToolTip(help_of("cutoff"))
        say_what_must(self.frequency, _must())
        self.frequency.valueChanged.connect(self._on_frequency)
        self.wavelength = NumberBox(0.1, 1e4, unit="mm")
        self.wavelength.setToolTip(
            "The cutoff as a wavelength: longer waves lose their amplitude in the guide."
        )
        say_what_must(self.wavelength, LEAST_WAVE)
        self.wavelength.valueChanged.connect(self._on_wavelength)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMaximum(STEPS)
        self.slider.setToolTip(
            "The cutoff on a log scale, from one wave along the grid's longest side to two voxels "
            "a wave."
        )
        self.slider.valueChanged.connect(self._on_slider)
        calm_wheel(self.slider)
        rows = QGridLayout()
        rows.setHorizontalSpacing(6)
        rows.setVerticalSpacing(4)
        rows.setColumnStretch(1, 1)
        for at, (name, control) in enumerate(
            (("cutoff", self.frequency), ("wavelength", self.wavelength), ("scale", self.slider))
        ):
            control.setAccessibleName("cutoff, log scale" if name == "scale" else name)
            label = QLabel(name)
            label.setBuddy(control)
            label.setToolTip(control.toolTip())
            rows.addWidget(label, at, 0)
            rows.addWidget(control, at, 1)
        return rows


def _ends(seen: Seen) -> tuple[float, float]:
    return seen.spectrum.lowest, seen.spectrum.highest


def _must() -> str:
    return f"cutoff must be {range_words('cutoff')}"


def _same(one: float, other: float) -> bool:
    return bool(np.isclose(one, other, rtol=1e-6))


def _six(value: float) -> float:
    return float(f"{value:.6g}")


def _both(cutoff: float) -> str:
    return f"{cutoff:.4g} cycles/mm ({1 / cutoff:.3g} mm)"
