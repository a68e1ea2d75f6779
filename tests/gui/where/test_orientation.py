"""Which side is which is seen in every plane and convention, and what lies under the cursor."""

import itertools
from dataclasses import asdict, replace

import numpy as np
import pytest
from nibabel.affines import apply_affine, from_matvec
from nibabel.eulerangles import euler2mat

from napari_itermask.gui.system import has_display, missing_libraries

napari = pytest.importorskip("napari")

from napari.components import ViewerModel  # noqa: E402

from napari_itermask.gui.placed.space import metadata, placing, to_layer, view_of  # noqa: E402
from napari_itermask.gui.where.orientation import (  # noqa: E402
    orientation_of,
    set_convention,
    set_plane,
)
from napari_itermask.gui.where.sides import CODES, Letters, edge_letters, space_letters  # noqa: E402
from napari_itermask.gui.where.where_am_i import Readout, WhereAmI, describe  # noqa: E402

PLANES = ("axial", "coronal", "sagittal")
CONVENTIONS = ("neurological", "radiological")
# Where the axes of the viewer's world point to in the body (R, A, S): the world is (S, -A, R).
IN_BODY = np.array([[0, 0, 1], [0, -1, 0], [1, 0, 0]])
SIDES = {
    "R": (1, 0, 0),
    "L": (-1, 0, 0),
    "A": (0, 1, 0),
    "P": (0, -1, 0),
    "S": (0, 0, 1),
    "I": (0, 0, -1),
}

# A file as a scanner may leave it: its axes run left, down and to the back, tilted.
SHAPE = (40, 36, 44)
TILTED = from_matvec(
    euler2mat(0.12, -0.1, 0.15) @ np.diag([-4.0, 4.0, 4.0]) @ np.eye(3)[[0, 2, 1]] * [1, -1, -1],
    (85.0, 80.0, 75.0),
)


@pytest.fixture
def viewer(request):
    if missing_libraries() or not has_display():
        pytest.skip("no screen: install Debian's xvfb and pytest-xvfb starts one")
    return request.getfixturevalue("make_napari_viewer")(show=True)


def block_at_left_front_top(shape=SHAPE, affine=TILTED):
    """A grey volume with a bright block in the left upper front eighth of the scan."""
    mm = apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))
    middle = apply_affine(affine, (np.array(shape) - 1) / 2)
    offset = (mm - middle) @ np.diag([-1, 1, 1])
    return np.where(((offset > 20) & (offset < 60)).all(-1), 1.0, 0.2).astype(np.float32)


def add(viewer, volume=None, affine=TILTED, view=None, **more):
    """A layer as the plugin adds it."""
    volume = block_at_left_front_top(affine=affine) if volume is None else volume
    facts = {k: more.pop(k) for k in ("kind", "threshold", "path") if k in more}
    kind = viewer.add_labels if volume.dtype == np.uint8 else viewer.add_image
    limits = {} if volume.dtype == np.uint8 else {"contrast_limits": (0, 1)}
    return kind(
        to_layer(volume, affine),
        metadata=metadata(affine, volume.shape, view=view, **facts),
        **placing(affine, volume.shape, view),
        **limits,
        **more,
    )


