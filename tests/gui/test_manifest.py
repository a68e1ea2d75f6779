"""napari finds the plugin, under the name it was installed by, and where a user looks for it."""

import pytest

npe2 = pytest.importorskip("npe2")

DOCKS = (
    "Refine",
    "Threshold",
    "Guide",
    "Runs",
    "Corrupt",
    "Inspect",
    "Planes",
    "Figures",
    "Cases",
)


@pytest.fixture(scope="module")
def manifest():
    return npe2.PluginManifest.from_distribution("napari-itermask")


def test_the_manifest_is_valid_and_everything_it_names_imports(manifest):
    manifest.validate_imports()
    assert manifest.display_name == "IterMask3D"


def test_the_longer_ending_is_asked_for_first(manifest):
    for writer in manifest.contributions.writers:
        assert writer.filename_extensions == [".nii.gz", ".nii"]


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


def entries(menu):
    """Every entry below a menu, as "Segment > IterMask3D > Refine (IterMask3D)"."""
    for action in menu.actions():
        title = action.text().replace("&", "")
        if action.menu() is None:
            yield title, action
        else:
            for below, found in entries(action.menu()):
                yield f"{title} > {below}", found


def test_every_dock_and_the_workbench_stand_in_the_menus(viewer):
    layers = dict(entries(viewer.window.layers_menu))
    assert "Segment > IterMask3D > Open the workbench (IterMask3D)" in layers
    for dock in DOCKS:
        assert f"Segment > IterMask3D > {dock} (IterMask3D)" in layers
    assert {"Filter > Guide (IterMask3D)", "Filter > Corrupt (IterMask3D)"} <= set(layers)
    assert {"Measure > Threshold (IterMask3D)", "Measure > Runs (IterMask3D)"} <= set(layers)
    plugins = dict(entries(viewer.window.plugins_menu))
    assert {f"IterMask3D > {dock} (IterMask3D)" for dock in DOCKS} <= set(plugins)
    files = dict(entries(viewer.window.file_menu))
    sample = "Synthetic FLAIR patient with lesions (IterMask3D)"
    assert f"Open Sample > {sample}" in files


def test_the_palette_offers_what_can_be_done_and_not_what_waits_for_a_file(viewer):
    from app_model import Application

    menus = Application.get_app("test_app").menus
    palette = {item.command.id: item.command for item in menus.get_menu(menus.COMMAND_PALETTE_ID)}
    ours = {
        key.removeprefix("napari-itermask."): c for key, c in palette.items() if "itermask" in key
    }
    offered = {key for key, c in ours.items() if c.enablement is None or c.enablement.eval({})}
    docks = {dock.lower() for dock in DOCKS}
    assert offered == {"workbench", "patient", *docks}


def test_the_palette_and_the_menu_open_the_workbench_of_the_viewer_in_front(viewer):
    from app_model import Application

    Application.get_app("test_app").commands.execute_command("napari-itermask.workbench").result()
    docked = [name.partition(" (")[0] for name in viewer.window.dock_widgets]
    assert sorted(docked) == sorted(set(DOCKS) - {"Cases"})  # that one waits for a table
    layers = dict(entries(viewer.window.layers_menu))
    layers["Segment > IterMask3D > Open the workbench (IterMask3D)"].trigger()
    assert len(viewer.window.dock_widgets) == len(docked)


def test_an_entry_of_the_menu_never_opens_a_dock_a_second_time(viewer):
    from napari_itermask.gui.workbench import open_workbench

    open_workbench(viewer)
    plugins = dict(entries(viewer.window.plugins_menu))
    for dock in DOCKS:
        plugins[f"IterMask3D > {dock} (IterMask3D)"].trigger()
    assert len(viewer.window.dock_widgets) == len(DOCKS)
