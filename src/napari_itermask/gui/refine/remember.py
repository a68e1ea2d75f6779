"""What does the Refine dock still know when napari is opened again? One small file of choices."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer

from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.ties import at_the_end
from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.card import first_problem
from napari_itermask.scans.files import write_whole

Preset = Literal["card", "published", "own"]
"""The settings that measured best (the model's card), those of the paper, or the user's."""

PAUSE_MS = 500
"""Writing waits until the choices have been left alone for so long."""


class Choices(BaseModel):
    """What is chosen in the Refine dock.

    Attributes
    ----------
    model, of_checkpoint
        As ``load_model`` takes them: a name or a path, and what a bare checkpoint does not say.
    preferred_device
        What napari's Preferences said of it then: where they say something else since, they count.
    preset
        Which settings are in force; ``own`` are the user's, kept under any preset.
    unfolded
        The groups of settings that are open.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    model: str = "flair-2mm"
    of_checkpoint: dict[str, str] = Field(default_factory=dict)
    device: str = "auto"
    preferred_device: str = "auto"
    preset: Preset = "card"
    own: RefineSettings = Field(default_factory=RefineSettings)
    unfolded: tuple[str, ...] = ("threshold",)


def choices_file() -> Path:
    """Where they lie: in ``$NAPARI_ITERMASK_HOME``, else in the user's folder of settings."""
    home = os.environ.get("NAPARI_ITERMASK_HOME")
    if home:
        return Path(home) / "refine-dock.json"
    import platformdirs

    return platformdirs.user_config_path("napari-itermask", appauthor=False) / "refine-dock.json"


def recall() -> tuple[Choices, str]:
    """The choices of the last time, and a note; those of a file that cannot be read are dropped."""
    path = choices_file()
    try:
        return Choices.model_validate_json(path.read_bytes()), ""
    except FileNotFoundError:
        return Choices(), ""
    except (OSError, ValidationError) as error:
        why = first_problem(error) if isinstance(error, ValidationError) else str(error)
        note = f"{path} cannot be read ({why.rstrip('.')}), so the dock begins with the defaults."
        return Choices(), note


class Memory(QObject):
    """Writes the newest choices a moment after they changed, in a thread of its own.

    Parameters
    ----------
    aside
        The thread.
    complain
        Called with a sentence if the file cannot be written.
    """

    def __init__(self, aside: Aside, complain: Callable[[str], None], parent: QObject) -> None:
        super().__init__(parent)
        self._aside, self._complain = aside, complain
        self._shelf = _Shelf()
        self._later = QSignalDebouncer(parent=self)
        self._later.setTimeout(PAUSE_MS)
        self._later.triggered.connect(self._write)
        at_the_end(parent, self._shelf.write)

    def know(self, choices: Choices) -> None:
        """Take what :func:`recall` gave as written."""
        self._shelf.written = choices

    def keep(self, choices: Choices) -> None:
        """Remember these from now on."""
        self._shelf.newest = choices
        if choices != self._shelf.written:
            self._later.throttle()

    def _write(self) -> None:
        choices = self._shelf.take()
        if choices is not None:
            self._aside.do(lambda: _write(choices), _nothing, self._on_failed)

    def _on_failed(self, error: BaseException) -> None:
        self._complain(f"the choices of this dock are not remembered: {error}.")


class _Shelf:
    """What is written and what waits; it outlives the dock for a last word."""

    def __init__(self) -> None:
        self.written: Choices | None = None
        self.newest: Choices | None = None

    def take(self) -> Choices | None:
        """What is to be written, if anything is."""
        if self.newest == self.written:
            return None
        self.written = self.newest
        return self.newest

    def write(self) -> None:
        """Write at once what still waits: the window closes, and there is nobody to be told."""
        choices = self.take()
        if choices is not None:
            with suppress(OSError):
                _write(choices)


def _nothing(_: None) -> None:
    """It is written: nobody waits for that."""


def _write(choices: Choices) -> None:
    path = choices_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = choices.model_dump_json(indent=2) + "\n"
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