# Letters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "horizontal", "vertical", "letters"),
    [
        ((0, 1, 2), "right", "down", Letters("L", "R", "A", "P")),
        ((0, 1, 2), "left", "down", Letters("R", "L", "A", "P")),
        ((0, 1, 2), "right", "up", Letters("L", "R", "P", "A")),
        ((1, 0, 2), "right", "up", Letters("L", "R", "S", "I")),
        ((1, 0, 2), "left", "down", Letters("R", "L", "I", "S")),
        ((2, 0, 1), "right", "up", Letters("A", "P", "S", "I")),
        ((2, 0, 1), "left", "up", Letters("P", "A", "S", "I")),
        ((1, 2, 0), "right", "down", Letters("I", "S", "L", "R")),  # rolled by napari's button
        ((0, 2, 1), "right", "down", Letters("A", "P", "L", "R")),  # transposed
        ((2, 1, 0), "left", "down", Letters("S", "I", "A", "P")),
        ((0, 1, 2, 3), "right", "down", Letters("L", "R", "A", "P")),  # with a stack of passes
        ((1, 0, 2, 3), "right", "down", Letters("L", "R", "A", "P")),
        ((3, 2, 0, 1), "right", "down", Letters("I", "S", "", "")),  # passes against heights
        ((0, 1), "right", "down", Letters()),
    ],
)
def test_letters_say_what_lies_at_each_edge(order, horizontal, vertical, letters):
    assert edge_letters(order, 2, horizontal, vertical) == letters


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("horizontal", ["left", "right"])
@pytest.mark.parametrize("vertical", ["up", "down"])
def test_letters_are_right_for_every_order_and_flip(order, horizontal, vertical):
    letters = edge_letters(order, 2, horizontal, vertical)
    down, right = IN_BODY[order[1]], IN_BODY[order[2]]
    np.testing.assert_array_equal(
        SIDES[letters.right], right * (1 if horizontal == "right" else -1)
    )
    np.testing.assert_array_equal(SIDES[letters.bottom], down * (1 if vertical == "down" else -1))
    np.testing.assert_array_equal(SIDES[letters.left], -np.array(SIDES[letters.right]))
    np.testing.assert_array_equal(SIDES[letters.top], -np.array(SIDES[letters.bottom]))
    assert edge_letters(order, 3, horizontal, vertical) == Letters()


def test_a_turned_3d_view_names_the_axes_between_which_it_looks():
    assert space_letters((0, 1, 2), (0, 0, 1), (1, 0, 0)) == Letters("L", "R", "S", "I")
    turned = space_letters((0, 1, 2), (0, -0.6, 0.8), (1, 0, 0))
    assert turned == Letters(left="LP", right="RA", top="S", bottom="I")
    slightly = space_letters((0, 1, 2), (0, -0.2, 0.98), (1, 0, 0))
    assert slightly.right == "R"
    assert space_letters((0, 1), (0, 1), (1, 0)) == Letters()


@pytest.mark.parametrize(
    "codes", [("S", "P", "R"), ("S", "A", "R"), ("S", "P", "L"), ("R", "S", "A")]
)
def test_planes_stand_upright_however_the_world_lies(codes):
    viewer = ViewerModel()
    view = from_matvec([SIDES[code] for code in codes])  # RAS mm to another plugin's world
    viewer.add_image(np.zeros((4, 5, 6)), metadata={"itermask": {"view": view}})
    orientation = orientation_of(viewer)
    expected = {
        ("axial", "neurological"): Letters("L", "R", "A", "P"),
        ("axial", "radiological"): Letters("R", "L", "A", "P"),
        ("coronal", "neurological"): Letters("L", "R", "S", "I"),
        ("coronal", "radiological"): Letters("R", "L", "S", "I"),
        ("sagittal", "neurological"): Letters("A", "P", "S", "I"),
        ("sagittal", "radiological"): Letters("A", "P", "S", "I"),
    }
    for (plane, convention), letters in expected.items():
        set_plane(viewer, plane)
        set_convention(viewer, convention)
        assert (orientation.plane, orientation.letters) == (plane, letters)
    set_plane(viewer, "3d")
    face_to_face = Letters("R", "L", "S", "I")
    # In napari 0.8 a camera that is turned round does not know where to it looks.
    unknown = not hasattr(viewer, "scene") and codes != CODES
    assert orientation.letters == (Letters() if unknown else face_to_face)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_3d_view_is_never_mirrored(order, convention):
    viewer = ViewerModel()
    add(viewer)
    orientation_of(viewer).follow(1)
    set_convention(viewer, convention)
    viewer.dims.order = order
    viewer.dims.ndisplay = 3  # by napari's own button
    body_is_right_handed = np.linalg.det(IN_BODY[list(order)]) > 0
    assert (str(camera_of(viewer).handedness) == "right") == body_is_right_handed
    viewer.dims.ndisplay = 2
    set_plane(viewer, "axial")
    sides = ("L", "R") if convention == "neurological" else ("R", "L")
    assert orientation_of(viewer).letters == Letters(*sides, "A", "P")


