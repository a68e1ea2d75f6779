"""On which device? A combo box that looks for them once torch is there, or once it is opened."""

from __future__ import annotations

import sys
from typing import Any

from qtpy.QtWidgets import QComboBox

from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.look import shape_combo
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.session import Session


class DeviceChoice(QComboBox):
    """auto, the processor, and what torch finds; finding it imports torch, and so goes on aside."""

    def __init__(self, session: Session, aside: Aside) -> None:
        super().__init__()
        shape_combo(self, "Where the network computes. auto: the fastest that is there.")
        self._aside = aside
        self._looked = False
        for device in ("auto", "cpu"):
            self.addItem(device, device)
        for signal in (session.busy_changed, session.state_changed):
            listen(self, signal, self._look_once_torch_is_there)

    def choose(self, device: str) -> None:
        """Show a device by its name, be it found yet or not."""
        if self.findData(device) < 0:
            self.addItem(device, device)
        self.setCurrentIndex(self.findData(device))

    def showPopup(self) -> None:  # noqa: N802 - Qt's name
        """Look, the first time; what is found then comes into the open list."""
        self._look()
        super().showPopup()

    def _look_once_torch_is_there(self, _: Any = None) -> None:
        if "torch" in sys.modules:  # somebody else has waited for it
            self._look()

    def _look(self) -> None:
        if not self._looked:
            self._looked = True
            self._aside.do(find_devices, self._add, _nothing)

    def _add(self, found: list[tuple[str, str]]) -> None:
        for device, text in found:
            index = self.findData(device)
            if index < 0:
                self.addItem(text, device)
            else:
                self.setItemText(index, text)


def find_devices() -> list[tuple[str, str]]:
    """The devices that torch can use here beside the CPU: its name for each, and ours."""
    import torch

    found = [
        (f"cuda:{i}", f"cuda:{i} ({torch.cuda.get_device_name(i)})")
        for i in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        found.append(("mps", "mps (Apple GPU)"))
    return found


def _nothing(_: BaseException) -> None:
    """Without torch there is no device to find; a run then says so."""
