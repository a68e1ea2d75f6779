"""napari finds the plugin, under the name it was installed by."""

import pytest

npe2 = pytest.importorskip("npe2")


def test_the_manifest_is_valid_and_everything_it_names_imports():
    manifest = npe2.PluginManifest.from_distribution("napari-itermask")
    manifest.validate_imports()
    assert manifest.display_name == "IterMask3D"
