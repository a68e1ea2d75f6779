"""Which truth is the run held against? A Labels layer, a file, what came with the scan, or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from napari_itermask.gui.inspect.looked import KNOWN
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.placed.space import KEY
from napari_itermask.gui.refine.layer_choice import LayerChoice
from napari_itermask.gui.runs.asking import ask_file

if TYPE_CHECKING:
    from napari_itermask.gui.inspect.subject import Subject
    from napari_itermask.gui.stream import Stream

OURS = ("mask", "difference", "compared", "agreement", "components", "corrupted truth")
"""Kinds of our own Labels layers that are no truth."""
FILES = "Labels and boxes (*.nii.gz *.nii *.mgz *.mgh *.hdr *.csv *.json);;All files (*)"


class TruthChoice(QWidget):
    """A combo box of Labels layers, and a button for a file.

    ``ask_file`` is an attribute, so that a script or a test may answer it.
    """

    def __init__(self, stream: Stream, subject: Subject, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ask_file = ask_file
        self._stream, self._subject = stream, subject
        self._files: list[Path] = []
        self.combo = LayerChoice(
            stream.viewer,
            could_be_truth,
            self._others(),
            "What is truly anomalous in this scan: a Labels layer (labels above 0), or a file.\n"
            "Labels in other voxels are resampled where they lie in the same space.",
        )
        self.combo.setAccessibleName("Truth")
        self.combo.chosen.connect(self._choose)
        self.button = QPushButton("File…")
        self.button.setToolTip("Labels (NIfTI, MGZ) or boxes (CSV, JSON) from a file.")
        self.button.clicked.connect(self._open)
        label = QLabel("Truth")
        label.setBuddy(self.combo)
        label.setToolTip(self.combo.toolTip())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(label)
        row.addWidget(self.combo, 1)
        row.addWidget(self.button)
        session = stream.session
        for signal in (session.scan_changed, session.run_changed, session.state_changed):
            listen(self, signal, self.refresh)
        listen(self, stream.viewer.layers.events.removed, self._on_removed)
        self.refresh()

    def refresh(self, *_: Any) -> None:
        """Offer what there is now."""
        others = self._others()
        self.combo.offer(others)
        source = self._subject.source
        if source is KNOWN and self._subject.known is None:
            source = None
        self.combo.value = source

    def choose(self, source: Any) -> None:
        """Take a Labels layer, the Path of a file, or None as the truth from now on."""
        if isinstance(source, Path) and source not in self._files:
            self._files.append(source)
        self._subject.source = source
        self.refresh()

    def _choose(self, source: Any) -> None:
        self._subject.source = source

    def _open(self) -> None:
        file = self.ask_file(self, "The truth of this scan", FILES)
        if file is not None:
            self.choose(Path(file))

    def _on_removed(self, event: Any) -> None:
        if event.value is self._subject.source:
            self.choose(None)

    def _others(self) -> list[tuple[str, Any]]:
        known: list[tuple[str, Any]] = [("that of the scan", KNOWN)]
        files: list[tuple[str, Any]] = [(file.name, file) for file in self._files]
        return [("none", None), *(known if self._subject.known is not None else []), *files]


def could_be_truth(layer: Any) -> bool:
    """Whether a layer is offered as a truth: labels that are not our own result."""
    own = (layer.metadata or {}).get(KEY) if isinstance(layer, Labels) else None
    kind = own.get("kind") if isinstance(own, dict) else None
    return isinstance(layer, Labels) and kind not in OURS
