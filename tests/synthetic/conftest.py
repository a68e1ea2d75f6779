"""What healthy brains are made of: a labelled T1 phantom, and the folder of the real ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def head() -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A T1 brain of 41 x 49 x 41 voxels and its DLMUSE numbers, the same seen from either side.

    Lateral ventricles 51 and 52, white matter 81, thalamus 59, cortex 142, CSF 1; grainy.
    """
    x, y, z = np.meshgrid(np.arange(-20, 21), np.arange(-24, 25), np.arange(-20, 21), indexing="ij")
    radius = np.sqrt(x**2 + (y * 20 / 24) ** 2 + z**2)
    labels = np.select([radius < 14, radius < 17, radius < 19], [81, 142, 1], 0)
    labels[(np.abs(x) < 9) & (np.abs(x) > 4) & (np.abs(y) < 4) & (np.abs(z + 5) < 3)] = 59
    horns = (np.abs(y) < 9) & (np.abs(z) < 3)
    labels[horns & (x >= 1) & (x <= 3)] = 51
    labels[horns & (x >= -3) & (x <= -1)] = 52
    means = {0: 0.0, 1: 50.0, 51: 40.0, 52: 40.0, 59: 160.0, 81: 180.0, 142: 120.0}
    t1 = np.vectorize(means.get)(labels).astype(np.float32)
    grain = np.random.default_rng(0).normal(0, 4, labels.shape)
    t1 = np.where(labels > 0, t1 + grain, 0).astype(np.float32)
    return t1, labels.astype(np.uint8)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the development data; no test fails for want of it."""
    default = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("ITERMASK_DATA", default))
    if not (folder / "healthy-t1-2mm").is_dir():
        pytest.skip(f"{folder} is absent: set ITERMASK_DATA to the folder of the development data")
    return folder
