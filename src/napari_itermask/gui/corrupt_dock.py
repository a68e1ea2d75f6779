"""Would the method see this? An anomaly or artefact is put into the open scan, and looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, QTimer
from qtpy.QtWidgets import (
    QGridLayout,
    QLabel,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.corrupt.controls import Controls
from napari_itermask.gui.corrupt.keeping import Keeping
from napari_itermask.gui.corrupt.maker import CorruptMaker, Made, Wanted
from napari_itermask.gui.corrupt.preview import Preview, back_to, clean_of, show_only
from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.calm import Calm
from napari_itermask.gui.parts.look import dress
from napari_itermask.gui.parts.messages import Messages, Remedy
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.refine.run_panel import KEYS
from napari_itermask.gui.stream import stream_of
from napari_itermask.gui.trouble import explain
from napari_itermask.gui.where.orientation import itself

if TYPE_CHECKING:
    from napari_itermask.gui.opening import Opened

SETTLE_MS = 150
"""After the last change, before the corrupted scan is made anew."""


class CorruptDock(QWidget):
    """Effect, severity and seed; the corrupted scan and its truth as layers over the clean scan.

    Parameters
    ----------
    napari_viewer
        The viewer in whose session the scan is open.

    Attributes
    ----------
    controls
        What is asked for.
    preview
        The layers that show it.
    made
        What they show; None without one.
    state, bar
        How much changed, and whether something is being made.
    use, back, save, copy
        The buttons.
    keeping
        What the last two do.
    messages
        What went wrong, or what can be done next.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        viewer = itself(napari_viewer)
        self._viewer, self._stream = viewer, stream_of(viewer)
        self.session = self._stream.session
        self.made: Made | None = None
        self._clean: Opened | None = None
        self._used: Made | None = None  # what the open scan is, if it came from here
        self._aside = Aside("itermask-corrupt", self)
        self._maker = CorruptMaker(self._aside, self)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self.preview = Preview(viewer)
        self.controls = Controls()
        self.messages = Messages()
        self.keeping = Keeping(self, self._aside, self.messages)
        self._make_controls()
        self._lay_out()
        self._wire()
        dress(self, viewer)
        self._on_scan()

    @property
    def busy(self) -> bool:
        """Whether something newer than what is shown is on its way."""
        return bool(self._maker.busy) or self._settle.isActive()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Narrow: it lies beside the canvas."""
        return QSize(340, 480)

    def hideEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Take the preview away when the dock is closed; one that lies behind others is not hidden.

        When the whole window goes, its layers go with it.
        """
        window = self.window()
        goes = isinstance(window, QMainWindow) and not window.isVisible()
        if not event.spontaneous() and not goes:
            self._forget()
        super().hideEvent(event)

    # What is asked for ------------------------------------------------------------------------

    def _on_change(self) -> None:
        self.messages.clear()
        if self.controls.wanted is None:
            self._forget()
        else:
            self._settle.start()
            self._refresh()

    def _ask(self) -> None:
        self._settle.stop()
        self._maker.want(self.controls.wanted)

    def _on_made(self, made: Made) -> None:
        before, self.made = self.made, made
        clean = self._clean
        if clean is None:
            return
        self.preview.show(made, clean, self._stream.scan_layer)
        wanted = made.wanted
        if before is None or replace(before.wanted, severity=wanted.severity) != wanted:
            self.preview.go_to_truth()
        if before is not None and _same_draw(before, made):
            self.messages.note(f"{wanted.effect} leaves nothing to chance: any seed gives this.")
        if wanted.severity and not made.truth.any():
            self.messages.note(
                f"{wanted.effect} changed nothing visible in this brain: raise the severity."
            )
        self._refresh()

    def _on_failed(self, error: BaseException) -> None:
        self.messages.warn(explain(error).sentence)
        self._refresh()

    def _forget(self) -> None:
        """No effect, no preview; nothing that is on its way comes."""
        self._settle.stop()
        self.made = None
        self._maker.want(None)
        self.preview.remove()
        self.controls.choose_none()
        self._refresh()

    # What the session says --------------------------------------------------------------------

    def _on_scan(self, _: Any = None) -> None:
        opened = self.session.opened
        origin = clean_of(opened)
        clean = origin or opened
        known = clean is not None and self._clean is not None and clean.scan is self._clean.scan
        self._clean = clean
        if origin is None:
            self._used = None
        if not known:
            self._maker.look(clean.scan if clean else None)
        if origin is None or not known:
            self.messages.clear()
            self._forget()
        show_only(self._viewer, opened)
        self._refresh()

    def _on_state(self, state: str) -> None:
        if state == "running":  # of the open scan, which must not lie under another one then
            self.preview.hide()

    # What the buttons do ----------------------------------------------------------------------

    def use_as_scan(self) -> None:
        """Open the corrupted scan, with the clean one's brain mask and with its truth."""
        made, clean, session = self.made, self._clean, self.session
        if made is None or clean is None:
            return
        if clean_of(session.opened) is None:
            clean = replace(clean, layer=self._stream.scan_layer, truth=session.truth)
        if len(self.preview.layers) < 2:
            self.preview.show(made, clean, self._stream.scan_layer)
        self._used = made
        session.open(self.preview.hand_over(made, clean))
        self._refresh()

    def back_to_clean(self) -> None:
        """Open the clean scan again, with the truth that it had."""
        clean = clean_of(self.session.opened)
        if clean is not None:
            self.session.open(back_to(clean, self._viewer))

    def _on_save(self) -> None:
        if self.made is not None and self._clean is not None:
            self.keeping.save(self.made, self._clean.scan)

    def _on_copy(self) -> None:
        wanted, clean = self.controls.wanted, self._clean
        if wanted is not None and clean is not None:
            self.keeping.copy(clean, wanted)

    # What is shown ----------------------------------------------------------------------------

    def _refresh(self) -> None:
        made, wanted, clean = self.made, self.controls.wanted, self._clean
        ready = made is not None and not self.busy
        self.controls.setEnabled(clean is not None)
        self.use.setEnabled(ready and made is not self._used)
        self.save.setEnabled(ready)
        self.copy.setEnabled(wanted is not None)
        self.back.setEnabled(clean_of(self.session.opened) is not None)
        self.bar.setVisible(bool(self._maker.busy))
        self.state.setText(self._state_words(wanted))
        ways = []
        if ready and self.preview.layers and made is not None and made.truth.any():
            tip = "Go to the slice where the truth is largest, in the plane that is shown."
            ways = [Remedy("Show the truth", tip, self.preview.go_to_fullest)]
        self.messages.hint(self._hint_words(), ways)

    def _state_words(self, wanted: Wanted | None) -> str:
        made = self.made
        if self.busy and wanted is not None:
            return f"{wanted.words}: being made …"
        if made is None:
            return ""
        return f"{made.truth_ml:.3g} ml changed visibly, {100 * made.share:.2g} % of the brain."

    def _hint_words(self) -> str:
        run, clean, made = KEYS["run"], self._clean, self.made
        if clean is None:
            return "Open a scan in Refine: here an anomaly or artefact is put into it."
        if made is not None and made is not self._used:
            return (
                f"{clean.name} itself stays as it is. To see what the method makes of this: Use as "
                f"scan, then Run ({run})."
            )
        opened = self.session.opened
        if opened is not None and clean_of(opened) is not None:
            return (
                f"{opened.name} is open, and its truth known: press Run ({run}). The Sweep page of "
                "Threshold then shows Dice too."
            )
        return (
            f"Choose an effect: it is shown over {clean.name}, its truth as an outline. "
            f"{clean.name} itself stays as it is."
        )

    def _make_controls(self) -> None:
        self.state = QLabel()
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setToolTip("The corrupted scan is being made; a newer wish takes its place.")
        keeps = self.bar.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(keeps)
        use = (
            "Open the corrupted scan: Run refines it.\nIt keeps the clean scan's brain mask, and "
            "its truth is known.\nA run that goes on ends."
        )
        back = "Open the scan that nothing was put into; the corrupted one stays as a layer."
        save = "Write scan, brain mask, truth and draw.json into a folder."
        copy = "Put the shell command that makes the same on the clipboard."
        self.use = _button("&Use as scan", use, self.use_as_scan)
        self.back = _button("&Back to the clean scan", back, self.back_to_clean)
        self.save = _button("&Save…", save, self._on_save)
        self.copy = _button("&Copy as command", copy, self._on_copy)

    def _lay_out(self) -> None:
        buttons = QGridLayout()
        buttons.setSpacing(4)
        for at, button in enumerate((self.use, self.back, self.save, self.copy)):
            buttons.addWidget(button, *divmod(at, 2))
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(6)
        column.addWidget(self.controls)
        column.addWidget(Calm(self.state))
        column.addWidget(self.bar)
        column.addLayout(buttons)
        column.addStretch(1)
        column.addWidget(self.messages)

    def _wire(self) -> None:
        self.controls.changed.connect(self._on_change)
        self._settle.timeout.connect(self._ask)
        self._maker.made.connect(self._on_made)
        self._maker.failed.connect(self._on_failed)
        self._maker.busy_changed.connect(self._refresh)
        listen(self, self.session.scan_changed, self._on_scan)
        listen(self, self.session.state_changed, self._on_state)


def _button(text: str, tip: str, does: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(does)
    return button


def _same_draw(before: Made, made: Made) -> bool:
    """Whether another seed gave the same."""
    same = replace(before.wanted, seed=made.wanted.seed) == made.wanted != before.wanted
    return same and before.corrupted.draw == made.corrupted.draw
