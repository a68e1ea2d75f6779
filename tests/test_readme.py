"""What the README promises is what CI runs and what the package gives."""

import re
from pathlib import Path

import pytest

import napari_itermask as itm

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_exactly_the_readmes_test_command():
    commands = re.findall(r"^(python3 -m venv .*)$", README, re.MULTILINE)
    assert [c.rpartition("tox run")[2] for c in commands] == [" -e demo", ""]
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))])
def test_no_link_inside_the_project_is_broken(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_every_public_name_is_there():
    for name in itm.__all__:
        assert getattr(itm, name) is not None
    assert itm.__version__
    with pytest.raises(AttributeError):
        _ = itm.no_such_name
