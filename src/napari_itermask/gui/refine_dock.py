"""What to refine, how, and how far is it? The dock that a run is started and tuned from."""

from __future__ import annotations

import traceback
import weakref
from functools import partial
from typing import Any

from napari.layers import Labels, Shapes
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.calm import Calm
from napari_itermask.gui.parts.look import align, dress
from napari_itermask.gui.parts.messages import Messages, Remedy, copying
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.placed.claims import KEY
from napari_itermask.gui.preferences import preferences
from napari_itermask.gui.refine.forms import SettingsForm
from napari_itermask.gui.refine.layer_choice import LayerChoice
from napari_itermask.gui.refine.model_panel import ModelPanel
from napari_itermask.gui.refine.remember import Choices, Memory, recall
from napari_itermask.gui.refine.run_panel import KEYS, RunPanel
from napari_itermask.gui.refine.scan_panel import INSTALL, ScanPanel
from napari_itermask.gui.session import Session
from napari_itermask.gui.stream import session_of, stream_of
from napari_itermask.gui.trouble import Trouble, explain
from napari_itermask.gui.where.where_am_i import WhereAmI
from napari_itermask.models.card import ModelCard
from napari_itermask.scans.strip import available_strippers

PURPOSE = "For research only, not for diagnosis."
WHOLE = "the whole brain"