def camera_of(viewer):
    return viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera


# The viewer -------------------------------------------------------------------------------------


def bright_side(viewer):
    """Where the bright block lies on the canvas: at its left or right, top or bottom half."""
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].mean(-1)
    # The letters stand at the edges: they do not count.
    inner = picture[40:-40, 40:-40]
    row, column = np.argwhere(inner > 200).mean(0)
    assert abs(row - inner.shape[0] / 2) > 15
    assert abs(column - inner.shape[1] / 2) > 15
    return (
        "right" if column > inner.shape[1] / 2 else "left",
        "bottom" if row > inner.shape[0] / 2 else "top",
    )


@pytest.mark.parametrize("front", [-1, 1], ids=["our world", "front down, of another plugin"])
def test_the_picture_lies_as_its_letters_say_in_every_plane_and_convention(viewer, front):
    ours = view_of(TILTED, SHAPE)
    layer = add(viewer, view=replace(ours, matrix=np.diag([1, -front, 1, 1]) @ ours.matrix))
    letters_on = orientation_of(viewer)
    letters_on.follow(1)
    inside = np.argwhere(layer.data == 1).mean(0)
    viewer.dims.point = point = layer.data_to_world(np.rint(inside))
    for convention, plane in itertools.product(CONVENTIONS, (*PLANES, "3d")):
        set_convention(viewer, convention)
        set_plane(viewer, plane)
        np.testing.assert_allclose(viewer.dims.point, point, atol=1e-6)
        sides = {getattr(letters_on.letters, edge) for edge in bright_side(viewer)}
        if plane != "3d" or hasattr(viewer, "scene"):
            assert sides <= {"L", "A", "S"}, (convention, plane)
    letters_on.leave(1)


