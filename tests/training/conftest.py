"""Healthy phantoms on disk: T1 brains with region labels, and plain stripped scans."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from napari_itermask.scans.grid import Grid
from napari_itermask.training.devices import Options
from napari_itermask.training.settings import TrainSettings

TINY = TrainSettings.of(
    "flair",
    grid=Grid(spacing=(6.0, 6.0, 6.0), shape=(32, 32, 32)),
    channels=(2, 2, 2, 2, 2),
    steps=12,
    warmup=2,
    statistics=2,
    validation=1,
)
ON_CPU = Options(device="cpu", precision="float32")


def write(path: Path, voxels: np.ndarray, spacing: float) -> Path:
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = -spacing * np.array(voxels.shape) / 2
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


def head(seed: int, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Region labels (ventricles, white matter, cortex, CSF) of an ellipsoid, and a texture."""
    rng = np.random.default_rng(seed)
    size = [int(2 * r / spacing) + 4 for r in (64, 82, 64)]
    place = np.moveaxis(np.indices(size), 0, -1) - (np.array(size) - 1) / 2
    radius = np.sqrt(((place * spacing / (60, 78, 60) * rng.uniform(0.98, 1.06, 3)) ** 2).sum(-1))
    labels = np.select([radius < 0.2, radius < 0.7, radius < 0.95, radius < 1], [51, 81, 142, 1], 0)
    texture = ndimage.gaussian_filter(rng.normal(size=size), 1)
    return labels.astype(np.uint8), texture / texture.std()


def write_pairs(folder: Path, count: int, spacing: float = 4.0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        labels, texture = head(i, spacing)
        levels = np.zeros(256)
        levels[[51, 81, 142, 1]] = 40, 180, 110, 50
        t1 = np.where(labels > 0, np.clip(levels[labels] + 6 * texture, 1, 255), 0)
        write(folder / f"p{i:02d}_t1.nii.gz", t1.astype(np.uint8), spacing)
        write(folder / f"p{i:02d}_labels.nii.gz", labels, spacing)
    return folder


def write_scan(path: Path, seed: int = 0, spacing: float = 5.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    labels, texture = head(seed, spacing)
    levels = np.zeros(256)
    levels[[51, 81, 142, 1]] = 90, 300, 400, 120
    image = np.where(labels > 0, np.maximum(levels[labels] + 20 * texture, 1), 0)
    return write(path, image.astype(np.int16), spacing)


def write_brain(path: Path, seed: int = 0, spacing: float = 5.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, (head(seed, spacing)[0] > 0).astype(np.uint8), spacing)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"), 4)


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for i in range(4):
        write_scan(folder / f"h{i}_FLAIR.nii.gz", i)
    return folder