class RefineDock(QWidget):
    """Scan, model and settings above, which scroll; the run, messages and the cursor below.

    Parameters
    ----------
    napari_viewer
        Whose scan is refined.
    session
        By default the viewer's own.
    """

    def __init__(self, napari_viewer: Any, session: Session | None = None) -> None:
        super().__init__()
        viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)  # not its short-lived proxy
        self._stream = None if session is not None else stream_of(viewer)
        self.session = session or session_of(viewer)
        self._aside = Aside("itermask-refine-dock", self)
        self.messages = Messages()
        self.scan = ScanPanel(viewer, self.session)
        self.model = ModelPanel(self.session, self._aside)
        self.form = SettingsForm(self.session.settings)
        self.within = LayerChoice(
            viewer,
            _may_be_region,
            [(WHOLE, None)],
            "Anomalies count only inside this layer: shapes, through all slices, or labels.",
        )
        self.run = RunPanel(viewer, self.session, self.start)
        self.where = WhereAmI(viewer)
        self._starting = False
        self._lay_out()
        dress(self, viewer)
        self._wire()
        self._memory = Memory(self._aside, self.messages.note, self)
        self._recall()
        self._say_what_is_next()
        if self.session.trouble is not None:
            self._on_trouble(self.session.trouble)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Have the session end with the window that the dock is shown in."""
        window: Any = self
        while window.parentWidget() is not None:  # a dock that floats is a window of its own
            window = window.parentWidget()
        if self._stream is not None and window is not self:
            self._stream.watch(window)
        super().showEvent(event)

    def start(self, fresh: bool = False) -> None:
        """Run, or go on; where a region is chosen, it is read anew first."""
        layer = self.within.value
        if self.session.running or layer is None:
            self._begin(fresh)
        elif not self._starting:
            self._starting = True
            self._read_region(layer, partial(self._begin, fresh))

    def _begin(self, fresh: bool) -> None:
        self._starting = False
        self.session.start(fresh=fresh)

    # What the session says --------------------------------------------------------------------

    def _wire(self) -> None:
        session = self.session
        self.form.changed.connect(self._on_form)
        self.form.refused.connect(self.messages.note)
        self.model.changed.connect(self._keep)
        self.model.failed.connect(self._on_trouble)
        self.model.told.connect(self.messages.note)
        self.within.chosen.connect(self._on_within)
        for folding in self.form.groups.values():
            folding.toggled.connect(self._keep)
        listen(self, session.settings_changed, self._on_settings)
        listen(self, session.model_changed, self._on_model)
        listen(self, session.scan_changed, self._on_scan)
        listen(self, session.busy_changed, self._on_busy)
        listen(self, session.state_changed, self._on_state)
        listen(self, session.run_changed, self._say_what_is_next)
        listen(self, session.told, self.messages.note)
        listen(self, session.troubled, self._on_trouble)
        self._on_model(session.model.card)

    def _on_form(self, settings: Any) -> None:
        self.session.settings = settings
        self._keep()

    def _on_settings(self, settings: Any) -> None:
        self.form.show(settings)
        self._keep()

    def _on_model(self, card: ModelCard) -> None:
        self.form.set_fallback("cutoff", card.cutoff)

    def _on_scan(self, _: Any) -> None:
        self.within.value = None  # it was drawn on another scan
        self._say_what_is_next()

    def _on_busy(self, what: str) -> None:
        if what.startswith(("opening", "stripping")):
            self.messages.clear()
        self._say_what_is_next()

    def _on_state(self, state: str) -> None:
        if state in ("running", "pausing"):
            self.messages.clear()
        self._say_what_is_next()

    def _say_what_is_next(self, _: Any = None) -> None:
        session = self.session
        run, step = KEYS["run"], KEYS["step"]
        ways: list[Remedy] = []
        if session.state == "paused":
            hint = f"It waits: Go on ({run}), Step ({step}), or paint the mask."
        elif session.state == "running" and not session.busy:
            hint = (
                f"Settings count from the next pass on. Pause ({KEYS['pause']}) to step or paint."
            )
        elif session.busy or session.running:
            hint = ""
        elif session.scan is None:
            hint = "Choose a scan, or open a file: then Run."
        elif session.run is None:
            hint = f"{self.scan.name} is open: press Run ({run})."
        else:
            hint = f"Turn a setting and press Run ({run}) again; the price stands beside it."
            if self._stream is not None and session.run.mask.any():
                tip = "Go to the slice where the mask is largest, in the plane that is shown."
                ways = [Remedy("Show the mask", tip, self._stream.show_mask)]
        self.messages.hint(hint, ways)

    # What can be done about it ----------------------------------------------------------------

    def _on_trouble(self, trouble: Trouble) -> None:
        sentence, question = trouble.sentence, None
        remedies: list[Remedy] = []
        if trouble.kind == "skull":
            remedies = self.scan.ways_past_skull()
            if not available_strippers():
                sentence += f" To strip it here, install a skull-stripper: {INSTALL}"
        elif trouble.kind == "spacing":
            question = self.scan.spacing_question()
        elif trouble.kind in ("memory", "pass"):
            remedies = self._other_ways_to_run(trouble)
        elif trouble.kind == "bug":
            remedies = [_copying(trouble)]
        self.messages.warn(sentence, remedies, question)

    def _other_ways_to_run(self, trouble: Trouble) -> list[Remedy]:
        ways = []
        if self.session.device != "cpu":
            tip = "Compute on the processor from now on, slower but with more memory, and run."
            ways.append(Remedy("Use the CPU", tip, self._run_on_cpu))
        if trouble.kind == "pass":
            ways.append(Remedy("Run again", "Begin anew.", lambda: self.start(False)))
            ways.append(_copying(trouble))
        return ways

    def _run_on_cpu(self) -> None:
        self.model.use_device("cpu")
        self.start()

    # Only inside ------------------------------------------------------------------------------

    def _on_within(self, layer: Any) -> None:
        if layer is None:
            self.session.within = None
        elif self.session.scan is not None:
            self._read_region(layer, lambda: None)

    def _read_region(self, layer: Any, then: Any) -> None:
        from napari_itermask.gui.region import region_of

        def done(mask: Any) -> None:
            self.session.within = mask
            then()

        def failed(error: BaseException) -> None:
            self._starting = False
            self.session.within = self.within.value = None
            self._on_trouble(explain(error))

        self._aside.do(partial(region_of, layer, self.session), done, failed)

    # From one napari to the next --------------------------------------------------------------

    def _recall(self) -> None:
        """Once a session, and not over what was chosen in it from code."""
        choices, note = recall()
        untouched = self.session not in _RECALLED and not self.session.running
        _RECALLED.add(self.session)
        if note:
            self.messages.note(note)
        for sentence in self.model.broken:
            self.messages.note(sentence)
        for name, folding in self.form.groups.items():
            turn = folding.expand if name in choices.unfolded else folding.collapse
            turn(animate=False)
        self._memory.know(choices)
        session, chosen = self.session, preferences().device
        as_new = session.settings == session.model.card.settings and session.device in (
            "auto",
            chosen,
        )
        if untouched and as_new and session.model.card.name == Choices().model:
            changed_since = choices.preferred_device != chosen
            device = chosen if changed_since else choices.device
            self.model.apply(choices.model_copy(update={"device": device}))

    def _keep(self, _: Any = None) -> None:
        unfolded = tuple(name for name, one in self.form.groups.items() if one.isExpanded())
        more = {"unfolded": unfolded, "preferred_device": preferences().device}
        self._memory.keep(self.model.choices.model_copy(update=more))

    def _lay_out(self) -> None:
        purpose = QLabel(PURPOSE)
        purpose.setWordWrap(True)
        purpose.setToolTip("It shows what a method finds; nobody has approved it for care.")
        row = QGridLayout()
        row.setSpacing(4)
        align(row)
        label = QLabel("&Inside")
        label.setBuddy(self.within)
        self.within.setAccessibleName("Only inside")
        row.addWidget(label, 0, 0)
        row.addWidget(self.within, 0, 1)
        inside = QWidget()
        upper = QVBoxLayout(inside)
        upper.setContentsMargins(4, 4, 4, 4)
        upper.setSpacing(4)
        upper.addWidget(purpose)
        upper.addWidget(self.scan)
        upper.addLayout(row)
        upper.addWidget(self.model)
        upper.addWidget(self.form.native)
        upper.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 2, 1, 2)
        column.setSpacing(4)
        column.addWidget(scroll, 1)
        for widget in (Calm(self.run), self.messages, Calm(self.where)):
            column.addWidget(widget)
        self.setMinimumWidth(330)


_RECALLED: weakref.WeakSet[Session] = weakref.WeakSet()


def _may_be_region(layer: Any) -> bool:
    """What a run draws is no region of the user's; the mask that it drew may be painted over."""
    own = (layer.metadata or {}).get(KEY)
    return isinstance(layer, (Shapes, Labels)) and "kind" not in (own or {})


def _copying(trouble: Trouble) -> Remedy:
    error = trouble.error
    text = trouble.sentence if error is None else "".join(traceback.format_exception(error))
    tip = "Put what Python says about it on the clipboard, for a report."
    return copying("Copy details", tip, text)
