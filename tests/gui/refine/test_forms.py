"""Settings survive the way through their controls, and what is not taken is explained."""

import math
import typing

import pytest

from napari_itermask import RefineSettings
from napari_itermask.gui.system import missing_libraries
from napari_itermask.method.settings import Price

pytest.importorskip("qtpy")
if missing_libraries():
    pytest.skip("Qt's system libraries are missing", allow_module_level=True)

from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QLabel

from napari_itermask.gui.refine.fields import MARKS, WORDS, help_of, range_words
from napari_itermask.gui.refine.forms import SettingsForm, control_of
from napari_itermask.gui.refine.number_box import Number, NumberBox

AWKWARD = RefineSettings(
    threshold_rule="manual",
    gamma=15 / 192,
    y_limit=0.1 + 0.2,
    manual_threshold=0.0123,
    cutoff=1 / 3,
    start_mask="best_threshold_mask",
    stop_rule="figure",
    min_change=1e-12,
    max_passes=9999,
    only_shrink=True,
    seed=2**32 - 1,
    smoothing=math.pi,
    sign="darker",
    intensity_floor=-0.7000000000000001,
    max_difference=1 / 7,
    expected_error=True,
    rim=1e-300,
    min_volume=123.45678901234567,
)


@pytest.fixture
def form(qtbot):
    form = SettingsForm()
    qtbot.addWidget(form.native)
    return form


@pytest.fixture
def heard(form):
    heard = []
    form.changed.connect(heard.append)
    return heard


@pytest.fixture
def refused(form):
    refused = []
    form.refused.connect(refused.append)
    return refused


def type_into(qtbot, box, text):
    box.lineEdit().selectAll()
    qtbot.keyClick(box.lineEdit(), Qt.Key.Key_Delete)
    qtbot.keyClicks(box.lineEdit(), text)
    qtbot.keyClick(box.lineEdit(), Qt.Key.Key_Return)


def test_every_field_survives_instance_form_instance_bit_for_bit(qtbot):
    for settings in (AWKWARD, RefineSettings()):
        form = SettingsForm(settings)
        qtbot.addWidget(form.native)
        read = {name: control.value for name, control in form.controls.items()}
        assert RefineSettings(**read) == settings
        assert read == settings.model_dump()  # ints are ints, None is None


def test_showing_other_settings_shows_all_of_them_and_emits_nothing(form, heard):
    form.show(AWKWARD)
    assert form.settings == AWKWARD
    assert {n: c.value for n, c in form.controls.items()} == AWKWARD.model_dump()
    form.show(RefineSettings())
    assert {n: c.value for n, c in form.controls.items()} == RefineSettings().model_dump()
    assert heard == []


@pytest.mark.parametrize("name", RefineSettings.model_fields)
def test_a_change_of_one_control_gives_whole_settings_with_that_one_changed(
    qtbot, form, heard, name
):
    form.show(RefineSettings(threshold_rule="manual" if name == "manual_threshold" else "tangent"))
    before = form.settings
    control, value = form.controls[name], getattr(AWKWARD, name)
    if isinstance(control, Number):
        if control.tick is not None:
            control.tick.native.click()
            heard.clear()
        type_into(qtbot, control.box, repr(value))
    elif isinstance(value, bool):
        control.native.click()
    else:
        control.native.setCurrentIndex(control.native.findText(WORDS[name][value]))
    assert heard == [before.replace(**{name: value})]
    assert form.settings == heard[0]


def test_what_is_typed_keeps_its_digits_and_a_fraction_is_read(qtbot, form, heard):
    box = form.controls["gamma"].box
    for typed, value in (("0.0123", 0.0123), ("15/192", 15 / 192), ("0,3", 0.3), ("7e-5", 7e-5)):
        type_into(qtbot, box, typed)
        assert form.settings.gamma == value
    assert [s.gamma for s in heard] == [0.0123, 15 / 192, 0.3, 7e-5]  # each once, as a whole
    assert box.text() == "7e-05 error / %"


