"""Saved runs to draw: of the sample patient and of the phantom, by a tiny network of chance."""

from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.figures_command import figure
from napari_itermask.scans.files import load_mask
from napari_itermask.shell import plainly
from napari_itermask.synthetic.patient import sample_files


@dataclass(frozen=True)
class Saved:
    """Folders of runs, and their truths."""

    sample: Path
    searched: Path
    phantom: Path
    without_passes: Path
    sample_truth: Path
    phantom_truth: Path
    phantom_scan: Path


@pytest.fixture(scope="session")
def sample(small_model):
    """A run of the sample patient that ended with half of the truth and some false alarms."""
    scan = itm.load_scan(sample_files().flair)
    run = itm.refine(scan, small_model, search=False)
    truth = load_mask(sample_files().lesion, scan)
    mask = np.roll(truth, 3, 0) & scan.brain
    return replace(run, mask=mask)


@pytest.fixture(scope="session")
def saved(sample, phantom, small_model, tmp_path_factory):
    """The sample's run, one with a search, one of the phantom, and one without its passes."""
    folder = tmp_path_factory.mktemp("saved")
    truth = folder / "phantom_truth.nii.gz"
    bright = (phantom.image > 600) & phantom.brain
    nib.save(nib.Nifti1Image(bright.astype(np.uint8), phantom.affine), truth)
    file = folder / "phantom.nii.gz"
    nib.save(nib.Nifti1Image(phantom.image.astype(np.int16), phantom.affine), file)
    settings = small_model.card.settings.replace(threshold_rule="tangent", gamma=0.02)
    searched = itm.refine(sample.scan, small_model, settings)
    other = itm.refine(itm.load_scan(file), small_model, search=False)
    other = replace(other, mask=bright & (np.indices(bright.shape)[0] % 2 == 0))
    return Saved(
        sample.save(folder / "sample", passes=True),
        searched.save(folder / "searched", passes=True),
        other.save(folder / "phantom", passes=True),
        sample.save(folder / "without_passes"),
        sample_files().lesion,
        truth,
        file,
    )


@pytest.fixture(scope="session")
def app():
    """``figure`` with its errors said plainly, as the shell has it."""
    app = typer.Typer()
    app.command(name="figure")(plainly(figure))
    return app


@pytest.fixture(scope="session")
def shell(app):
    """Run ``figure`` with some words; gives what it said."""
    runner = CliRunner()

    def run(*words, exit_code=0):
        result = runner.invoke(app, [str(word) for word in words])
        assert result.exit_code == exit_code, result.output
        return result.output

    return run


@pytest.fixture(scope="session")
def understood(app):
    """What ``figure`` takes some words for, without running it."""
    command = typer.main.get_command(app)
    return lambda *words: command.make_context("figure", [str(w) for w in words]).params