def test_letters_stand_at_the_edges_whatever_the_zoom_and_go_when_they_are_switched_off(viewer):
    volume = np.zeros(SHAPE, np.float32)
    add(viewer, volume)
    orientation = orientation_of(viewer)
    orientation.lettered = False
    orientation.follow(1)
    bare = viewer.screenshot(canvas_only=True, flash=False)
    orientation.lettered = True
    lettered = viewer.screenshot(canvas_only=True, flash=False)
    changed = np.argwhere((bare != lettered).any(-1))
    height, width = bare.shape[:2]
    off_centre = np.abs(changed - (height / 2, width / 2)) / (height / 2, width / 2)
    assert len(changed) > 50
    assert (off_centre.max(1) > 0.8).all()  # at an edge
    if not hasattr(viewer, "canvas"):  # napari 0.8 has a single text, for all edges
        assert viewer.text_overlay.text == "left L   right R   top A   bottom P"
        return
    assert (off_centre.min(1) < 0.1).all()  # in the middle of it
    camera_of(viewer).zoom *= 3
    np.testing.assert_array_equal(
        viewer.screenshot(canvas_only=True, flash=False)[:40], lettered[:40]
    )
    viewer.window.resize(700, 500)
    small = viewer.screenshot(canvas_only=True, flash=False)
    assert small.shape[:2] != (height, width)
    assert (small[:40, small.shape[1] // 2 - 20 : small.shape[1] // 2 + 20, :3] > 200).any()
    orientation.leave(1)
    assert not (viewer.screenshot(canvas_only=True, flash=False)[:40, :, :3] > 200).any()


def test_napari_s_own_roll_button_leaves_the_picture_upright_and_the_letters_right():
    viewer = ViewerModel()
    add(viewer)
    orientation = orientation_of(viewer)
    orientation.follow(1)
    viewer.dims.roll()
    assert (orientation.plane, orientation.letters) == ("sagittal", Letters("A", "P", "S", "I"))
    viewer.dims.roll()
    assert (orientation.plane, orientation.letters) == ("coronal", Letters("I", "S", "L", "R"))
    viewer.dims.roll()
    assert (orientation.plane, orientation.letters) == ("axial", Letters("L", "R", "A", "P"))
    viewer.dims.transpose()
    assert orientation.letters == Letters("A", "P", "L", "R")


def drawn(viewer):
    """The letters that stand in the canvas: left, right, top, bottom."""
    canvas = getattr(viewer, "canvas", None)
    if canvas is None:  # napari 0.8: "left L   right R   top A   bottom P"
        return tuple(viewer.text_overlay.text.split()[1::2])
    return tuple(
        overlay.text if overlay.visible else ""
        for overlay in (canvas.overlays[f"itermask_{edge}"] for edge in asdict(Letters()))
    )


def test_the_letters_that_are_drawn_follow_every_turn():
    viewer = ViewerModel()
    add(viewer)
    orientation = orientation_of(viewer)
    orientation.follow(1)
    assert drawn(viewer) == ("L", "R", "A", "P")
    camera_of(viewer).orientation2d = ("up", "left")  # by napari's own controls
    assert drawn(viewer) == ("R", "L", "P", "A")
    viewer.dims.order = (1, 0, 2)
    assert drawn(viewer) == ("L", "R", "S", "I")
    set_plane(viewer, "3d")
    assert drawn(viewer) == ("R", "L", "S", "I")
    camera_of(viewer).set_view_direction((0, -1, 0), (1, 0, 0))  # dragged round: from behind
    assert drawn(viewer) == ("L", "R", "S", "I")


def test_another_plane_is_shown_whole_and_the_same_one_keeps_its_zoom():
    viewer = ViewerModel()
    add(viewer)
    set_plane(viewer, "axial")
    for plane in ("3d", "axial"):
        camera_of(viewer).zoom = 99
        set_plane(viewer, plane)
        assert camera_of(viewer).zoom < 20
    camera_of(viewer).zoom = 99
    set_plane(viewer, "axial")
    assert camera_of(viewer).zoom == 99


def test_nothing_is_claimed_and_nothing_is_flipped_where_nothing_is_known():
    viewer = ViewerModel()
    camera = camera_of(viewer)
    usual = camera.orientation
    orientation = orientation_of(viewer)
    orientation.follow(1)
    set_convention(viewer, "radiological")
    assert (orientation.known, orientation.plane, orientation.letters) == (False, None, Letters())
    photograph = viewer.add_image(np.zeros((8, 9)))
    assert (orientation.letters, camera.orientation) == (Letters(), usual)
    layer = add(viewer)
    assert orientation.letters == Letters("R", "L", "A", "P")  # the convention was remembered
    layer.visible = False
    assert orientation.letters == Letters()
    layer.visible = True
    assert orientation.letters == Letters("R", "L", "A", "P")
    viewer.layers.remove(layer)
    assert (orientation.letters, camera.orientation) == (Letters(), usual)
    viewer.layers.remove(photograph)
    assert orientation.letters == Letters()


def test_a_stack_of_passes_is_lettered_like_its_volumes():
    viewer = ViewerModel()
    add(viewer)
    viewer.add_image(np.zeros((5, 6, 7, 8)))
    orientation = orientation_of(viewer)
    set_plane(viewer, "coronal")
    assert viewer.dims.order == (0, 2, 1, 3)
    assert orientation.letters == Letters("L", "R", "S", "I")
    assert orientation.plane == "coronal"
    viewer.dims.order = (3, 2, 0, 1)  # passes against heights
    assert (orientation.plane, orientation.letters) == (None, Letters("I", "S", "", ""))


def test_a_layer_of_another_reader_is_lettered_once_it_is_told_where_it_lies():
    viewer = ViewerModel()
    data = to_layer(block_at_left_front_top(), TILTED)
    layer = viewer.add_image(data, **placing(TILTED, SHAPE))
    orientation = orientation_of(viewer)
    assert orientation.letters == Letters()
    orientation.know(layer, metadata(TILTED, SHAPE)["itermask"])
    assert orientation.letters == Letters("L", "R", "A", "P")
    point = layer.data_to_world((3, 4, 5))
    assert describe(point, viewer.layers) == ""
    assert describe(point, viewer.layers, orientation.place_of).startswith("RAS ")


def test_what_does_not_exist_is_refused_in_a_sentence():
    viewer = ViewerModel()
    with pytest.raises(ValueError, match="no volume in the window to show a plane of: open a scan"):
        set_plane(viewer, "axial")
    with pytest.raises(ValueError, match="no plane 'oblique': take one of axial, coronal"):
        set_plane(viewer, "oblique")
    with pytest.raises(ValueError, match="no convention 'left': take one of neurological, radio"):
        set_convention(viewer, "left")


# Under the cursor -------------------------------------------------------------------------------


def test_the_true_mm_the_file_s_voxel_and_every_visible_value_are_described():
    viewer = ViewerModel()
    image = np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.float32)
    scan = add(viewer, image, name="flair", path="flair.nii.gz")
    error = np.full(SHAPE, 3.2149, np.float32)
    add(viewer, error, name="error", kind="error", threshold=2.1)
    add(viewer, error, name="guide", kind="guide", threshold=2.1)
    mask = np.zeros(SHAPE, np.uint8)
    mask[7, 8, 9] = 1
    add(viewer, mask, name="mask", kind="mask", threshold=2.1)
    hidden = add(viewer, error, name="hidden")
    hidden.visible = False
    voxel = (7, 8, 9)
    x, y, z = apply_affine(TILTED, voxel)
    world = view_of(TILTED, SHAPE).matrix @ [x, y, z, 1]
    place = f"RAS {x:.1f}, {y:.1f}, {z:.1f} mm · voxel 7, 8, 9"
    values = f"flair {image[voxel]:.3g} · error 3.21 (threshold 2.1) · guide 3.21"
    assert describe(world[:3], viewer.layers) == f"{place} · {values} · in mask"
    # In the viewer that voxel is where the layer draws it.
    assert scan.data[tuple(np.rint(scan.world_to_data(world[:3])).astype(int))] == image[voxel]
    assert describe((5.0, *world[:3]), viewer.layers) == f"{place} · {values} · in mask"
    assert "outside the scan" in describe(world[:3] + 1000, viewer.layers)
    assert "flair" not in describe(world[:3] + 1000, viewer.layers)


def test_a_layer_on_a_model_s_grid_is_read_at_the_file_s_voxel():
    viewer = ViewerModel()
    view = view_of(TILTED, SHAPE)
    coarse = TILTED @ np.diag([2.0, 2.0, 2.0, 1.0])
    values = np.arange(20 * 18 * 22, dtype=np.float32).reshape(20, 18, 22)
    add(viewer, values, coarse, view, name="reconstruction")
    add(viewer, np.zeros(SHAPE, np.float32), name="flair", path="flair.nii.gz")
    x, y, z = apply_affine(TILTED, (10, 12, 14))
    world = view.matrix @ [x, y, z, 1]
    said = describe(world[:3], viewer.layers)
    assert "voxel 10, 12, 14" in said
    assert f"reconstruction {values[5, 6, 7]:.0f}" in said


def test_other_plugins_layers_are_no_trouble():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((8, 9)))
    viewer.add_points([[1, 2]])
    assert describe((1, 2), viewer.layers) == ""
    add(viewer, name="flair")
    place = placing(TILTED, SHAPE)
    viewer.add_image(np.zeros((36, 44, 40, 3), np.uint8), rgb=True, **place)
    viewer.add_image([np.zeros((4, 8, 8)), np.zeros((2, 4, 4))], multiscale=True)
    viewer.add_image(np.zeros((8, 9)), name="flat")
    viewer.add_shapes([[[0, 0, 0], [0, 1, 1]]], shape_type="line")
    said = describe(viewer.layers["flair"].data_to_world((3, 4, 5)), viewer.layers)
    assert said.count("flair") == 1
    assert describe((0, 0, 0), []) == ""


