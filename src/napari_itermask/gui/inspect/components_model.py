"""What does a cell of the table of components say, and by what is it sorted and filtered?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QIcon

from napari_itermask.gui.inspect.signs import PENS, sign
from napari_itermask.inspection.review import NOTHING, Difficulty, Review

if TYPE_CHECKING:
    from qtpy.QtCore import QObject

    from napari_itermask.inspection.components import Component, Components

SORT_ROLE = Qt.ItemDataRole.UserRole
DIFFICULTIES = get_args(Difficulty)


@dataclass(frozen=True)
class Column:
    """One column: its title, what it means, how wide it is in pixels, and what a cell says.

    ``value`` gives a number, a word or None; ``words`` puts it as it is read.
    """

    title: str
    about: str
    width: int
    value: Callable[[Component, Review], Any]
    words: Callable[[Any], str] = str
    edited: bool = False

    @property
    def number(self) -> bool:
        """Whether its cells hold numbers, which stand on the right."""
        return self.words is not str


def _digits(count: int) -> Callable[[Any], str]:
    return lambda value: f"{value:.{count}g}"


def _percent(value: Any) -> str:
    return f"{100 * value:.0f} %"


FLAG, DIFFICULTY, COMMENT = "⚑", "Difficulty", "Comment"
COLUMNS: tuple[Column, ...] = (
    Column("No.", "Its label in the layer “components”.", 34, lambda c, _: c.number, _digits(9)),
    Column(FLAG, "Flagged: tick it to come back to it.", 26, lambda _, r: r.flag, edited=True),
    Column("Kind", "Hit, miss, or false alarm; “found” without a truth.", 108, lambda c, _: c.kind),
    Column("ml", "Its volume in ml.", 50, lambda c, _: c.volume_ml, _digits(3)),
    Column(
        "Reason",
        "Why it was missed or falsely found; the numbers stand below the table.",
        200,
        lambda c, _: c.reason,
    ),
    Column("Peak", "Its largest error.", 56, lambda c, _: c.peak_error, _digits(3)),
    Column("Mean", "Its mean error.", 56, lambda c, _: c.mean_error, _digits(3)),
    Column(
        "Overlap",
        "Of a hit or miss: the share of its lesion that is masked; of a false alarm: the share of "
        "its piece that is truth.",
        62,
        lambda c, _: c.overlap,
        _percent,
    ),
    Column(
        "Region",
        "The named region that holds most of it; choose a map of regions below.",
        110,
        lambda c, _: c.region,
    ),
    Column(
        "Rim",
        "Its depth in the brain, in mm: the median distance of its voxels to what is not brain.",
        48,
        lambda c, _: c.rim_mm,
        _digits(3),
    ),
    Column(
        "Left",
        "The refinement's last pass that took most of it off the mask.",
        44,
        lambda c, _: c.left_in_pass,
        _digits(9),
    ),
    Column(
        "Back",
        "The refinement's last pass that masked half of it again.",
        48,
        lambda c, _: c.came_back_in,
        _digits(9),
    ),
    Column(
        "Brighter",
        "Image minus repaint, in the scan's intensities: below 0 it is darker than repainted.",
        66,
        lambda c, _: c.mean_difference,
        _digits(3),
    ),
    Column("Guide", "The guide's mean energy in it.", 56, lambda c, _: c.guide_energy, _digits(3)),
    Column(
        DIFFICULTY,
        "How hard it is to tell, for a person: double-click to choose.",
        78,
        lambda _, r: r.difficulty,
        edited=True,
    ),
    Column(COMMENT, "Double-click to write one.", 160, lambda _, r: r.comment or None, edited=True),
)
TITLES = tuple(column.title for column in COLUMNS)


class ComponentsModel(QAbstractTableModel):
    """The rows of one :class:`Components`, and what was reviewed of them.

    ``reviewed`` tells of an edit; the row follows once the review is given with
    :meth:`show_review`.
    """

    reviewed = Signal(int, object)  # the component's number, its new Review

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[Component, ...] = ()
        self.reviews: dict[int, Review] = {}
        self._icons = {pen.name: QIcon(sign(pen, 24)) for pen in PENS}

    def show(self, found: Components | None, reviews: Mapping[int, Review]) -> None:
        """Show these rows in place of all others."""
        self.beginResetModel()
        self.rows = found.rows if found is not None else ()
        self.reviews = dict(reviews)
        self.endResetModel()

    def show_review(self, number: int, review: Review) -> None:
        """Show another review of one component."""
        self.reviews[number] = review
        at = number - 1
        self.dataChanged.emit(self.index(at, 0), self.index(at, len(COLUMNS) - 1))

    def review(self, number: int) -> Review:
        """What was reviewed of a component."""
        return self.reviews.get(number, NOTHING)

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """How many components there are."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: ARG002, N802
        """As many as there are titles."""
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:  # noqa: N802
        """Titles, and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].title
        return COLUMNS[section].about if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """What a cell shows."""
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        value = column.value(row, self.review(row.number))
        flag, said = column.title == FLAG, "" if value is None else column.words(value)
        if role == SORT_ROLE:
            return _key(value, number=column.number)
        if role == Qt.ItemDataRole.DecorationRole:
            return self._icons.get(row.kind) if column.title == "Kind" else None
        side = Qt.AlignmentFlag.AlignRight if column.number else Qt.AlignmentFlag.AlignLeft
        missing = value is None and not column.edited
        told: dict[int, Any] = {
            Qt.ItemDataRole.CheckStateRole: _check(value) if flag else None,
            Qt.ItemDataRole.DisplayRole: None if flag else said,
            Qt.ItemDataRole.EditRole: None if flag else value or "",
            Qt.ItemDataRole.TextAlignmentRole: side | Qt.AlignmentFlag.AlignVCenter,
            Qt.ItemDataRole.ToolTipRole: "not known" if missing else _tip(column, row),
        }
        return told.get(role)

    def flags(self, index: QModelIndex) -> Any:
        """What is reviewed can be edited."""
        flags, column = super().flags(index), COLUMNS[index.column()]
        if column.title == FLAG:
            return flags | Qt.ItemFlag.ItemIsUserCheckable
        return flags | Qt.ItemFlag.ItemIsEditable if column.edited else flags

    def setData(self, index: QModelIndex, value: Any, role: int = 2) -> bool:  # noqa: N802
        """Ask for another review of a row."""
        row, title = self.rows[index.row()], COLUMNS[index.column()].title
        review = self.review(row.number)
        if title == FLAG and role == Qt.ItemDataRole.CheckStateRole:
            review = _with(review, flag=Qt.CheckState(value) == Qt.CheckState.Checked)
        elif title == DIFFICULTY and role == Qt.ItemDataRole.EditRole:
            review = _with(review, difficulty=value if value in DIFFICULTIES else None)
        elif title == COMMENT and role == Qt.ItemDataRole.EditRole:
            review = _with(review, comment=str(value).strip())
        else:
            return False
        if review != self.review(row.number):
            self.reviewed.emit(row.number, review)
        return True


class Filtered(QSortFilterProxyModel):
    """Rows of one kind whose words hold what was typed; sorted by values, not by their words."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._kind, self._text = "", ""

    def narrow(self, kind: str, text: str) -> None:
        """Show rows of that kind ("": all) in which ``text`` stands anywhere."""
        self._kind, self._text = kind, text.strip().lower()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:  # noqa: ARG002, N802
        """Whether a row is shown."""
        model = self.sourceModel()
        assert isinstance(model, ComponentsModel)
        component = model.rows[row]
        if self._kind and component.kind != self._kind:
            return False
        if not self._text:
            return True
        review = model.review(component.number)
        words = (
            component.reason,
            component.region or "",
            review.difficulty or "",
            review.comment,
            "flagged" * review.flag,
        )
        return any(self._text in part.lower() for part in words)


def _with(review: Review, **changes: Any) -> Review:
    return Review(**{**review.model_dump(), **changes})


def _key(value: Any, *, number: bool) -> Any:
    if value is None:
        return -math.inf if number else ""
    return float(value) if number or isinstance(value, bool) else str(value).lower()


def _tip(column: Column, row: Component) -> str:
    return row.because if column.title == "Reason" else column.about


def _check(flag: bool) -> Any:
    return Qt.CheckState.Checked if flag else Qt.CheckState.Unchecked