@pytest.mark.parametrize(
    ("name", "typed", "why"),
    [
        ("gamma", "0", "gamma must be more than 0 and at most 1000: '0' was not taken"),
        ("gamma", "1001", "gamma must be more than 0 and at most 1000: '1001' was not taken"),
        ("gamma", "1e", "gamma must be more than 0 and at most 1000: '1e' was not taken"),
        ("gamma", "1/0", "gamma must be more than 0 and at most 1000: '1/0' was not taken"),
        ("gamma", "", "gamma must be more than 0 and at most 1000: '' was not taken"),
        ("min_change", "1", "min change must be more than 0 and less than 1: '1' was not taken"),
        ("rim", "-1", "rim must be at least 0 and at most 50: '-1' was not taken"),
        ("seed", "-", "seed must be a whole number, at least 0 and at most 4294967295: '-'"),
        ("seed", "1.5", "seed must be a whole number, at least 0 and at most 4294967295: '1.5'"),
        ("max_passes", "0", "max passes must be a whole number, at least 1 and at most 10000: '0'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason_and_the_last_stays(
    qtbot, form, heard, refused, name, typed, why
):
    before = form.settings
    box = form.controls[name].box
    type_into(qtbot, box, typed)
    assert heard == []
    assert form.settings == before
    assert box.value() == getattr(before, name)
    assert box.text().startswith(f"{getattr(before, name):g}")
    assert len(refused) == 1
    assert refused[0].startswith(why)
    assert refused[0].endswith(f"it stays {getattr(before, name):g}.")


def test_letters_cannot_be_typed_into_a_number(qtbot, form):
    line = form.controls["gamma"].box.lineEdit()
    line.selectAll()
    qtbot.keyClicks(line, "0.2abc")
    assert line.text().startswith("0.2 ")


def test_an_empty_field_shows_greyed_what_it_stands_for_and_ticking_begins_there(form, heard):
    control = form.controls["cutoff"]
    form.set_fallback("cutoff", 0.15)
    assert control.value is None
    assert not control.box.isEnabled()
    assert control.box.text() == "0.15 cycles/mm"
    control.tick.native.click()
    assert control.box.isEnabled()
    assert form.settings.cutoff == 0.15
    control.tick.native.click()
    assert form.settings.cutoff is None
    assert [s.cutoff for s in heard] == [0.15, None]


def test_steps_follow_the_size_of_the_number_and_stay_round(form):
    gamma = form.controls["gamma"].box
    seen = []
    for steps in (1, 1, -3, -1):
        gamma.stepBy(steps)
        seen.append(form.settings.gamma)
    assert seen == [0.051, 0.052, 0.049, 0.048]
    form.show(RefineSettings(gamma=0.01))
    gamma.stepBy(-1)
    assert form.settings.gamma == 0.0099
    gamma.stepBy(-10_000)  # never reaches 0, which is not allowed
    assert 0 < form.settings.gamma < 1e-5


def test_steps_end_at_the_limits_of_the_field(form):
    for name, steps, end in (
        ("smoothing", -1, 0.0),
        ("min_volume", -5, 0.0),
        ("max_passes", -1000, 1),
        ("gamma", 100_000, 1000.0),
        ("seed", 3, 3),
    ):
        form.controls[name].box.stepBy(steps)
        assert getattr(form.settings, name) == end
    form.controls["min_change"].box.stepBy(1000)
    assert 0.99 < form.settings.min_change < 1  # 1 itself is not allowed


def test_the_wheel_scrolls_past_a_control_that_has_no_focus(qtbot, form):
    form.native.show()
    for name in ("gamma", "threshold_rule"):
        control = form.controls[name]
        widget = control.box if name == "gamma" else control.native
        before = control.value
        event = QWheelEvent(
            QPointF(5, 5),
            QPointF(widget.mapToGlobal(QPoint(5, 5))),
            QPoint(0, 0),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)
        assert control.value == before
        assert not event.isAccepted()


def test_only_the_numbers_of_the_rule_in_force_can_be_turned(form):
    def turnable():
        return {n for n in ("gamma", "y_limit", "manual_threshold") if form.controls[n].enabled}

    assert turnable() == {"gamma", "y_limit"}
    form.controls["threshold_rule"].value = "manual"
    assert turnable() == {"manual_threshold"}
    form.show(RefineSettings(threshold_rule="calibrated"))
    assert turnable() == set()


def test_help_range_and_price_stand_at_every_control(form):
    assert set(MARKS) == set(typing.get_args(Price))
    for name, field in RefineSettings.model_fields.items():
        extra = field.json_schema_extra
        tip = form.controls[name].tooltip
        assert tip == help_of(name)
        assert field.description in tip
        assert f"Price of a change: {extra['price']}." in tip
        shown = form.groups[extra["group"]]
        marks = {m.accessibleName(): m.text() for m in shown.findChildren(QLabel)}
        assert marks[f"price: {extra['price']}"] == MARKS[extra["price"]]
        if extra["unit"]:
            assert extra["unit"] in tip
            assert extra["unit"].startswith(form.controls[name].box.suffix().strip())
            assert form.controls[name].box.suffix().strip()
    assert range_words("gamma") == "more than 0 and at most 1000"
    assert range_words("min_change") == "more than 0 and less than 1"
    assert range_words("sign") == ""


def test_every_choice_has_words_of_its_own():
    for name, field in RefineSettings.model_fields.items():
        if typing.get_origin(field.annotation) is typing.Literal:
            control = control_of(name, RefineSettings())
            assert list(control.choices) == list(typing.get_args(field.annotation))
            assert set(WORDS[name]) == set(control.choices)


def test_a_group_folds_with_its_title_as_the_button(qtbot, form):
    form.native.show()
    guide = form.groups["guide"]
    assert not guide.isExpanded()
    assert guide.text() == "▸  Guide"
    guide.toggleButton().click()
    assert guide.isExpanded()
    assert guide.text() == "▾  Guide"
    qtbot.waitUntil(form.controls["cutoff"].native.isVisible)
    assert form.groups["threshold"].text() == "▾  Threshold"


def test_a_box_holds_every_float_bit_for_bit(qtbot):
    box = NumberBox()
    qtbot.addWidget(box)
    for value in (15 / 192, 0.1 + 0.2, 1 / 3, 5e-308, 1e300, -2.5e-17, 123456.78901234567):
        box.setValue(value)
        assert box.value() == value
        assert float(box.text()) == value
