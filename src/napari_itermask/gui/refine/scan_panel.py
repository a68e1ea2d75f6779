"""Which scan, and which part of it is brain? The first rows of the Refine dock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QWidget,
)

from napari_itermask.gui.parts.look import align
from napari_itermask.gui.parts.messages import Remedy, copying
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.placed.claims import KEY
from napari_itermask.gui.refine.layer_choice import LayerChoice
from napari_itermask.gui.refine.number_box import NumberBox
from napari_itermask.gui.runs.asking import ask_file
from napari_itermask.gui.session import Session
from napari_itermask.scans.strip import STRIPPERS, available_strippers

INSTALL = 'pip install "napari-itermask[strip]"'
_VOLUMES = "Volumes (*.nii *.nii.gz *.mgz *.mgh *.hdr *.img);;All files (*)"
_FOUND = "found in the scan"


class ScanPanel(QWidget):
    """The scan's layer, a file instead, and the brain mask; a choice opens the scan at once.

    Where nothing was chosen yet, the first volume that comes into the viewer is taken.
    """

    def __init__(self, viewer: Any, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._session = viewer, session
        self._asked: Any = None  # the source that was opened last, be it in vain
        self._spacing: tuple[Any, Any] = (None, None)  # a source, and the answer about it
        self._brain: Any = None  # the choice that the open scan was opened with
        self._now: Any = None  # the one of the opening that goes on
        self.scan = LayerChoice(
            viewer,
            _may_be_scan,
            [("choose a scan", None)],
            "The scan to refine: an Image layer. Choosing one opens it.",
        )
        self.file = QPushButton("&Open file…")
        self.file.setToolTip("Open a scan from a NIfTI, MGZ or Analyze file.")
        self.brain = LayerChoice(
            viewer,
            _may_be_brain,
            _brains(),
            "Which voxels are brain: found in a scan without skull, a mask layer drawn on it, or "
            "made by a skull-stripper. Choosing one opens the scan again.",
        )
        self._later = _soon(self, self._take_first)  # whoever adds layers is through with it then
        self._after = _soon(self, self._go_back)
        self._lay_out()
        self.scan.chosen.connect(self._on_scan_chosen)
        self.file.clicked.connect(self._ask_file)
        self.brain.chosen.connect(self._on_brain_chosen)
        listen(self, session.scan_changed, self._on_scan)
        listen(self, session.busy_changed, self._on_busy)
        listen(self, viewer.layers.events.inserted, self._take_first_later)
        self._on_scan()
        self._take_first_later()

    @property
    def name(self) -> str:
        """Of the open scan: its layer's, else its file's; "" without one."""
        opened = self._session.opened
        if opened is None:
            return ""
        return str(opened.scan.name if opened.layer is None else opened.layer.name)

    def open(self, source: Any, **more: Any) -> None:
        """Open a layer or a file, with what the brain combo box says."""
        self._asked = source
        if "spacing" in more:
            self._spacing = source, more["spacing"]
        elif self._spacing[0] is source:
            more["spacing"] = self._spacing[1]
        chosen = self._now = self.brain.value
        if "strip" not in more and isinstance(chosen, str):
            more["strip"] = chosen
        elif "strip" not in more:
            more["brain_mask"] = chosen
        self._session.open(source, **more)

    def ways_past_skull(self) -> list[Remedy]:
        """What can be done about a scan that still has its skull."""

        def strip(name: str) -> Callable[[], None]:
            return lambda: self._open_again(strip=name)

        tip = "Find the brain with {}, in a process of its own; it takes a while, Cancel ends it."
        ways = [Remedy(f"Strip: {n}", tip.format(n), strip(n)) for n in available_strippers()]
        absent = f"No skull-stripper is installed. Put this on the clipboard: {INSTALL}"
        return ways or [copying("Copy the command", absent, INSTALL)]

    def spacing_question(self) -> QWidget:
        """Three numbers and a button, for a layer that says nothing of its voxels' size."""
        return _SpacingQuestion(lambda sizes: self._open_again(spacing=sizes))

    def _open_again(self, **more: Any) -> None:
        source = self._asked if self._asked is not None else self._source()
        if source is not None:
            if "strip" in more:
                self.brain.value = more["strip"]
            self.open(source, **more)

    def _source(self) -> Any:
        """What is open: a layer, or the file."""
        scan = self._session.scan
        return self.scan.value or (scan.path if scan is not None else None)

    def _on_scan_chosen(self, layer: Any) -> None:
        if layer is not None:
            self.open(layer)

    def _on_brain_chosen(self, _: Any) -> None:
        source = self._source() or self._asked
        if source is not None:
            self.open(source)

    def _ask_file(self) -> None:
        path = ask_file(self, "Open a scan", _VOLUMES)
        if path is not None:
            self.open(path)

    def _on_busy(self, what: str) -> None:
        if not what:
            self._after.start()  # by then it is known whether it came to an end or was cancelled

    def _go_back(self) -> None:
        """After Cancel: what is chosen is what is open."""
        if not self._session.busy and self._session.trouble is None:
            self.scan.value = self._layer_of_scan()
            self.brain.value = self._brain

    def _on_scan(self, _: Any = None) -> None:
        self._brain = self._now
        self.scan.offer([(f"{self.name} (no layer)" if self.name else "choose a scan", None)])
        self.scan.value = self._layer_of_scan()

    def _layer_of_scan(self) -> Any:
        opened = self._session.opened
        if opened is None or opened.layer is not None:
            return opened and opened.layer
        path = str(opened.scan.path)
        return next((la for la in self.scan.layers() if str(_own(la).get("path")) == path), None)

    def _take_first_later(self, _event: Any = None) -> None:
        self._later.start()

    def _take_first(self) -> None:
        if self._asked is not None or self._session.opened is not None:
            return
        volumes = [la for la in self._viewer.layers if _may_be_scan(la) and _is_volume(la)]
        active = self._viewer.layers.selection.active
        if volumes and not self._session.running:
            layer = active if active in volumes else volumes[0]
            self.scan.value = layer
            self.open(layer)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.scan, 1)
        row.addWidget(self.file)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        align(grid)
        for number, (text, widget) in enumerate((("&Scan", self.scan), ("&Brain", self.brain))):
            label = QLabel(text)
            label.setBuddy(widget)
            widget.setAccessibleName(text.replace("&", ""))
            grid.addWidget(label, number, 0)
        grid.addLayout(row, 0, 1)
        grid.addWidget(self.brain, 1, 1)


