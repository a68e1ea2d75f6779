"""Where do the maps of passes lie that memory has no room for? In a zarr array that cleans up."""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float16]
"""Reconstruction and error at the brain's voxels, ``(2, voxels)``."""


class Spilled:
    """Maps in a zarr array in a folder of its own, one chunk a pass, gone with its last user.

    Parameters
    ----------
    folder
        Where the array gets a folder of its own.
    voxels
        Of the brain: how long each map is.

    Raises
    ------
    ImportError
        Without zarr 3.
    OSError
        If ``folder`` cannot be written.
    """

    MOST_PASSES = 1 << 20  # rows that are not written take no room

    def __init__(self, folder: Path, voxels: int) -> None:
        import zarr

        if not hasattr(zarr, "create_array"):
            raise ImportError("zarr 3 is needed.")
        folder.mkdir(parents=True, exist_ok=True)
        self._path = Path(tempfile.mkdtemp(prefix="passes-", suffix=".zarr", dir=folder))
        # It also goes when nobody holds it any more, and when Python leaves.
        self._remove = weakref.finalize(self, shutil.rmtree, self._path, ignore_errors=True)
        self._array: Any = zarr.create_array(
            store=str(self._path),
            shape=(self.MOST_PASSES, 2, voxels),
            chunks=(1, 2, voxels),
            dtype="float16",
            compressors=None,
            zarr_format=3,
            overwrite=True,
        )
        self._rows = 0
        self._users = 1
        self._lock = threading.Lock()

    def write(self, maps: Maps) -> int:
        """Write the maps of one more pass; the row they are in."""
        with self._lock:
            row = self._rows
            self._rows += 1
        self._array[row] = maps
        return row

    def read(self, row: int) -> Maps:
        """The maps that were written as ``row``."""
        # A voxel's story reads every row: past zarr's event loop that is several times as quick.
        chunk = self._path / "c" / str(row) / "0" / "0"
        maps: Maps
        if chunk.exists():
            maps = np.fromfile(chunk, "<f2").reshape(2, -1)
        else:  # zarr writes no chunk of zeros alone
            maps = np.asarray(self._array[row])
        return maps

    def shared(self) -> Spilled:
        """These maps, for one more user."""
        with self._lock:
            self._users += 1
        return self

    def release(self) -> None:
        """Let go; with the last user the folder is removed."""
        with self._lock:
            self._users -= 1
            last = self._users == 0
        if last:
            self._remove()
