"""Which model that is not listed? A folder, or a checkpoint and what it does not say."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from napari_itermask.gui.runs.asking import ask_file, ask_folder
from napari_itermask.scans.intensity import RULES

MODALITIES = ("flair", "t1", "t2", "t1c")
_CHECKPOINTS = "Checkpoints (*.pth *.pt *.safetensors)"


class ModelDialog(QDialog):
    """Asks for a model's folder, or for a checkpoint, its modality and its normalisation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Open a model")
        self.path = QLineEdit()
        self.path.setToolTip("A folder with card.json and model.safetensors, or a checkpoint.")
        self.modality = QComboBox()
        self.modality.addItems(MODALITIES)
        self.modality.setEditable(True)
        self.modality.setToolTip("The MR contrast that the network learnt.")
        self.normalisation = QComboBox()
        self.normalisation.addItems(list(RULES))
        self.normalisation.setToolTip("How the intensities were scaled when it learnt.")
        file, folder = QPushButton("F&ile…"), QPushButton("F&older…")
        file.setToolTip("Pick a checkpoint: .pth, .pt or .safetensors.")
        folder.setToolTip("Pick a model's folder.")
        file.clicked.connect(self._pick_file)
        folder.clicked.connect(self._pick_folder)
        standard, roles = QDialogButtonBox.StandardButton, QDialogButtonBox.ButtonRole
        buttons = QDialogButtonBox(standard.Cancel)
        self._open = QPushButton("&Open")
        buttons.addButton(self._open, roles.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self.path, 1)
        row.addWidget(file)
        row.addWidget(folder)
        form = QFormLayout(self)
        form.addRow("&Model", row)
        form.addRow("Mo&dality", self.modality)
        form.addRow("&Normalisation", self.normalisation)
        form.addRow(QLabel("A folder says both itself; a bare checkpoint does not."))
        form.addRow(buttons)
        self.setMinimumWidth(460)
        self.path.textChanged.connect(self._check)
        self._check()

    @property
    def source(self) -> str:
        """The path."""
        return self.path.text().strip()

    @property
    def of_checkpoint(self) -> dict[str, str]:
        """What a bare checkpoint does not say; nothing for a folder."""
        if not Path(self.source).is_file():
            return {}
        return {
            "modality": self.modality.currentText().strip().lower(),
            "normalisation": self.normalisation.currentText(),
        }

    def _check(self) -> None:
        path = Path(self.source)
        there = bool(self.source) and path.exists()
        for widget in (self.modality, self.normalisation):
            widget.setEnabled(there and path.is_file())
        self._open.setEnabled(there)

    def _pick_file(self) -> None:
        path = ask_file(self, "Open a checkpoint", _CHECKPOINTS)
        self.path.setText(str(path or self.source))

    def _pick_folder(self) -> None:
        path = ask_folder(self, "Open a model's folder")
        self.path.setText(str(path or self.source))
