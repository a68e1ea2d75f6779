"""The Inspect dock: why did the run find this and miss that, and would it do so again?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_itermask.gui.inspect.agreement_layer import AgreementLayer
from napari_itermask.gui.inspect.looked import Looked
from napari_itermask.gui.inspect.subject import Subject
from napari_itermask.gui.inspect.truth_choice import TruthChoice
from napari_itermask.gui.inspect.truth_page import TruthPage
from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.look import dress
from napari_itermask.gui.parts.messages import Messages
from napari_itermask.gui.parts.pages import tabs_of
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.stream import Stream, stream_of
from napari_itermask.gui.where.orientation import itself

if TYPE_CHECKING:
    from napari_itermask.gui.session import Session

MESSAGE_LINES = 3
HINT = "Run once in Refine, or select a run in Runs, and choose a truth if there is one."


class InspectDock(QWidget):
    """Pages about the run that is selected: all of it is computed off the window's thread.

    Parameters
    ----------
    napari_viewer
        The viewer; napari gives it.
    session
        None: the viewer's own.

    Attributes
    ----------
    subject
        What is looked at: the run, its mask as it is painted, and the truth.
    truth
        Where the truth is chosen.
    scores, components, story, stability
        The pages.
    messages
        What went wrong, or what is worth knowing.
    """

    def __init__(self, napari_viewer: Any, session: Session | None = None) -> None:
        # pyqtgraph takes a tenth of a second: only where a dock is opened.
        from napari_itermask.gui.inspect.components_page import ComponentsPage
        from napari_itermask.gui.inspect.stability_page import StabilityPage
        from napari_itermask.gui.inspect.story_page import StoryPage

        super().__init__()
        viewer = self._viewer = itself(napari_viewer)
        stream = stream_of(viewer)
        if session is not None and session is not stream.session:
            stream = Stream(viewer, session)
        self._stream, self.session = stream, stream.session
        self._aside = Aside("itermask-inspect", self)
        self.messages = Messages()
        line = self.messages.fontMetrics().lineSpacing()
        self.messages.setFixedHeight(MESSAGE_LINES * line + 24)
        self.messages.hint(HINT)
        self.subject = Subject(stream, self._aside, self)
        self.truth = TruthChoice(stream, self.subject)
        self.overlay = AgreementLayer(viewer, self._aside, self)
        self.scores = TruthPage(self._aside, self.overlay)
        self.components = ComponentsPage(stream, self._aside, self)
        self.story = StoryPage(stream, self)
        self.stability = StabilityPage(stream, self)
        self._pages = (self.scores, self.components, self.story, self.stability)
        self._lay_out()
        self._wire()
        dress(self, viewer)
        listen(self, viewer.events.theme, self._wear)
        self._wear()

    @property
    def busy(self) -> bool:
        """Whether something is on its way to a page."""
        pages = (self.scores, self.components, self.story.maker, self.stability)
        return any(one.busy for one in (self.subject, self.overlay, *pages))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Narrow: it lies beside the canvas."""
        return QSize(380, 620)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Catch up with what changed unseen."""
        super().showEvent(event)
        self.truth.refresh()
        self.subject.wake()

    # Private ----------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.tabs = tabs_of(
            (
                (self.scores, "Truth", "How well the run meets the truth."),
                (self.components, "Components", "Every hit, miss and false alarm, and why."),
                (self.story, "Story", "What happened to a voxel, pass by pass."),
                (self.stability, "Stability", "What another seed or threshold would have given."),
            )
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        column.addWidget(self.truth)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.messages)

    def _wire(self) -> None:
        self.subject.changed.connect(self._on_looked)
        for page in self._pages:
            page.told.connect(self._say)
            page.troubled.connect(self._warn)

    def _on_looked(self, looked: Looked | None) -> None:
        self.truth.refresh()
        self.messages.clear()
        self.messages.hint(self._about(looked))
        if looked is not None and looked.problem:
            self.messages.warn(looked.problem)
        self.overlay.look(looked)
        for page in self._pages:
            page.look(looked)

    def _about(self, looked: Looked | None) -> str:
        """Which run is looked at, and what it is held against."""
        if looked is None:
            return HINT
        named = (e.name for e in self.session.runs if e.run is looked.own)
        name = next(named, "this run")
        painted = ", its mask as it was painted" if looked.painted else ""
        truth = looked.truth
        against = "no truth is chosen" if truth is None else f"against {truth.name}"
        return f"Looked at: {name} of {looked.opened.name}{painted}; {against}."

    def _wear(self, *_: Any) -> None:
        from napari_itermask.gui.parts.palette import Palette

        self.story.wear(Palette.of(self._viewer.theme))

    def _say(self, sentence: str) -> None:
        self.messages.clear()
        self.messages.note(sentence)

    def _warn(self, sentence: str) -> None:
        self.messages.clear()
        self.messages.warn(sentence)