# The widget -------------------------------------------------------------------------------------


def listeners(viewer):
    camera = camera_of(viewer)
    emitters = (
        viewer.dims.events.order,
        viewer.dims.events.ndisplay,
        viewer.cursor.events.position,
        camera.events.orientation,
        camera.events.angles,
        viewer.layers.events,
    )
    return [len(emitter.callbacks) for emitter in emitters]


def overlays(viewer):
    canvas = getattr(viewer, "canvas", None)
    return set(canvas.overlays) if canvas is not None else {viewer.text_overlay.visible}


def buttons(widget):
    from qtpy.QtWidgets import QPushButton

    return {button.text(): button for button in widget.findChildren(QPushButton)}


@pytest.fixture
def where(qtbot):
    made = []

    def make(viewer):
        widget = WhereAmI(viewer)
        qtbot.addWidget(widget)
        widget.show()
        made.append(widget)
        return widget

    yield make
    for widget in made:
        widget.close()


def test_two_widgets_of_a_viewer_keep_in_step_and_another_viewer_is_left_alone(where):
    viewer, other = ViewerModel(), ViewerModel()
    one, two, elsewhere = where(viewer), where(viewer), where(other)
    assert not buttons(one)["Axial"].isEnabled()  # there is nothing to look at yet
    add(viewer)
    add(other)
    for widget in (one, two, elsewhere):
        assert buttons(widget)["Axial"].isEnabled()
        assert buttons(widget)["Axial"].isChecked()
    buttons(one)["Coronal"].click()
    buttons(two)["Radiological"].click()
    buttons(two)["Letters"].click()
    for widget in (one, two):
        shown = {text for text, button in buttons(widget).items() if button.isChecked()}
        assert shown == {"Coronal", "Radiological"}
    buttons(one)["Coronal"].click()
    assert buttons(one)["Coronal"].isChecked()
    shown = {text for text, button in buttons(elsewhere).items() if button.isChecked()}
    assert shown == {"Axial", "Letters"}
    viewer.dims.ndisplay = 3  # by napari's own button
    assert buttons(two)["3-D"].isChecked()
    viewer.layers.clear()
    assert not any(buttons(two)[text].isChecked() for text in ("Axial", "Coronal", "3-D"))


