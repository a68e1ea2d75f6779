"""How napari opens and saves scans and runs through this plugin: the functions of the manifest."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.nifti1 import Nifti1Header, intent_codes
from numpy.typing import NDArray

from napari_itermask.figures.panel import MASK_COLOUR, TRUTH_COLOUR
from napari_itermask.gui.placed.space import (
    SpaceError,
    metadata,
    placing,
    stacked,
    to_layer,
    volume_of,
)
from napari_itermask.record import RECORD, RunError, unchanged
from napari_itermask.scans.files import save_volume
from napari_itermask.scans.reading import ScanError, read_volumes
from napari_itermask.scans.scan import Scan, stem

if TYPE_CHECKING:
    from napari_itermask.run import Run

LayerData = tuple[NDArray[Any], dict[str, Any], str]

LABEL_NAMES = re.compile(r"mask|label|seg|lesion|truth|parc|atlas|annot|roi(?![a-z])", re.I)
"""What a file's name says of labels; its voxels must be few whole numbers too."""
FEW = 256


def get_reader(path: str | list[str]) -> Callable[[str], list[LayerData]] | None:
    """The reader for ``path``, or None; several scans are never stacked into one layer."""
    if not isinstance(path, str | os.PathLike):
        return None
    file = Path(path)
    if file.is_dir():
        return read_run if (file / RECORD).is_file() else None
    return read_run if file.name == RECORD else read_scan


def read_scan(path: str | os.PathLike[str]) -> list[LayerData]:
    """Read NIfTI, MGZ or Analyze as one layer, where it lies.

    Several volumes in a file (4-D) become one layer with a slider, "volume". A 3-D file becomes
    Labels if its header says so (the intent "label") or its name does (mask, label, seg, lesion,
    truth, parc, atlas, annot, roi), provided that its voxels are at most 256 different whole
    numbers from 0 up; all else becomes an Image.

    Raises
    ------
    ScanError
        In one sentence that names the file, the cause and the remedy.
    """
    file = Path(path)
    image, voxels, notes = read_volumes(file)
    affine, shape = np.asarray(image.affine, np.float64), voxels.shape[:3]
    place = placing(affine, shape)
    # A single volume of a stack is not the file, so a stack names none.
    named = file.resolve() if voxels.ndim == 3 else None
    about = metadata(affine, shape, image.header.copy(), path=named, notes=tuple(notes))
    common = {"name": stem(file), "metadata": about}
    if voxels.ndim == 4:
        data = np.stack([to_layer(volume, affine) for volume in np.moveaxis(voxels, 3, 0)])
        return [(data, {**common, **stacked(place, "volume"), **_limits(data)}, "image")]
    data = to_layer(voxels, affine)
    if _says_labels(file, image.header) and _few_whole_numbers(data):
        return [(data.astype(_integers_for(data)), {**common, **place}, "labels")]
    return [(data, {**common, **place, **_limits(data)}, "image")]


def read_run(path: str | os.PathLike[str]) -> list[LayerData]:
    """Read a run's folder, or its run.json: input, reconstruction, error and mask.

    The input is shown if the scan still lies where it was refined, unchanged; else a warning says
    why it is not.

    Raises
    ------
    RunError
        In one sentence, if it is not a complete run.
    """
    from napari_itermask.run import load_run

    folder = Path(path)
    folder = folder.parent if folder.name == RECORD else folder
    run = load_run(folder)
    name = folder.resolve().name
    grey = _limits(to_layer(run.reconstruction, run.affine))
    top = max(4 * run.threshold, 1e-6)
    mask = {
        "colormap": {0: "transparent", 1: MASK_COLOUR, None: MASK_COLOUR},
        "opacity": 0.5,
    }
    hidden = {"visible": False}
    return [
        *_input_of(run, folder, name),
        _of_run(run, folder, name, "reconstruction", {**grey, **hidden}),
        _of_run(
            run,
            folder,
            name,
            "error",
            {
                "colormap": "inferno",
                "blending": "additive",
                "contrast_limits": (0.0, top),
                **hidden,
            },
        ),
        _of_run(run, folder, name, "mask", mask, "labels"),
    ]


