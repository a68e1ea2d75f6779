"""What many tests start from: a small phantom brain, its files, and a model that learnt nothing."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from napari_itermask import Grid, Model, ModelCard, RefineSettings, Scan, load_model

DATA = Path(os.environ.get("ITERMASK_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the user's own models, so that a developer's never matter."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("NAPARI_ITERMASK_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of real patients; no test fails for want of it."""
    folder = DATA / "cases"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: set ITERMASK_DATA to the folder of the development data")
    return folder


@pytest.fixture(scope="session")
def phantom() -> Scan:
    """A stripped FLAIR-like brain of 1.2 l at 4 mm, RAS, in whole numbers, background 0.

    Textured tissue, a dark ventricle, and a bright lesion in front, above and on the right: no
    turn or flip maps it to itself.
    """
    shape, spacing = (40, 48, 42), 4.0
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = (-78.0, -95.0, -70.0)
    place = np.moveaxis(np.indices(shape), 0, -1) * spacing + affine[:3, 3]  # mm
    brain = ((place / (60, 80, 60)) ** 2).sum(-1) < 1
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 1)
    image = 400 + 60 * texture / texture.std() + 8 * place[..., 1] / 80
    image[(((place - (0, -10, 5)) / (12, 20, 14)) ** 2).sum(-1) < 1] -= 250
    image[((place - (25, 35, 20)) ** 2).sum(-1) < 14**2] += 300
    image = np.where(brain, np.maximum(np.rint(image), 1), 0).astype(np.float32)
    return Scan(image=image, brain=brain, affine=affine)


@pytest.fixture
def scan_file(phantom: Scan, tmp_path: Path) -> Path:
    """The phantom as a scanner's converter would write it: int16, .nii.gz."""
    path = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(phantom.image.astype(np.int16), phantom.affine), path)
    return path


@pytest.fixture
def brain_file(phantom: Scan, tmp_path: Path) -> Path:
    """The phantom's brain mask."""
    path = tmp_path / "brain.nii.gz"
    nib.save(nib.Nifti1Image(phantom.brain.astype(np.uint8), phantom.affine), path)
    return path


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A real network, tiny and with the weights of chance: its two passes take a moment.

    Its folder is ``small_model.weights.parent``, to be read only.
    """
    import torch

    from napari_itermask.method import UNet3D
    from napari_itermask.models import save_model

    card = ModelCard(
        name="small",
        modality="flair",
        grid=Grid(spacing=(6.0, 6.0, 6.0), shape=(32, 32, 32)),
        normalisation="flat-iqr",
        settings=RefineSettings(threshold_rule="manual", max_passes=2),
    )
    folder = tmp_path_factory.mktemp("models") / "small"
    torch.manual_seed(0)
    save_model(folder, card, UNet3D(channels=(2, 2, 2, 2, 2)).state_dict())
    return load_model(folder)
