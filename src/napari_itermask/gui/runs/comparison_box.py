"""In what do the two selected results differ? A layer, numbers, and a threshold for a map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget
from superqt.utils import QSignalThrottler

from napari_itermask.gui.refine.number_box import NumberBox
from napari_itermask.gui.runs.compare import COLOURS, Difference, difference
from napari_itermask.gui.runs.compare_layers import go_where_it_differs, show_difference, view_on
from napari_itermask.gui.runs.run_files import MapEntry, side_of
from napari_itermask.gui.runs.swap_box import KEY, Sides, SwapBox

if TYPE_CHECKING:
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.runs.runs_table import Row
    from napari_itermask.gui.stream import Stream

MOST = 20
"""Letters of a name in the legend; the tooltip has it whole."""

_ONE = f"Ctrl+click a second row to compare two. {KEY} swaps the input and its reconstruction."
_TWO = f"Two rows are selected: Compare shows where they differ, {KEY} swaps them."


class ComparisonBox(QWidget):
    """Compare the two rows that are chosen, and swap them.

    Parameters
    ----------
    aside
        Where runs that lie on disk are read.
    failed
        Is told what went wrong.
    """

    turned = Signal(object)  # the MapEntry whose threshold was turned

    def __init__(
        self,
        stream: Stream,
        aside: Aside,
        failed: Callable[[BaseException], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._stream, self._aside, self._failed = stream, aside, failed
        self.difference: Difference | None = None
        self._chosen: tuple[Row, ...] = ()
        self._turning: MapEntry | None = None
        self._layer: Any = None
        self._reading = False
        self.swap = SwapBox(stream, failed)
        self._make_controls()
        self._lay_out()
        self.choose(())

    def choose(self, rows: Sequence[Row]) -> None:
        """These rows are selected: two can be compared."""
        pair = tuple(rows) if len(rows) == 2 else ()
        if not _same(pair, self._chosen):
            self.swap.end()
            self._chosen, self.difference = pair, None
        self.button.setEnabled(bool(pair))
        self.swap.what.setEnabled(bool(pair))
        self.swap.read = self._read if pair else None
        maps = [row for row in rows if isinstance(row, MapEntry) and not row.map.is_mask]
        self._turning = maps[0] if len(maps) == 1 else None
        self.cut.setEnabled(self._turning is not None)
        self.cut_label.setEnabled(self._turning is not None)
        if self._turning is not None:
            with QSignalBlocker(self.cut):
                self.cut.setValue(self._turning.threshold)
        self._tell()

    def compare(self) -> None:
        """Show where the two chosen rows differ, in a layer and in words."""
        if self._chosen:
            self._read(self._show)

    # Private ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.button = QPushButton("Compare")
        self.button.setToolTip("Show where the two selected rows differ, as a layer.")
        self.button.clicked.connect(self.compare)
        self.cut_label = QLabel("Map above")
        self.cut = NumberBox()
        self.cut.setToolTip("The value above which the selected map masks: the layer follows.")
        self.cut.setAccessibleName("Threshold of the map")
        self.cut.valueChanged.connect(self._on_cut)
        self._calm = QSignalThrottler(parent=self)
        self._calm.setTimeout(80)
        self._calm.triggered.connect(self._cut_again)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.RichText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        # Three lines whatever it says, so that what lies around it never jumps.
        self.words.setFixedHeight(3 * self.words.fontMetrics().lineSpacing() + 12)
        self.swap.swapped.connect(self._tell)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.button)
        row.addStretch()
        row.addWidget(self.cut_label)
        row.addWidget(self.cut)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.swap)
        column.addWidget(self.words)

    def _read(self, then: Callable[[Sides], None]) -> None:
        """Read the two that are chosen, then go on if they still are."""
        if self._reading:
            return
        self._reading = True
        (a, b), archive = self._chosen, self._stream.session.archive

        def done(sides: Sides) -> None:
            self._reading = False
            if _same((a, b), self._chosen):
                then(sides)

        def failed(error: BaseException) -> None:
            self._reading = False
            self.swap.rock(False)
            self._failed(error)

        self._aside.do(lambda: (side_of(a, archive), side_of(b, archive)), done, failed)

    def _show(self, sides: Sides) -> None:
        try:
            self.difference = difference(*sides)
        except ValueError as error:
            self._failed(error)
            return
        view = view_on(self._stream.session, sides[0])
        self._layer = show_difference(self._stream.viewer, self._layer, self.difference, view)
        go_where_it_differs(self._stream.viewer, self._layer)
        self._tell()

    def _on_cut(self, value: float) -> None:
        if self._turning is not None:
            self._turning.threshold = value
            self._calm.throttle()

    def _cut_again(self) -> None:
        entry, old = self._turning, self.difference
        if entry is None:
            return
        self.swap.end()
        if old is not None:
            cut = entry.map.side(entry.threshold)
            self._show((cut, old.b) if self._chosen[0] is entry else (old.a, cut))
        self.turned.emit(entry)

    def _tell(self) -> None:
        found = self.difference
        lines = [f"Seen now: <b>{_short(self.swap.shown)}</b>."] if self.swap.shown else []
        if found is not None:
            patches = ", ".join(
                f'<span style="background-color: {COLOURS[label]}">&nbsp;&nbsp;&nbsp;</span> '
                f"{_short(name)} {found.ml[label]:.2f}"
                for label, name in found.names.items()
            )
            verdict = "Both are empty" if np.isnan(found.dice) else f"Dice {found.dice:.3f}"
            lines.append(f"{verdict}.<br>{patches} ml")
        self.words.setText(" ".join(lines) or (_TWO if self._chosen else _ONE))
        self.words.setToolTip(found.words if found is not None else "")


def _short(name: str) -> str:
    """A name that leaves room for what is said of it."""
    return escape(name if len(name) <= MOST else f"{name[: MOST - 1]}…")


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
