"""Which model, on which device, with whose settings? The middle rows of the Refine dock."""

from __future__ import annotations

import warnings
from functools import partial

from psygnal import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QWidget,
)

from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.look import align, shape_combo
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.preferences import preferences
from napari_itermask.gui.refine.device_choice import DeviceChoice
from napari_itermask.gui.refine.model_dialog import ModelDialog
from napari_itermask.gui.refine.remember import Choices, Preset
from napari_itermask.gui.session import Session
from napari_itermask.gui.trouble import explain
from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import (
    CARD,
    EMBEDDED,
    WEIGHTS,
    Model,
    ModelError,
    list_models,
    load_model,
    read_card,
    user_folder,
)

PRESETS: dict[Preset, str] = {
    "card": "the model's",
    "published": "as published",
    "own": "your own",
}


class ModelPanel(QWidget):
    """The model, the device, and the preset of the settings; each choice goes to the session."""

    changed = Signal()  # by the user: read .choices
    failed = Signal(object)  # Trouble: what cannot be chosen, and why
    told = Signal(str)  # a sentence worth knowing

    def __init__(self, session: Session, aside: Aside, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._aside = session, aside
        self._of_checkpoint: dict[str, dict[str, str]] = {}
        self._own = RefineSettings()
        self.model = _combo("The network, and the card that says what it learnt.")
        self.device = DeviceChoice(session, aside)
        self.preset = _combo(
            "Whose settings: those that measured best for this model, those of the paper, or yours."
        )
        self.reset = QPushButton("Rese&t")
        self.reset.setToolTip("Back to the settings that measured best for this model.")
        for name, text in PRESETS.items():
            self.preset.addItem(text, name)
        self._fill_models()
        self._lay_out()
        self.model.activated.connect(self._on_model)
        self.device.activated.connect(self._on_device)
        self.preset.activated.connect(lambda _: self._on_preset(self.preset.currentData()))
        self.reset.clicked.connect(lambda: self._on_preset("card"))
        listen(self, session.model_changed, self._on_session_model)
        listen(self, session.settings_changed, self._on_session_settings)
        self._on_session_model(session.model.card)
        self._on_session_settings(session.settings)

    @property
    def broken(self) -> list[str]:
        """Of models in the user's folder that cannot be read: a sentence each."""
        return self._broken

    @property
    def choices(self) -> Choices:
        """What is chosen here, to be remembered."""
        source, of_checkpoint = source_of(self._session.model)
        return Choices(
            model=source,
            of_checkpoint=of_checkpoint,
            device=self._session.device,
            preset=self.preset.currentData(),
            own=self._own,
        )

    def apply(self, choices: Choices) -> None:
        """Choose what was chosen the last time, as far as it is still there."""
        self._own = choices.own
        self.use_device(choices.device)
        if (choices.model, choices.of_checkpoint) == source_of(self._session.model):
            self._on_preset(choices.preset)
        else:
            self.choose(choices.model, choices.of_checkpoint, choices.preset)

    def use_device(self, device: str) -> None:
        """Choose a device by its name, be it listed yet or not."""
        self.device.choose(device)
        self._on_device()

    def choose(
        self, source: str, of_checkpoint: dict[str, str] | None = None, preset: Preset = "card"
    ) -> None:
        """Choose a model; a checkpoint is read in a thread first, since that takes a while."""
        more = of_checkpoint or {}
        if not more:
            self._take(source, more, preset)
            return
        self.model.setEnabled(False)
        self.told.emit(f"reading {source} …")
        self._aside.do(
            partial(load_model, source, **more),
            lambda _: self._take(source, more, preset),
            self._on_refused,
        )

    def _take(self, source: str, of_checkpoint: dict[str, str], preset: Preset) -> None:
        self.model.setEnabled(True)
        try:
            self._session.choose_model(source, **of_checkpoint)
        except ModelError as error:
            self._on_refused(error)
        else:
            self._on_preset(preset)

    def _on_refused(self, error: BaseException) -> None:
        self.model.setEnabled(True)
        self._on_session_model(self._session.model.card)
        self.failed.emit(explain(error))

    def _fill_models(self) -> None:
        with warnings.catch_warnings(record=True) as said:  # of cards that cannot be read
            warnings.simplefilter("always")
            cards = list_models()
        for card in cards:
            self.model.addItem(_title(card), card.name)
        self._broken = [str(one.message) for one in said]
        folder = preferences().model_folder
        for path in sorted(folder.glob(f"*/{CARD}")) if folder is not None else ():
            try:
                self.model.addItem(_title(read_card(path.parent)), str(path.parent))
            except ModelError as error:
                self._broken.append(str(error))
        self.model.addItem("Other…", None)

    def _on_model(self, index: int) -> None:
        source = self.model.itemData(index)
        if source is not None:
            self.choose(source, self._of_checkpoint.get(source))
            return
        self._on_session_model(self._session.model.card)  # "Other…" itself is no choice
        dialog = ModelDialog(self)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self.choose(dialog.source, dialog.of_checkpoint)

    def _on_session_model(self, card: ModelCard) -> None:
        source, self._of_checkpoint[source] = source_of(self._session.model)
        index = self.model.findData(source)
        if index < 0:  # from a folder or a checkpoint
            index = self.model.count() - 1
            self.model.insertItem(index, _title(card), source)
        self.model.setCurrentIndex(index)
        self.model.setToolTip(f"{card.summary}\n{card.scope}".strip() or card.name)

    def _on_device(self, _: int = 0) -> None:
        self._session.device = self.device.currentData()
        self.changed.emit()

    def _on_preset(self, preset: Preset) -> None:
        card = self._session.model.card.settings
        settings = {"card": card, "published": RefineSettings(), "own": self._own}[preset]
        self._session.settings = settings
        self._show_preset(preset)
        self.changed.emit()

    def _on_session_settings(self, settings: RefineSettings) -> None:
        if settings == self._session.model.card.settings:
            self._show_preset("card")
        elif settings == RefineSettings():
            self._show_preset("published")
        else:
            self._own = settings
            self._show_preset("own")

    def _show_preset(self, preset: Preset) -> None:
        self.preset.setCurrentIndex(self.preset.findData(preset))
        self.reset.setEnabled(preset != "card")

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.preset, 1)
        row.addWidget(self.reset)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        align(grid)
        rows = (("&Model", self.model), ("&Device", self.device), ("S&ettings", self.preset))
        for number, (text, widget) in enumerate(rows):
            label = QLabel(text)
            label.setBuddy(widget)
            widget.setAccessibleName(text.replace("&", ""))
            grid.addWidget(label, number, 0)
        grid.addWidget(self.model, 0, 1)
        grid.addWidget(self.device, 1, 1)
        grid.addLayout(row, 2, 1)


def source_of(model: Model) -> tuple[str, dict[str, str]]:
    """What ``load_model`` takes to open a model again: a name, a folder, or a checkpoint."""
    weights, card = model.weights, model.card
    if weights.name != WEIGHTS:
        return str(weights), {"modality": card.modality, "normalisation": card.normalisation}
    by_name = weights.parent.parent in (user_folder(), EMBEDDED)
    return (weights.parent.name if by_name else str(weights.parent)), {}


def _combo(tip: str) -> QComboBox:
    combo = QComboBox()
    shape_combo(combo, tip)
    return combo


def _title(card: ModelCard) -> str:
    sizes = sorted(set(card.grid.spacing))
    return f"{card.name} ({card.modality.upper()}, {' x '.join(f'{s:g}' for s in sizes)} mm)"