def test_it_is_small_explained_and_reached_by_keyboard(where):
    from qtpy.QtCore import Qt

    widget = where(ViewerModel())
    for button in buttons(widget).values():
        assert button.toolTip()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert "RAS: mm to the right" in widget.readout.toolTip()


def test_the_readout_follows_the_cursor_and_the_data_and_keeps_its_size(where, qtbot):
    viewer = ViewerModel()
    widget = where(viewer)
    size, hints = widget.readout.size(), (widget.minimumSizeHint(), widget.sizeHint())
    layer = add(viewer, np.full(SHAPE, 5, np.float32), name="a scan with quite a long name " * 5)
    viewer.cursor.position = tuple(layer.data_to_world((3, 4, 5)))
    qtbot.waitUntil(lambda: widget.readout.text().endswith("\u00a05"))
    assert "voxel" in widget.readout.text()
    layer.data = layer.data + 1
    qtbot.waitUntil(lambda: widget.readout.text().endswith("\u00a06"))
    assert widget.readout.size() == size
    assert (widget.minimumSizeHint(), widget.sizeHint()) == hints
    add(viewer, np.full(SHAPE, 7, np.float32), name="b")
    qtbot.waitUntil(lambda: widget.readout.text().endswith("b\u00a07"))
    viewer.layers["b"].visible = False
    qtbot.waitUntil(lambda: widget.readout.text().endswith("\u00a06"))
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: "in a plane" in widget.readout.text())
    viewer.layers.clear()
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: "Open a scan" in widget.readout.text())


