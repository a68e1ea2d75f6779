"""How is a number turned without losing a digit? A box that shows it as Python would, or nothing.

Qt's own box shows a fixed count of decimals and rounds to them: 15/192 becomes 0.08.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from magicgui.widgets import CheckBox
from magicgui.widgets.bases import ValuedContainerWidget
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSizePolicy, QWidget

HUGE = 1e300


class NumberBox(QDoubleSpinBox):
    """A box for one float that keeps it bit for bit, whatever its size.

    A step is a tenth of the number's power of ten, at least ``least``: near 0.05 it is 0.001, near
    400 it is 10. What is typed counts once Enter is pressed or the box is left; it may lie beyond
    the limits, for whoever reads it to refuse with a reason. The wheel turns it only in focus.

    Parameters
    ----------
    low, high
        Where stepping ends.
    least
        The smallest step; with 0 steps grow ever smaller towards 0 and never reach it.
    unit
        Shown behind the number.
    whole
        Whole numbers only, in steps of 1.
    """

    unreadable = Signal(str)  # what was typed and is no number; the box shows the last one again

    def __init__(
        self,
        low: float = -HUGE,
        high: float = HUGE,
        least: float = 0.0,
        unit: str = "",
        *,
        whole: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._low, self._high = Decimal(repr(low)), Decimal(repr(high))
        self._least = Decimal(repr(least))
        self._whole = whole
        self.setDecimals(323)  # all that a float can have: Qt rounds to them
        self.setRange(-HUGE, HUGE)
        self.setKeyboardTracking(False)
        if unit:
            self.setSuffix(f" {unit}")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        calm_wheel(self)

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        """The shortest text that reads back as the same float."""
        return short(value)

    def valueFromText(self, text: str | None) -> float:  # noqa: N802 - Qt's name
        """The float that was typed, or the last one where it is none."""
        read = self._read(text or "")
        return self.value() if read is None else read

    def validate(self, text: str | None, place: int) -> tuple[QValidator.State, str, int]:
        """Let everything that could become a number be typed."""
        typed = text or ""
        bare = typed.removesuffix(self.suffix())
        if self._read(typed) is not None:
            return QValidator.State.Acceptable, typed, place
        wrong = set(bare) - set("0123456789.,+-eE/ ")
        state = QValidator.State.Invalid if wrong else QValidator.State.Intermediate
        return state, typed, place

    def fixup(self, text: str | None) -> str:
        """Say that what was typed is no number; Qt then shows the last one again."""
        typed = (text or "").removesuffix(self.suffix()).strip()
        self.unreadable.emit(typed)
        return text or ""

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Go on by decimal steps, so that 0.05 and one step are 0.051 and not 0.0510...04."""
        now = Decimal(repr(self.value()))
        for _ in range(abs(steps)):
            step = self._step(now, outwards=(steps > 0) == (now >= 0))
            now = now + step if steps > 0 else now - step
        self.setValue(float(min(max(now, self._low), self._high)))
        self.selectAll()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:  # noqa: N802 - Qt's name
        """Which arrows do something."""
        now, flags = Decimal(repr(self.value())), QAbstractSpinBox.StepEnabledFlag
        enabled = flags.StepNone
        if now < self._high:
            enabled |= flags.StepUpEnabled
        if now > self._low:
            enabled |= flags.StepDownEnabled
        return enabled

    def _step(self, now: Decimal, *, outwards: bool) -> Decimal:
        if self._whole:
            return Decimal(1)
        if now == 0:
            return self._least or Decimal("0.01")
        power = now.copy_abs().adjusted()
        exact = now.copy_abs() == Decimal(1).scaleb(power)
        step = Decimal(1).scaleb(power - 1 if outwards or not exact else power - 2)
        return max(step, self._least)

    def _read(self, text: str) -> float | None:
        typed = text.removesuffix(self.suffix()).strip().replace(",", ".")
        above, slash, below = typed.partition("/")  # 15/192 is how a cutoff is published
        try:
            read = float(above) / float(below) if slash else float(above)
        except (ValueError, ZeroDivisionError):
            return None
        fits = math.isfinite(read) and abs(read) <= HUGE and (read.is_integer() or not self._whole)
        return read if fits else None


class Number(ValuedContainerWidget[Any]):
    """magicgui's clothes for a :class:`NumberBox`; with a tick box where it may be None.

    Parameters
    ----------
    value
        A float, or None where ``nullable``.
    nullable
        Whether an empty value is one.
    fallback
        What the box shows, greyed, while the value is None, and what ticking begins with.
    whole
        Whether the value is an int.
    low, high, least, unit
        As of the box.
    """

    def __init__(
        self,
        value: float | None = None,
        *,
        nullable: bool = False,
        fallback: float = 0.0,
        whole: bool = False,
        low: float = -HUGE,
        high: float = HUGE,
        least: float = 0.0,
        unit: str = "",
        **more: Any,
    ) -> None:
        self.box = NumberBox(low, high, least, unit, whole=whole)
        self._whole = whole
        self.tick = CheckBox(value=True) if nullable else None
        self._fallback = fallback
        super().__init__(layout="horizontal", labels=False, nullable=nullable, **more)
        layout = self.native.layout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        if self.tick is not None:
            self.tick.text = ""
            self.tick.tooltip = "On: the number counts. Off: the default does."
            layout.addWidget(self.tick.native)
            self.tick.changed.connect(self._on_tick)
        layout.addWidget(self.box)
        self.native.setFocusProxy(self.box if self.tick is None else self.tick.native)
        self.box.setToolTip(self.tooltip)
        self.set_value(value)
        self.box.valueChanged.connect(self._on_box)

    def get_value(self) -> float | None:
        """The number, or None while the tick is off."""
        if self.tick is not None and not self.tick.value:
            return None
        value = self.box.value()
        return int(value) if self._whole else value

    def set_value(self, value: float | None) -> None:
        """Show a number, or None; emits nothing."""
        if self.tick is not None:
            with self.tick.changed.blocked():
                self.tick.value = value is not None
            self.box.setEnabled(value is not None)
        before = self.box.blockSignals(True)
        self.box.setValue(self._fallback if value is None else value)
        self.box.blockSignals(before)

    def set_fallback(self, fallback: float) -> None:
        """What is shown while the value is None."""
        self._fallback = fallback
        self.set_value(self.get_value())

    def _on_tick(self, ticked: bool) -> None:
        self.set_value(self._fallback if ticked else None)
        self.changed.emit(self.get_value())

    def _on_box(self) -> None:
        self.changed.emit(self.get_value())


def short(value: float) -> str:
    """A float in the fewest digits that read back as the same: "10" and "0.078125"."""
    return repr(float(value)).removesuffix(".0")


def calm_wheel(widget: QWidget) -> None:
    """Let the wheel scroll past ``widget`` instead of turning it, unless it has the focus."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_Calm(widget))


class _Calm(QObject):
    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        if event is None or event.type() != QEvent.Type.Wheel:
            return False
        if isinstance(watched, QWidget) and watched.hasFocus():
            return False
        event.ignore()
        return True
