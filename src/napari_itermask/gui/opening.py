"""From a file or a layer to the Scan that is refined: what the session's thread does on opening."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from nibabel.orientations import (
    apply_orientation,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)

from napari_itermask.gui.placed.space import (
    KEY,
    Affine,
    LayerVolume,
    View,
    view_of,
    volume_of,
)
from napari_itermask.gui.worker import StopAsked
from napari_itermask.scans.files import load_scan, scan_of
from napari_itermask.scans.intensity import Mask
from napari_itermask.scans.reading import ScanError, mend, read_volume
from napari_itermask.scans.scan import Scan


@dataclass(eq=False)
class Request:
    """What the user asked to open; it can be cancelled while it goes on."""

    source: Any
    brain_mask: Any = None
    strip: str | None = None
    spacing: tuple[float, ...] | None = None
    beside: tuple[Any, ...] = ()
    opened: Opened | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The file's, the layer's or the scan's name."""
        return str(self.source.name)

    @property
    def layer(self) -> Any:
        """The layer that was picked; None for a file, or a scan in memory."""
        return None if isinstance(self.source, (Path, Scan, Opened)) else self.source

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Leave it; a skull-stripper that goes on is ended at once."""
        self._cancelled.set()
        if self._process is not None:
            self._process.kill()

    @staticmethod
    def of(
        source: Any,
        brain_mask: Any,
        strip: str | None,
        spacing: Sequence[float] | None,
        beside: Iterable[Any] = (),
    ) -> Request:
        """A request from what :meth:`Session.open` was given."""
        return Request(
            source=source if isinstance(source, (Scan, Opened)) else _path_or_layer(source),
            brain_mask=None if brain_mask is None else _path_or_layer(brain_mask),
            strip=strip,
            spacing=None if spacing is None else tuple(float(s) for s in spacing),
            beside=tuple(beside),
        )


@dataclass(frozen=True, eq=False)
class Opened:
    """A scan, how it lies in the viewer, and the layer it was picked from (None: from a file).

    ``truth``: ``(X, Y, Z)`` bool in the scan's voxels, where it is known.
    """

    scan: Scan
    view: View
    layer: Any = None
    truth: Mask | None = None

    @property
    def name(self) -> str:
        """The layer's name, or else the scan's."""
        return str(self.scan.name if self.layer is None else self.layer.name)


def open_scan(request: Request) -> Opened:
    """Open what was asked for; also left in ``request.opened``, for the job that comes next.

    A layer that shows a file's voxels unchanged is opened from that file, so that its run can be
    made again from the file. One that shows a scan in memory, which no file holds, is that scan.

    Raises
    ------
    ScanError, SpaceError
        If it cannot be used; the sentence says why, and what to do.
    StopAsked
        If it was cancelled.
    """
    if request.cancelled:
        raise StopAsked
    request.opened = _open(request)
    return request.opened


def _open(request: Request) -> Opened:
    if isinstance(request.source, (Scan, Opened)):
        return _as_it_is(request)
    if isinstance(request.source, Path):
        brain = request.brain_mask
        if request.strip is None and (brain is None or isinstance(brain, Path)):
            scan = load_scan(request.source, brain, tell=_keep_quiet)
        else:
            volume, notes = _read(request.source)
            scan = _assemble(request, volume, notes)
        return Opened(scan, view_of(scan.affine, scan.image.shape))
    volume = volume_of(request.source, spacing=request.spacing)
    kept = _scan_in_memory(request, volume)
    if kept is not None and request.brain_mask is None and request.strip is None:
        return kept
    same = _unchanged_file(volume) if request.spacing is None else None
    if same is not None:
        volume = replace(volume, voxels=same.voxels, header=same.header)
    else:
        volume = replace(volume, voxels=np.array(volume.voxels, np.float32), path=None)
    truth = kept.truth if kept is not None else None
    scan = _assemble(request, volume, list(volume.notes))
    return Opened(scan, volume.view, request.layer, truth)


def _as_it_is(request: Request) -> Opened:
    """A scan in memory, which knows its brain and how large its voxels are."""
    given = (request.brain_mask, request.strip, request.spacing)
    if any(one is not None for one in given):
        raise ScanError(
            f"{request.name} is a scan in memory, with a brain mask and a spacing of its own: give "
            "neither a brain mask nor a skull-stripper nor a spacing with it."
        )
    source = request.source
    if isinstance(source, Scan):
        source = Opened(source, view_of(source.affine, source.image.shape))
    found: Opened = source
    if found.truth is not None and found.truth.shape != found.scan.image.shape:
        raise ScanError(
            f"the truth of {request.name} has the shape {found.truth.shape}, the scan "
            f"{found.scan.image.shape}: give the truth in the scan's voxels."
        )
    return found


def _scan_in_memory(request: Request, volume: LayerVolume) -> Opened | None:
    """The scan that stands in the layer's metadata, if the layer still shows its voxels."""
    own: Any = (request.layer.metadata or {}).get(KEY)
    known: dict[str, Any] = own if isinstance(own, dict) else {}
    scan = known.get("scan")
    if not isinstance(scan, Scan) or not np.array_equal(volume.voxels, scan.image):
        return None
    return Opened(scan, volume.view, request.layer, known.get("truth"))