def test_closing_the_widget_takes_its_letters_and_its_callbacks_away(where, qtbot):
    viewer = ViewerModel()
    add(viewer)
    before = listeners(viewer), overlays(viewer)
    one, two = where(viewer), where(viewer)
    assert listeners(viewer) != before[0]
    assert overlays(viewer) != before[1]
    one.close()
    assert overlays(viewer) != before[1]
    two.close()
    assert (listeners(viewer), overlays(viewer)) == before
    two.show()
    assert overlays(viewer) != before[1]
    two.close()
    assert (listeners(viewer), overlays(viewer)) == before


@pytest.mark.parametrize("whole", [True, False], ids=["its dock", "itself"])
def test_a_deleted_widget_leaves_nothing_behind(qtbot, whole):
    from qtpy.QtCore import QEvent
    from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

    viewer = ViewerModel()
    layer = add(viewer)
    before = listeners(viewer), overlays(viewer)
    dock = QWidget()
    qtbot.addWidget(dock)
    widget = WhereAmI(viewer)
    QVBoxLayout(dock).addWidget(widget)
    dock.show()
    assert overlays(viewer) != before[1]
    if whole:
        dock.close()
    widget.deleteLater()
    QApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)
    assert overlays(viewer) == before[1]
    viewer.cursor.position = tuple(layer.data_to_world((3, 4, 5)))
    viewer.dims.ndisplay = 3
    viewer.layers.remove(layer)
    orientation_of(viewer).convention = "radiological"
    assert listeners(viewer) == before[0]


def test_a_deleted_readout_listens_no_more(qtbot):
    from qtpy.QtCore import QEvent
    from qtpy.QtWidgets import QApplication

    viewer = ViewerModel()
    before = listeners(viewer)
    readout = Readout(viewer)
    readout.show()
    assert listeners(viewer) != before
    readout.deleteLater()
    QApplication.sendPostedEvents(readout, QEvent.Type.DeferredDelete)
    viewer.cursor.position = (3, 4)
    viewer.dims.ndisplay = 3
    add(viewer)
    assert listeners(viewer) == before


def test_it_works_in_a_dock_of_the_real_window_with_the_proxy_that_plugins_get(request, qtbot):
    if missing_libraries() or not has_display():
        pytest.skip("no screen: install Debian's xvfb and pytest-xvfb starts one")
    viewer = request.getfixturevalue("make_napari_viewer_proxy")(show=True)
    set_convention(type(viewer)(viewer.__wrapped__), "radiological")  # a proxy that dies at once
    assert orientation_of(viewer.__wrapped__).convention == "radiological"
    set_convention(viewer, "neurological")
    widget = WhereAmI(viewer)
    dock = viewer.window.add_dock_widget(widget, name="where", area="right").__wrapped__
    layer = add(viewer, name="flair")
    assert drawn(viewer) == ("L", "R", "A", "P")
    qtbot.waitUntil(buttons(widget)["Sagittal"].isEnabled)
    assert dock.minimumSizeHint().width() < 380
    assert widget.sizeHint().height() < 100
    buttons(widget)["Sagittal"].click()
    assert drawn(viewer) == ("A", "P", "S", "I")
    width = dock.width()
    viewer.cursor.position = tuple(layer.data_to_world((3, 4, 5)))
    qtbot.waitUntil(lambda: "flair" in widget.readout.text())
    assert dock.width() == width
    viewer.window.remove_dock_widget(dock)
    viewer.layers.clear()
