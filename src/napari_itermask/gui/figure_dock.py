"""The Figures dock: which picture or movie of these runs goes into the paper?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_itermask.gui.figure.movie_page import MoviePage
from napari_itermask.gui.figure.page import FigurePage
from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.look import dress
from napari_itermask.gui.parts.messages import Messages
from napari_itermask.gui.parts.pages import tabs_of
from napari_itermask.gui.stream import Stream, stream_of
from napari_itermask.gui.where.orientation import itself

if TYPE_CHECKING:
    from napari_itermask.gui.session import Session

TITLE = "Figures"
MESSAGE_LINES = 2


class FigureDock(QWidget):
    """A page for figures, one for movies; all of it is drawn off the window's thread.

    Parameters
    ----------
    napari_viewer
        The viewer; napari gives it.
    session
        None: the viewer's own.

    Attributes
    ----------
    figure, movie
        The pages.
    tabs
        What turns them.
    messages
        What went wrong, or what is worth knowing.
    """

    def __init__(self, napari_viewer: Any, session: Session | None = None) -> None:
        super().__init__()
        viewer = itself(napari_viewer)
        stream = stream_of(viewer)
        if session is not None and session is not stream.session:
            stream = Stream(viewer, session)
        self._stream, self.session = stream, stream.session
        self.messages = Messages()
        line = self.messages.fontMetrics().lineSpacing()
        self.messages.setFixedHeight(MESSAGE_LINES * line + 24)
        self.messages.hint("A saved figure holds the command that makes it again.")
        self.figure = FigurePage(stream, Aside("itermask-figure", self), self.messages)
        self.movie = MoviePage(stream, self.figure.controls.runs, self.messages)
        self._lay_out()
        dress(self, viewer)

    @property
    def busy(self) -> bool:
        """Whether something is being drawn or written, or is about to be."""
        return self.figure.busy or self.movie.busy

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Narrow: it lies beside the canvas."""
        return QSize(400, 640)

    def _lay_out(self) -> None:
        self.tabs = tabs_of(
            (
                (self.figure, "Figure", "A picture or a plot, for a paper."),
                (self.movie, "Movie", "How the mask shrinks, pass by pass."),
            )
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.messages)