def write_volume(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write one Image or Labels layer as NIfTI, where it lies, with its file's header.

    Read by :func:`volume_of`, so layers of other plugins are written in their true place too. A
    layer drawn in the window, which says nothing of its place, has that of the scan under it.

    Raises
    ------
    OSError
        In one sentence, if the layer is no volume in a known place, or the file cannot be written.
    """
    defaults = {
        "name": stem(Path(path)),
        "metadata": {},
        "scale": np.ones(3),
        "translate": np.zeros(3),
        "rotate": np.eye(3),
        "shear": np.zeros(3),
        "affine": np.eye(4),
    }
    layer = SimpleNamespace(**{**defaults, **meta}, data=data)
    try:
        volume = volume_of(layer, beside=_layers_of_the_window())
    except SpaceError as error:
        # npe2 takes a ValueError for "there is no writer" and drops the sentence.
        raise OSError(f"{Path(path).name} was not written: {error}") from None
    voxels = volume.voxels.astype(_storable(volume.voxels), copy=False)
    whole = np.ones(voxels.shape, bool)
    save_volume(Path(path), voxels, Scan(voxels, whole, volume.affine, header=volume.header))
    return [path]


def sample_patient() -> list[LayerData]:
    """The synthetic FLAIR patient that ships with the plugin, and the truth of its lesions."""
    from napari_itermask.synthetic.patient import sample_files

    files = sample_files()
    (flair, about, _), (lesion, truth, _) = read_scan(files.flair)[0], read_scan(files.lesion)[0]
    truth |= {
        "name": "lesion (truth)",
        "colormap": {0: "transparent", 1: TRUTH_COLOUR, None: TRUTH_COLOUR},
        "opacity": 0.5,
    }
    return [(flair, about, "image"), (lesion, truth, "labels")]


def _input_of(run: Run, folder: Path, name: str) -> list[LayerData]:
    if run.record.scan is None:
        return []
    try:
        file = unchanged(run.record.scan, folder=folder)
        (data, about, _), *_ = read_scan(file)
    except (RunError, ScanError) as error:
        warnings.warn(f"the input of {name} is not shown: {error}", stacklevel=4)
        return []
    return [(data, about | {"name": f"{stem(file)} ({name})"}, "image")]


def _of_run(
    run: Run, folder: Path, name: str, what: str, style: dict[str, Any], kind: str = "image"
) -> LayerData:
    volume = getattr(run, what)
    data = to_layer(volume, run.affine)
    about = metadata(
        run.affine,
        volume.shape,
        run.header,
        path=folder.resolve() / f"{what}.nii.gz",
        role=what,
        created=run.record.created,
        threshold=run.threshold,
    )
    place = placing(run.affine, volume.shape)
    data = data.astype(np.uint8) if kind == "labels" else data
    return data, {"name": f"{what} ({name})", "metadata": about, **place, **style}, kind


def _limits(data: NDArray[Any]) -> dict[str, Any]:
    """Contrast limits that a few bright voxels and the background do not decide."""
    seen = data[np.isfinite(data)]
    seen = seen[seen > seen.min()] if seen.size else seen
    if seen.size < 2:
        return {}
    low, high = np.percentile(seen[:: max(1, seen.size // 1_000_000)], [1, 99.8])
    return {"contrast_limits": (float(low), float(high))} if low < high else {}


def _says_labels(file: Path, header: Any) -> bool:
    coded = isinstance(header, Nifti1Header) and header["intent_code"] == intent_codes.code["label"]
    return bool(coded or LABEL_NAMES.search(stem(file)))


def _few_whole_numbers(data: NDArray[Any]) -> bool:
    some = data.ravel()[:: max(1, data.size // 100_000)]
    for values in (some, data):  # most images are told by a few of their voxels
        if not np.isfinite(values).all() or (values < 0).any() or (values % 1 != 0).any():
            return False
        if np.unique(values).size > FEW:
            return False
    return True


def _storable(voxels: NDArray[Any]) -> Any:
    """The type that other programs read: none of them knows 64-bit whole numbers or halves."""
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize > 2:
        return _integers_for(voxels)
    if voxels.dtype == np.float16:
        return np.float32
    return voxels.dtype


def _integers_for(voxels: NDArray[Any]) -> Any:
    low, high = (float(voxels.min()), float(voxels.max())) if voxels.size else (0.0, 0.0)
    for kind in (np.uint8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return kind
    return np.float64


def _layers_of_the_window() -> Iterable[Any]:
    napari = sys.modules.get("napari")
    viewer = napari.current_viewer() if napari else None
    return list(viewer.layers) if viewer is not None else []
