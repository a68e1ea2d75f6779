"""The page of figures: what is asked for, how it looks, and the ways to keep it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_itermask.figures.again import FORMATS
from napari_itermask.figures.style import FigureError
from napari_itermask.gui.figure.asked import Asked, Problem, ask
from napari_itermask.gui.figure.controls import Controls
from napari_itermask.gui.figure.drawer import Drawer, Drawn, save_missing
from napari_itermask.gui.figure.paper import Paper, image_of
from napari_itermask.gui.figure.saving import ask_save
from napari_itermask.gui.parts.messages import Messages, Remedy
from napari_itermask.gui.parts.newest import Newest
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.runs.asking import ask_folder
from napari_itermask.gui.trouble import explain

if TYPE_CHECKING:
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.stream import Stream

NO_RUN = "Run once in Refine, or select a run in Runs: it is drawn here."
NONE_TICKED = "Tick a run above."
SETTLE_MS = 250
"""After the last change, before the figure is drawn anew."""


class FigurePage(QWidget):
    """Controls, a preview that follows them, and buttons.

    The questions are attributes, so that a script or a test may answer them.

    Attributes
    ----------
    controls, paper, state, save, copy_command, copy_picture
        What the page is made of.
    """

    def __init__(
        self, stream: Stream, aside: Aside, messages: Messages, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.ask_save = ask_save
        self.ask_folder = ask_folder
        self._session, self._aside, self._messages = stream.session, aside, messages
        self._drawer = Drawer()
        self._newest = Newest(aside, self)
        self._shown: tuple[Any, ...] | None = None  # the key of what is drawn, or is being drawn
        self._held: Asked | None = None  # so that nothing of the key is given away meanwhile
        self._noted: tuple[str, ...] = ()  # of the preview
        self._working = 0
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._draw)
        self.controls = Controls(stream, aside)
        self.paper = Paper("The figure as it will be saved.")
        self.paper.say(NO_RUN)
        self._lay_out()
        self._wire()
        self._refresh()

    @property
    def busy(self) -> bool:
        """Whether something is being drawn or written, or is about to be."""
        return self._newest.busy or self._settle.isActive() or self._working > 0

    @property
    def asked(self) -> Asked | None:
        """The figure that the controls ask for; None without a run.

        Raises
        ------
        FigureError
            If a value cannot be.
        """
        sources = self.controls.runs.sources
        if self.controls.kind.currentData() == "lightbox":
            sources = sources[:1]
        if not sources:
            return None
        return ask(self.controls.values, sources, self.controls.truth.truth)

    def stale(self, *_: Any) -> None:
        """Something changed: it is drawn anew soon, if somebody looks."""
        if self.isVisible():
            self._settle.start()

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Draw what changed unseen."""
        super().showEvent(event)
        self.stale()

    def hideEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Let the runs go that were read for the preview."""
        super().hideEvent(event)
        self._settle.stop()
        self._newest.drop()
        self._shown = self._held = None
        drawer = self._drawer
        self._aside.do(drawer.forget, _nothing, _nothing)

    def enterEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Look whether the session has another truth: it tells nobody."""
        super().enterEvent(event)
        self.stale()

    # Private ----------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.state = QLabel()
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.state.setToolTip("How large the figure is on paper, and in dots.")
        self.save = QPushButton("Save…")
        self.save.setToolTip(
            "Write the figure as PNG, SVG or PDF.\nIts file holds the command that makes it again."
        )
        self.copy_command = QPushButton("Copy command")
        self.copy_command.setToolTip("Copy a line for the shell that makes this very figure again.")
        self.copy_picture = QPushButton("Copy picture")
        self.copy_picture.setToolTip("Put the figure on the clipboard, with all its dots.")
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.save, self.copy_command, self.copy_picture):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.controls)
        column.addWidget(self.paper, 1)
        column.addWidget(self.state)
        column.addLayout(buttons)

    def _wire(self) -> None:
        self.controls.changed.connect(self.stale)
        self.paper.resized.connect(self.stale)
        self.save.clicked.connect(self._save)
        self.copy_command.clicked.connect(self._copy_command)
        self.copy_picture.clicked.connect(self._copy_picture)
        session = self._session
        for signal in (session.runs_changed, session.run_changed, session.scan_changed):
            listen(self, signal, self.stale)

    def _draw(self) -> None:
        self.controls.truth.refresh()
        try:
            asked = self.asked
        except FigureError as error:
            self._show_words(str(error))
            return
        if asked is None:
            ticking = self.controls.runs.combo.currentIndex() and self._session.runs
            self._show_words(NONE_TICKED if ticking else NO_RUN)
            return
        room = self.paper.room
        key = (asked.key, room)
        if key == self._shown:
            return
        self._shown, self._held = key, asked
        self.paper.fade(pale=True)
        self.state.setText("drawing …")
        drawer = self._drawer
        self._newest.ask(
            lambda: drawer.preview(asked, room), partial(self._show, asked), self._on_failed
        )

    def _show(self, asked: Asked, drawn: Drawn) -> None:
        self.paper.show_picture(drawn.pixels)
        wide, high = drawn.mm
        dpi = asked.recipe.dpi
        dots = f"{int(wide / 25.4 * dpi)} x {int(high / 25.4 * dpi)} dots"
        self.state.setText(f"{wide:.0f} x {high:.0f} mm, {dots}")
        self._refresh()
        if drawn.notes != self._noted:
            self._noted = drawn.notes
            self._messages.clear()
            self._tell(drawn.notes)

    def _show_words(self, words: str) -> None:
        self._newest.drop()
        self._shown = self._held = None
        self.paper.say(words)
        self.state.setText("")
        self._refresh()

    def _on_failed(self, error: BaseException) -> None:
        self.paper.say(explain(error).sentence)
        self.state.setText("")
        self._refresh()

    def _refresh(self) -> None:
        there = not self.paper.picture.isNull() and not self._working
        for button in (self.save, self.copy_command, self.copy_picture):
            button.setEnabled(there)

    def _ready(self) -> Asked | None:
        try:
            return self.asked
        except FigureError as error:
            self._warn(error)
            return None

    def _save(self) -> None:
        asked = self._ready()
        if asked is None:
            return
        chosen = self.ask_save(self, "Save the figure", f"{asked.recipe.kind}.png", FORMATS)
        if chosen is None:
            return
        path, replace = chosen
        drawer = self._drawer

        def done(notes: list[str]) -> None:
            self._end()
            self._messages.clear()
            held = "" if asked.problem is None else _without(asked.problem)
            self._messages.note(f"Saved {path}.{held}")
            self._tell(notes)

        self._begin(f"saving {path.name} …")
        self._aside.do(lambda: drawer.save(asked, path, overwrite=replace), done, self._fail)

    def _copy_command(self) -> None:
        asked = self._ready()
        if asked is None:
            return
        self._messages.clear()
        if asked.problem is not None:
            ways = [Remedy("Save them…", _SAVE_THEM, self._save_missing)]
            self._messages.warn(asked.problem.sentence, ways if asked.problem.mendable else ())
            return
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(f"{asked.recipe.command()} --out {asked.recipe.kind}.png")
            self._messages.note("The command that makes this figure again is on the clipboard.")

    def _copy_picture(self) -> None:
        asked = self._ready()
        if asked is None:
            return
        drawer = self._drawer

        def done(image: Any) -> None:
            self._end()
            clipboard = QGuiApplication.clipboard()
            self._messages.clear()
            if clipboard is not None:
                clipboard.setImage(image)
                self._messages.note("The figure is on the clipboard.")

        self._begin("drawing it with all its dots …")
        self._aside.do(lambda: image_of(drawer.whole(asked).pixels), done, self._fail)

    def _save_missing(self) -> None:
        asked = self._ready()
        folder = self.ask_folder(self, "Save runs and truth to") if asked else None
        if asked is None or folder is None:
            return

        def done(saved: Any) -> None:
            folders, truth = saved
            self._end()
            self.controls.runs.know(folders)
            if truth is not None:
                self.controls.truth.know(*truth)
            self._copy_command()
            self.stale()

        self._begin("saving …")
        self._aside.do(partial(save_missing, asked, Path(folder)), done, self._fail)

    def _begin(self, words: str) -> None:
        self._working += 1
        self._messages.clear()
        self._messages.note(words)
        self._refresh()

    def _end(self) -> None:
        self._working -= 1
        self._refresh()

    def _fail(self, error: BaseException) -> None:
        self._end()
        self._warn(error)

    def _warn(self, error: BaseException) -> None:
        self._messages.clear()
        self._messages.warn(explain(error).sentence)

    def _tell(self, notes: Any) -> None:
        for note in notes:
            self._messages.note(note)


_SAVE_THEM = "Save the runs and the truth that lie in no file yet into a folder."


def _without(problem: Problem) -> str:
    return f" It holds no command that makes it again: {problem.why}."


def _nothing(_: Any) -> None:
    """What is let go tells nothing."""