def _read(file: Path) -> tuple[LayerVolume, list[str]]:
    image, voxels, notes = read_volume(file)
    affine = np.asarray(image.affine, np.float64)
    view = view_of(affine, voxels.shape)
    return LayerVolume(file.name, voxels, affine, view, image.header.copy(), file), notes


def _assemble(request: Request, volume: LayerVolume, notes: list[str]) -> Scan:
    called = str(volume.path or f"the layer {request.name!r}")
    voxels = np.asarray(volume.voxels, np.float32)
    notes = [*notes, *mend(Path(called), voxels)]
    brain, brain_path = _brain_of(request, volume)
    if request.strip is not None:
        brain = _strip_apart(request, voxels, volume)
    scan = scan_of(
        voxels,
        volume.affine,
        called,
        brain,
        header=volume.header,
        path=volume.path,
        brain_path=brain_path,
        notes=notes,
    )
    return replace(scan, brain_source=f"made by {request.strip}") if request.strip else scan


def _brain_of(request: Request, volume: LayerVolume) -> tuple[Mask | None, Path | None]:
    if request.brain_mask is None:
        return None, None
    path: Path | None
    if isinstance(request.brain_mask, Path):
        mask, path = _read(request.brain_mask)[0], request.brain_mask
    else:
        mask = volume_of(request.brain_mask, spacing=request.spacing, beside=request.beside)
        path = mask.path if _unchanged_file(mask) is not None else None
    brain = mask_on(mask, volume.affine, volume.voxels.shape, volume.view, request.name)
    return brain, path


def mask_on(
    mask: LayerVolume, affine: Affine, shape: tuple[int, ...], view: View, called: str
) -> Mask:
    """A layer's or file's voxels above 0, in the voxels ``(X, Y, Z)`` of the scan ``called`` so.

    Whatever the order and direction of its axes; a layer drawn in the window lies where it is seen.

    Raises
    ------
    ScanError
        If it has other voxels than the scan, or none above 0.
    """
    name = str(mask.path or f"the layer {mask.name!r}")
    # Seen in the same place is the same place: an oblique scan is shown straight.
    own = np.linalg.inv(view.matrix) @ mask.view.matrix @ mask.affine
    turn = ornt_transform(io_orientation(own), io_orientation(affine))
    voxels = apply_orientation(mask.voxels, turn)
    own = own @ inv_ornt_aff(turn, mask.voxels.shape)
    if voxels.shape != tuple(shape):
        raise ScanError(
            f"{name} has the shape {voxels.shape}, {called} {tuple(shape)}: pick the mask drawn on "
            "this scan."
        )
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1)
    apart = np.abs(apply_affine(own, corners) - apply_affine(affine, corners)).max()
    if apart > 0.1 * voxel_sizes(affine).min():
        raise ScanError(
            f"{name} lies elsewhere than {called} (up to {apart:.3g} mm apart): pick the mask "
            "drawn on this scan."
        )
    found: Mask = np.ascontiguousarray(np.nan_to_num(voxels) > 0)
    if not found.any():
        raise ScanError(f"{name} is an empty mask, no voxel is above 0: draw it, or pick another.")
    return found


def _unchanged_file(volume: LayerVolume) -> LayerVolume | None:
    """What lies in the file a layer was read from, if the layer still shows that."""
    path = volume.path
    if path is None or not path.is_file():
        return None
    try:
        read, _ = _read(path)
    except ScanError:
        return None
    same = (
        read.voxels.shape == volume.voxels.shape
        and np.allclose(read.affine, volume.affine, atol=1e-4)
        and np.array_equal(read.voxels, np.asarray(volume.voxels, np.float32), equal_nan=True)
    )
    return read if same else None


def _strip_apart(request: Request, voxels: Any, volume: LayerVolume) -> Mask:
    """The brain by a skull-stripper in a process of its own, which can be ended at any moment."""
    assert request.strip is not None
    with tempfile.TemporaryDirectory(prefix="itermask-strip-") as folder:
        head, brain = Path(folder) / "head.nii", Path(folder) / "brain.nii"
        nib.save(nib.Nifti1Image(voxels, volume.affine), head)
        command = [sys.executable, "-m", "napari_itermask.scans.strip", str(head), str(brain)]
        request._process = subprocess.Popen(
            [*command, request.strip], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        _, said = request._process.communicate()
        if request.cancelled:
            raise StopAsked
        if request._process.returncode != 0:
            lines = said.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise ScanError(
                f"{request.strip} could not strip {request.name} ({lines[-1]}): give a brain mask."
            )
        image: Any = nib.load(brain)
        return np.asarray(image.dataobj) > 0


def _path_or_layer(source: Any) -> Any:
    return source if hasattr(source, "metadata") and hasattr(source, "data") else Path(source)


def _keep_quiet(_: str) -> None:
    """The notes stand in the scan; the session tells them on the window's thread."""
