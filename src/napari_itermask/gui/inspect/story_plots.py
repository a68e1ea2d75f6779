"""How did a voxel fare over the passes? Error and threshold, intensities, and shares, as plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_itermask.gui.parts.palette import Palette, Role
from napari_itermask.gui.parts.plots import Plot, fill

if TYPE_CHECKING:
    from napari_itermask.inspection.story import Story

Span = Literal["refinement", "all"]

PICKED: Role = "curve"
PINNED: Role = "limit"
THRESHOLD: Role = "calibrated"
IMAGE: Role = "manual"
RANK: Role = "curve"
SHOWN: Role = "tangent"
MOST_MARKS = 15
_ABOUT = "Click to show that pass in the viewer."
KEYS: tuple[tuple[Role, str, str], ...] = (
    (PICKED, "picked", "The voxel or region that was picked: its error, its repaint, its rank."),
    (PINNED, "pinned", "The same of the one that is pinned."),
    (THRESHOLD, "threshold", "What errors were held against in each pass."),
    (IMAGE, "image", "Its intensity in the scan, as the network saw it."),
    (SHOWN, "neighbours shown", "The share of its neighbours that the pass did not hide."),
)


class StoryPlots(QWidget):
    """Three plots over the passes: the picked one, and the pinned one beside it.

    Attributes
    ----------
    error, values, shares
        The plots.
    """

    pass_clicked = Signal(int)  # its position in the run

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._span: Span = "refinement"
        self._story: Story | None = None
        self._pinned: Story | None = None
        self.error = Plot(
            "",
            "error",
            log=(False, True),
            about="Its error and the threshold, pass by pass: above it, it stays masked.\n"
            f"Dots: the pass hid it. Crosses: it was shown. {_ABOUT}",
        )
        self.values = Plot(
            "",
            "intensity",
            about=f"What it was repainted as, and what it is in the scan. {_ABOUT}",
        )
        self.shares = Plot(
            "pass",
            "%",
            about="Its rank: the share of the brain with a smaller error; and how many of its "
            f"neighbours the pass did not hide. {_ABOUT}",
        )
        self._curves: dict[str, dict[Role, Any]] = {}
        for name, plot, roles in (
            ("error", self.error, (THRESHOLD, PINNED, PICKED)),
            ("values", self.values, (IMAGE, PINNED, PICKED)),
            ("shares", self.shares, (SHOWN, PINNED, RANK)),
        ):
            self._curves[name] = {role: plot.draw_curve(role) for role in roles}
            plot.setMinimumHeight(86)
            plot.getPlotItem().getAxis("left").setWidth(58)  # that the passes lie over each other
            plot.clicked.connect(self._on_click)
        self._hidden = self.error.draw_curve(PICKED, pen=None, symbol="o", symbolSize=7)
        self._open = self.error.draw_curve(PICKED, pen=None, symbol="x", symbolSize=8)
        self.shares.getPlotItem().getAxis("left").setTicks([[(v, str(v)) for v in (0, 50, 100)]])
        self._signs: list[QLabel] = []
        self._lay_out()

    def show_stories(self, story: Story | None, pinned: Story | None, span: Span) -> None:
        """Draw one story, or two, over the passes of the refinement or over all."""
        self._story, self._pinned, self._span = story, pinned, span
        for plot in (self.error, self.values, self.shares):
            plot.say("")
        for role, one in ((PICKED, story), (PINNED, pinned)):
            self._draw(role, one)
        if story is not None:
            number = self._numbers(story)
            margin = 0.03 * (number[-1] - number[0]) + 0.5
            for plot in (self.error, self.values, self.shares):
                plot.setXRange(number[0] - margin, number[-1] + margin, padding=0)
                _count(plot.getPlotItem().getAxis("bottom"), number)
            self.shares.show_range(-5, 105)
            self._fit_errors()

    def say(self, words: str) -> None:
        """Show words in place of the plots."""
        self.error.say(words)
        for plot in (self.values, self.shares):
            plot.say(" ")

    def wear(self, palette: Palette) -> None:
        """Take a theme's colours."""
        for plot in (self.error, self.values, self.shares):
            plot.wear(palette)
        for sign, (role, _, _) in zip(self._signs, KEYS, strict=True):
            sign.setPixmap(palette.icon(role).pixmap(28, 12))

    # Private ----------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        keys = QGridLayout()
        keys.setSpacing(4)
        for at, (_, name, tip) in enumerate(KEYS):
            sign, words = QLabel(), QLabel(name)
            words.setToolTip(tip)
            keys.addWidget(sign, at // 3, 2 * (at % 3))
            keys.addWidget(words, at // 3, 2 * (at % 3) + 1)
            self._signs.append(sign)
        for at in (1, 3, 5):
            keys.setColumnStretch(at, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.error, 3)
        column.addWidget(self.values, 2)
        column.addWidget(self.shares, 2)
        column.addLayout(keys)

    def _draw(self, role: Role, story: Story | None) -> None:
        error, values, shares = (self._curves[name] for name in ("error", "values", "shares"))
        number = np.zeros(0) if story is None else self._numbers(story)
        part = self._part(story)
        nothing = np.zeros(len(number))
        picked = role == PICKED

        def of(name: str) -> NDArray[np.float64]:
            return nothing if story is None else getattr(story, name)[part]

        above = _positive(of("error"))
        fill(error[role], number, above)
        fill(values[role], number, of("repaint"))
        fill(shares[role], number, 100 * of("rank"))
        if not picked:
            return
        hid = of("masked") > 0.5
        fill(self._hidden, number, np.where(hid, above, np.nan))
        fill(self._open, number, np.where(hid, np.nan, above))
        fill(error[THRESHOLD], number, _positive(of("threshold")))
        fill(shares[SHOWN], number, 100 * of("shown"))
        fill(values[IMAGE], number, nothing + (story.image if story is not None else 0))

    def _fit_errors(self) -> None:
        """Show all errors and thresholds, marked at 1, 2 and 5."""
        shown = [self._story, self._pinned]
        both = [_positive(v[self._part(s)]) for s in shown if s for v in (s.error, s.threshold)]
        known = np.concatenate(both)
        known = known[np.isfinite(known)]
        if len(known):
            low, high = float(known.min()) / 1.5, float(known.max()) * 1.5
            self.error.show_range(low, high)
            self.error.tick("left", low, high)

    def _part(self, story: Story | None) -> slice:
        return story.refinement if story is not None and self._span == "refinement" else slice(None)

    def _numbers(self, story: Story) -> NDArray[Any]:
        """What the passes are called on the axis: as in the sentence, or over the whole run."""
        if self._span == "refinement":
            return story.number[story.refinement]
        return np.arange(1, len(story.passes) + 1)

    def _on_click(self, x: float, _: float) -> None:
        story = self._story
        if story is not None:
            number = self._numbers(story)
            nearest = int(np.argmin(np.abs(number - x)))
            first = story.refinement.start if self._span == "refinement" else 0
            self.pass_clicked.emit(first + nearest)


def _positive(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Not on a log axis: what is not above 0."""
    out: NDArray[np.float64] = np.where(values > 0, values, np.nan)
    return out


def _count(axis: Any, number: NDArray[Any]) -> None:
    """Mark whole passes; many of them as pyqtgraph does."""
    few = number[-1] - number[0] <= MOST_MARKS
    axis.setTicks([[(float(n), str(int(n))) for n in number]] if few else None)
