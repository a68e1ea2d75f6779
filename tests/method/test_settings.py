"""One model of settings: published by default, checked when changed, read without torch."""

import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from napari_itermask import RefineSettings


def test_the_defaults_are_the_published_ones():
    s = RefineSettings()
    assert (s.gamma, s.y_limit, s.start_mask, s.stop_rule) == (0.05, 10.0, "brain_mask", "code")
    assert (s.smoothing, s.sign, s.rim, s.min_volume, s.only_shrink) == (0, "both", 0, 0, False)


def test_a_copy_is_changed_and_the_original_is_frozen():
    s = RefineSettings()
    assert s.replace(gamma=0.0123).gamma == 0.0123
    with pytest.raises(ValidationError, match="frozen"):
        s.gamma = 1


@pytest.mark.parametrize(
    "wrong",
    [{"gamma": -1}, {"gamma": float("nan")}, {"gama": 0.1}, {"sign": "up"}, {"max_passes": 10**9}],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        RefineSettings().replace(**wrong)


def test_awkward_values_survive_json_bit_for_bit():
    s = RefineSettings(cutoff=15 / 192, gamma=0.1 + 0.2, intensity_floor=-1e-7)
    assert RefineSettings.model_validate_json(s.model_dump_json()) == s


def test_every_field_says_what_it_is_and_what_it_costs():
    for name, field in RefineSettings.model_fields.items():
        assert field.description.endswith("."), name
        about = field.json_schema_extra
        assert about["price"] in ("free", "a few passes", "a hundred passes")
        assert about["group"] in ("threshold", "guide", "refinement", "after")


def test_importing_the_package_and_its_settings_stays_light():
    code = (
        "import sys, json, napari_itermask as itm; light = sorted(sys.modules);"
        "itm.RefineSettings();"
        "print(json.dumps([light, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    bare, with_settings = (set(names) for names in json.loads(done.stdout))
    heavy = {"torch", "napari", "qtpy", "magicgui", "PyQt6", "scipy", "nibabel"}
    assert not heavy & with_settings
    assert not (heavy | {"numpy", "pydantic"}) & bare
