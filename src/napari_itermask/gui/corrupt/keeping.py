"""How is a corrupted scan kept: as a folder of files, or as the shell command that makes it?"""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QWidget

from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.messages import Messages, Remedy
from napari_itermask.gui.runs.asking import ask_folder
from napari_itermask.gui.trouble import explain

if TYPE_CHECKING:
    from napari_itermask.gui.corrupt.maker import Made, Wanted
    from napari_itermask.gui.opening import Opened
    from napari_itermask.scans.scan import Scan


class Keeping:
    """Saves and copies for a dock, and tells in its messages how it went."""

    def __init__(self, dock: QWidget, aside: Aside, messages: Messages) -> None:
        self.ask_folder = ask_folder
        self._dock, self._aside, self._messages = dock, aside, messages

    def save(self, made: Made, clean: Scan) -> None:
        """Write scan, brain mask, truth and draw into a folder of the user's choice."""
        where = self.ask_folder(self._dock, "Save the corrupted scan in")
        if where is not None:
            asked = made.wanted
            name = f"{clean.name}_{asked.effect}_{asked.severity:g}_seed{asked.seed}"
            self._write(made, where / name)

    def copy(self, clean: Opened, wanted: Wanted) -> None:
        """Put the command that makes the same on the clipboard."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is None:
            return
        self._messages.clear()
        try:
            clipboard.setText(as_command(clean.scan, wanted, clean.name))
        except ValueError as error:
            self._messages.warn(str(error))
            return
        self._messages.note(f"The command that makes {wanted.words} is on the clipboard.")

    def _write(self, made: Made, folder: Path, *, overwrite: bool = False) -> None:
        from napari_itermask.corruption import save_corrupted

        def done(out: Path) -> None:
            self._messages.clear()
            self._messages.note(f"Saved to {out}: scan, brain mask, truth and draw.json.")

        def failed(error: BaseException) -> None:
            self._messages.clear()
            if isinstance(error, FileExistsError):
                again = partial(self._write, made, folder, overwrite=True)
                self._messages.warn(
                    f"{folder} holds a corrupted scan already: replace it, or save elsewhere.",
                    [Remedy("Replace", "Write over the files that are there.", again)],
                )
            else:
                self._messages.warn(explain(error).sentence)

        self._aside.do(
            partial(save_corrupted, made.corrupted, folder, overwrite=overwrite), done, failed
        )


def as_command(scan: Scan, wanted: Wanted, called: str) -> str:
    """The command that corrupts the file of the clean scan ``called`` so, in the same way.

    Raises
    ------
    ValueError
        If the scan, or the brain mask that it was opened with, lies in no file.
    """
    if scan.path is None:
        raise ValueError(
            f"{called} lies in no file that a command could name: save the corrupted scan instead."
        )
    brain: list[str] = []
    if scan.brain_path is not None:
        brain = ["--brain-mask", str(scan.brain_path)]
    elif scan.brain_source.startswith("made by "):
        brain = ["--strip", scan.brain_source.removeprefix("made by ")]
    elif scan.brain_source != "found":
        raise ValueError(
            f"the brain mask of {called} lies in no file that a command could name: save the "
            "corrupted scan instead."
        )
    asked = ["--effect", wanted.effect, "--severity", f"{wanted.severity!r}"]
    words = ["napari-itermask", "corrupt", str(scan.path), *asked, "--seed", str(wanted.seed)]
    return shlex.join([*words, *brain]) + "\n"