def _soon(panel: ScanPanel, do: Callable[[], None]) -> QTimer:
    """A timer that calls once Qt has nothing else to do."""
    timer = QTimer(panel)
    timer.setSingleShot(True)
    timer.timeout.connect(do)
    return timer


class _SpacingQuestion(QWidget):
    """Nothing is assumed: the button waits for three numbers above 0."""

    def __init__(self, answer: Callable[[tuple[float, ...]], None]) -> None:
        super().__init__()
        self.boxes = [NumberBox(low=0, high=1000, least=0.1) for _ in range(3)]
        self.use = QPushButton("Use")
        self.use.setToolTip("Open the layer with these voxel sizes.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        for axis, box in enumerate(self.boxes):
            box.setButtonSymbols(box.ButtonSymbols.NoButtons)
            box.setStyleSheet("QAbstractSpinBox { min-width: 40px; padding: 1px 4px; }")
            box.setToolTip(f"Voxel size in mm along axis {axis} of the layer's data.")
            box.setAccessibleName(f"mm along axis {axis}")
            box.setKeyboardTracking(True)
            box.valueChanged.connect(self._check)
            row.addWidget(box, 1)
        row.addWidget(QLabel("mm"))
        row.addWidget(self.use)
        self.use.clicked.connect(lambda: answer(tuple(box.value() for box in self.boxes)))
        self._check()

    def _check(self) -> None:
        self.use.setEnabled(all(box.value() > 0 for box in self.boxes))


def _brains() -> list[tuple[str, Any]]:
    installed = available_strippers()
    return [(_FOUND, None), *((f"stripped by {n}", n) for n in STRIPPERS if n in installed)]


def _own(layer: Any) -> dict[str, Any]:
    own = (layer.metadata or {}).get(KEY)
    return own if isinstance(own, dict) else {}


def _may_be_scan(layer: Any) -> bool:
    """What a run draws is no scan."""
    return isinstance(layer, Image) and not isinstance(layer, Labels) and "kind" not in _own(layer)


def _may_be_brain(layer: Any) -> bool:
    return isinstance(layer, (Image, Labels)) and "kind" not in _own(layer)


def _is_volume(layer: Any) -> bool:
    return layer.ndim == 3 and not layer.rgb and not layer.multiscale
