"""The page of movies: planes or 3-D, how fast, its last frame, and saving that can be stopped."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.figure.asked import Source, ask
from napari_itermask.gui.figure.drawer import need
from napari_itermask.gui.figure.movie_controls import MovieControls
from napari_itermask.gui.figure.movie_maker import EXTRA, MovieMaker, Still, command_of, sized
from napari_itermask.gui.figure.page import NO_RUN, SETTLE_MS
from napari_itermask.gui.figure.paper import Paper
from napari_itermask.gui.figure.saving import ask_save
from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.messages import Messages
from napari_itermask.gui.parts.newest import Newest
from napari_itermask.gui.parts.ties import at_the_end, listen
from napari_itermask.gui.trouble import explain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_itermask.figures.film.settings import MovieSettings
    from napari_itermask.gui.figure.run_choice import RunChoice
    from napari_itermask.gui.stream import Stream

A_REPORT = 0.1
"""Seconds between two that say how many frames are written."""


class MoviePage(QWidget):
    """Controls, the last frame, and buttons; a movie is of one run.

    Parameters
    ----------
    runs
        The choice of the page of figures; the first of its runs is shown.

    Attributes
    ----------
    controls
        What the movie shows, and how fast.
    paper, state, bar, save, stop, copy_command
        The rest.
    """

    _progressed = Signal(int, int)

    def __init__(
        self, stream: Stream, runs: RunChoice, messages: Messages, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.ask_save = ask_save
        self._session, self._messages, self._runs = stream.session, messages, runs
        self._aside = Aside("itermask-movie", self)
        self._maker = MovieMaker()
        self._newest = Newest(self._aside, self)
        self._shown: tuple[Any, ...] | None = None
        self._held: Source | None = None
        self._stopped = threading.Event()
        self._saving = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._draw)
        self.controls = MovieControls(stream, self._aside)
        self._make_parts()
        self._lay_out()
        self._wire()
        at_the_end(self, self._stopped.set)
        self._refresh()

    @property
    def busy(self) -> bool:
        """Whether something is being drawn or written, or is about to be."""
        return self._newest.busy or self._settle.isActive() or self._saving

    @property
    def source(self) -> Source | None:
        """The run."""
        return next(iter(self._runs.sources), None)

    def stale(self, *_: Any) -> None:
        """Something changed: the frame is drawn anew soon, if somebody looks."""
        if self.isVisible() and not self._saving:
            self._settle.start()

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Draw what changed unseen."""
        super().showEvent(event)
        self.stale()

    def hideEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Let the run go that was read for the picture."""
        super().hideEvent(event)
        self._settle.stop()
        self._newest.drop()
        self._shown = self._held = None
        self._aside.do(self._maker.forget, _nothing, _nothing)

    # Private ----------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        self.paper = Paper("The last frame of the movie.")
        self.state = QLabel()
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.state.setToolTip("How long the movie is.")
        self.bar = QProgressBar()
        self.bar.setFormat("frame %v of %m")
        self.bar.setAccessibleName("Frames written")
        self.bar.hide()
        self.save = _button("Save…", "Write the movie as mp4 or gif.", self._save)
        self.stop = _button("Stop", "Leave the movie; nothing stays of it.", self._leave)
        self.copy_command = _button(
            "Copy command", "Copy a line for the shell that makes this movie.", self._copy_command
        )

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.save, self.stop, self.copy_command):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.controls)
        column.addWidget(self.paper, 1)
        column.addWidget(self.state)
        column.addWidget(self.bar)
        column.addLayout(buttons)

    def _wire(self) -> None:
        self.controls.changed.connect(self.stale)
        self._progressed.connect(self._on_progress)
        self._runs.changed.connect(self.stale)
        session = self._session
        for signal in (session.runs_changed, session.run_changed):
            listen(self, signal, self.stale)
        listen(self, session.closed, self._leave)

    def _leave(self) -> None:
        """Stop writing: asked to, or because the window goes, which must not wait for a movie."""
        self._stopped.set()

    def _draw(self) -> None:
        source = self.source
        self.controls.name.setText(source.name if source is not None else "none yet")
        if source is None:
            self._newest.drop()
            self._shown = self._held = None
            self._say(NO_RUN)
            return
        try:
            settings = self.controls.settings
        except ValueError as error:
            self._say(str(error))
            return
        ending = self.controls.ending.currentData()
        key = source.serial, id(source.run), source.folder, settings, ending
        if key == self._shown:
            return
        self._shown, self._held = key, source
        self.paper.fade(pale=True)
        self.state.setText("drawing …")
        maker = self._maker
        self._newest.ask(
            lambda: maker.still(source, settings, ending),
            partial(self._show, sized(settings, ending)),
            lambda error: self._say(explain(error).sentence),
        )

    def _show(self, settings: MovieSettings, still: Still) -> None:
        self.paper.show_picture(still.pixels)
        wide, high = settings.pixels
        passes = f"{still.passes} pass{'es' if still.passes > 1 else ''}"
        self.state.setText(
            f"{passes}, {still.frames} frames, {still.seconds:.1f} s, {wide} x {high} pixels"
        )
        for note in still.notes:
            self._messages.note(note)
        self._refresh()

    def _say(self, words: str) -> None:
        self.paper.say(words)
        self.state.setText("")
        self._refresh()

    def _refresh(self) -> None:
        there = not self.paper.picture.isNull()
        self.save.setEnabled(there and not self._saving)
        self.copy_command.setEnabled(there)
        self.stop.setEnabled(self._saving)
        self.bar.setVisible(self._saving)
        self.state.setVisible(not self._saving)

    def _save(self) -> None:
        source, settings, ending = (
            self.source,
            self.controls.settings,
            self.controls.ending.currentData(),
        )
        if source is None:
            return
        try:
            need("imageio", "av", pip=EXTRA)
        except ModuleNotFoundError as error:
            self._warn(error)
            return
        endings = (ending, *({".mp4", ".gif"} - {ending}))
        chosen = self.ask_save(self, "Save the movie", f"movie{ending}", endings)
        if chosen is None:
            return
        path, replace = chosen
        if path.exists() and not replace:
            self._warn(FileExistsError(f"{path} is there already: choose another name."))
            return
        self._begin()
        maker, stop, report = self._maker, self._stopped.is_set, self._reporter()
        self._aside.do(
            lambda: maker.save(source, path, settings, stop, report),
            partial(self._on_saved, path),
            self._on_failed,
        )

    def _begin(self) -> None:
        self._stopped.clear()
        self._saving = True
        self.bar.setRange(0, 0)
        self._messages.clear()
        self._refresh()

    def _reporter(self) -> Callable[[int, int], None]:
        """What is called in the other thread after each frame; Qt hands the signal over."""
        last = 0.0

        def report(done: int, whole: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last > A_REPORT or done == whole:
                last = now
                with suppress(RuntimeError):  # the dock is gone
                    self._progressed.emit(done, whole)

        return report

    def _on_progress(self, done: int, whole: int) -> None:
        self.bar.setRange(0, whole)
        self.bar.setValue(done)

    def _on_saved(self, path: Path, saved: tuple[Path | None, list[str]]) -> None:
        made, notes = saved
        self._end()
        stopped = f"The movie was stopped: {path.name} was not written."
        self._messages.note(stopped if made is None else f"Saved {made}.")
        for note in notes:
            self._messages.note(note)

    def _on_failed(self, error: BaseException) -> None:
        self._end()
        self._warn(error)

    def _end(self) -> None:
        self._saving = False
        self._messages.clear()
        self._refresh()
        self.stale()

    def _copy_command(self) -> None:
        source = self.source
        if source is None:
            return
        self._messages.clear()
        problem = ask({"kind": "curve"}, [source]).problem
        clipboard = QGuiApplication.clipboard()
        if problem is not None or source.folder is None:
            words = problem.sentence if problem is not None else ""
            self._messages.warn(f"{words} On the page Figure, Copy command offers to save it.")
        elif clipboard is not None:
            clipboard.setText(
                command_of(
                    source.folder, self.controls.settings, self.controls.ending.currentData()
                )
            )
            self._messages.note("The command that makes this movie is on the clipboard.")

    def _warn(self, error: BaseException) -> None:
        self._messages.clear()
        self._messages.warn(explain(error).sentence)


def _button(text: str, tip: str, do: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(lambda _: do())
    return button


def _nothing(_: Any) -> None:
    """What is let go tells nothing."""
