"""The keystone: scan + model + settings -> Steps -> Run; a Run saves, loads and replays.

Every door (Python, the shell, the window) comes through here, so that all give the same mask.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_itermask.method.refinement import (
    Reconstruct,
    Search,
    Step,
    Steps,
    refine as refine_steps,
)
from napari_itermask.method.scores import anomaly_scores
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import ThresholdCurve
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import Model, load_model
from napari_itermask.prepare import OnGrid, prepare
from napari_itermask.record import (
    PASSES,
    RECORD,
    VOLUMES,
    Change,
    PassRecord,
    RunError,
    RunRecord,
    Source,
    claim_folder,
    load_record,
    source_of,
    unchanged,
    versions,
)
from napari_itermask.scans.files import load_scan, save_volume, write_whole
from napari_itermask.scans.grid import own_grid
from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.scans.modality import modality_warning
from napari_itermask.scans.scan import Scan, voxel_ml

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision

OnStep = Callable[[Step], RefineSettings | None]


@dataclass(frozen=True, eq=False)
class Run:
    """One finished run.

    Attributes
    ----------
    mask, reconstruction, error
        ``(X, Y, Z)`` in the scan's own voxels: bool; float32 in the scan's intensities; float32 in
        squared units of the model's normalisation.
    threshold
        The error above which voxels stayed masked.
    record
        Everything that run.json says.
    scan
        What was refined; None for a loaded run.
    on_grid, last
        The scan on the model's grid and the last Step there; None for a loaded run.
    masks
        The mask set by each pass, on the grid, as packed bits; of a loaded run only if it was saved
        with ``passes``.
    header
        The scan's header, which the written files inherit.
    """

    mask: Mask
    reconstruction: Volume
    error: Volume
    record: RunRecord
    affine: NDArray[np.float64]
    scan: Scan | None = None
    on_grid: OnGrid | None = None
    last: Step | None = None
    masks: tuple[NDArray[np.uint8], ...] = field(default=())
    header: Any = None

    @property
    def threshold(self) -> float:
        """The error above which voxels stayed masked, in squared units of the normalisation."""
        return self.record.threshold

    @property
    def curve(self) -> ThresholdCurve | None:
        """The search's curve; None if there was no search."""
        values = self.record.curve
        return None if values is None else ThresholdCurve(np.asarray(values, np.float32))

    @property
    def settings(self) -> RefineSettings:
        """The settings that were in force at the end."""
        return self.record.final_settings

    @property
    def card(self) -> ModelCard:
        """The card of the model that repainted."""
        return self.record.card

    @property
    def mask_ml(self) -> float:
        """Volume of the mask in the scan's own voxels, in ml."""
        return float(np.count_nonzero(self.mask)) * voxel_ml(self.affine)

    def save(
        self, folder: str | os.PathLike[str], *, overwrite: bool = False, passes: bool = False
    ) -> Path:
        """Write mask.nii.gz, reconstruction.nii.gz, error.nii.gz and run.json into ``folder``.

        Each file appears under its name only when complete, run.json last. With ``passes`` the
        masks of all passes are written too (passes.npz, packed bits on the grid).

        Raises
        ------
        FileExistsError
            If ``folder`` holds a run already, unless ``overwrite``.
        """
        out = claim_folder(folder, overwrite=overwrite)
        scan = self.scan or _scan_of(self)
        for stale in (RECORD, PASSES):  # a run that is replaced must not lend its parts
            (out / stale).unlink(missing_ok=True)
        for name in VOLUMES:
            save_volume(out / f"{name}.nii.gz", getattr(self, name), scan)
        if passes and self.masks and self.on_grid:
            placement = self.on_grid.placement
            write_whole(
                out / PASSES,
                lambda part: np.savez_compressed(
                    part, masks=np.stack(self.masks), shape=placement.shape, affine=placement.affine
                ),
            )
        text = self.record.model_dump_json(indent=2) + "\n"
        write_whole(out / RECORD, lambda part: part.write_text(text, encoding="utf-8"))
        return out


def refine(
    scan: Scan,
    model: Model | Reconstruct,
    settings: RefineSettings | None = None,
    on_step: OnStep | None = None,
    device: str = "auto",
    *,
    precision: Precision = "auto",
    search: bool = True,
    card: ModelCard | None = None,
) -> Run:
    """Refine one scan and return the finished Run.

    Parameters
    ----------
    scan
        From :func:`load_scan`, or made in memory.
    model
        From :func:`load_model`, or any callable ``(masked, guide) -> repaint`` on ``(X, Y, Z)``
        float32 arrays, so that other methods can be explored too.
    settings
        None: the settings that measured best, from the model's card (for a callable: as published).
    on_step
        Called after each pass with its Step. It may return new settings, which the next pass takes.
    device, precision
        See :class:`~napari_itermask.method.Reconstructor`.
    search
        False leaves the threshold search out where the rule does without it.
    card
        For a callable: grid, normalisation and cutoff; by default the scan's own spacing, "zscore"
        and the published cutoff.
    """
    recorder = Recorder(
        scan, model, settings, device, precision=precision, search=search, card=card
    )
    return _drive(recorder, on_step)


class Recorder:
    """One run in the making: it prepares the scan, hands out Steps, and ends in a Run.

    The window drives :meth:`steps` itself; :func:`refine` does it for everyone else. :meth:`finish`
    may come at any Step: the run then ends with that Step's mask.
    """

    def __init__(
        self,
        scan: Scan,
        model: Model | Reconstruct,
        settings: RefineSettings | None = None,
        device: str = "auto",
        *,
        precision: Precision = "auto",
        search: bool = True,
        card: ModelCard | None = None,
    ) -> None:
        begin = time.perf_counter()
        self.scan = scan
        self.model = model
        self.search = search
        self._reconstruct, self.device, self.precision = _engine(model, device, precision)
        self.card = (
            model.card if isinstance(model, Model) else card or _card_of_callable(model, scan)
        )
        self.settings = settings or self.card.settings
        self.notes = [*scan.notes]
        self._note(modality_warning(scan, self.card.modality))
        self.on_grid = prepare(scan, self.card, self.settings)
        if self.on_grid.placement.shape != self.card.grid.shape and isinstance(model, Model):
            self._note(
                f"the brain of {scan.name} does not fit the model's grid of "
                f"{self.card.grid.shape} voxels: it was enlarged to {self.on_grid.placement.shape}."
            )
        self.changes: list[Change] = []
        self.passes: list[PassRecord] = []
        self.masks: list[NDArray[np.uint8]] = []
        self.last: Step | None = None
        self.found: Search | None = None
        self.complete = False
        self.seconds = {"prepare": time.perf_counter() - begin, "search": 0.0, "refine": 0.0}

    def steps(self) -> Steps:
        """One Step per pass, recorded as it goes by; takes new settings as ``refine`` does.

        A new cutoff or seed makes a new guide or new noise, so the run begins again from pass 0.
        """
        settings = self.settings
        while True:
            again = yield from self._one_go(settings)
            if again is None:
                return
            settings = self.settings = again
            self.on_grid = prepare(self.scan, self.card, settings)
            self.passes, self.masks, self.changes, self.found = [], [], [], None

    def finish(self) -> Run:
        """The Run as of the last Step.

        Raises
        ------
        RuntimeError
            Before the first Step.
        """
        if self.last is None:
            raise RuntimeError("no pass has run yet, so there is nothing to finish.")
        begin = time.perf_counter()
        placement, scaled = self.on_grid.placement, self.on_grid.scaled
        step, brain = self.last, self.on_grid.brain
        mask = placement.mask_to_scan(step.mask) & self.scan.brain
        repaint = placement.to_scan(
            scaled.original(step.reconstruction), brain, outside=self.scan.background
        )
        repaint[~self.scan.brain] = self.scan.background
        error = placement.to_scan(step.error, brain)
        error[~self.scan.brain] = 0
        self.seconds["to_scan"] = time.perf_counter() - begin
        return Run(
            mask=mask,
            reconstruction=repaint,
            error=error,
            record=self._record(),
            affine=self.scan.affine,
            header=self.scan.header,
            scan=self.scan,
            on_grid=self.on_grid,
            last=step,
            masks=tuple(self.masks),
        )

    def _one_go(
        self, settings: RefineSettings
    ) -> Generator[Step, RefineSettings | None, RefineSettings | None]:
        grid = self.on_grid
        steps = refine_steps(
            grid.image,
            grid.brain,
            grid.guide,
            self._reconstruct,
            settings,
            spacing=grid.placement.spacing,
            calibration=self.card.calibration,
            search=self.search,
        )
        sent: RefineSettings | None = None
        try:
            while True:
                begin = time.perf_counter()
                step = steps.send(sent)
                self._keep(step, time.perf_counter() - begin)
                sent = yield step
                if sent is not None and sent != settings:
                    if (sent.cutoff, sent.seed) != (settings.cutoff, settings.seed):
                        return sent
                    self.changes.append(Change(index=step.index, settings=sent))
                    settings = sent
        except StopIteration:
            self.complete = True
            return None
        finally:
            steps.close()

    def _keep(self, step: Step, seconds: float) -> None:
        self.last = step
        self.found = step.search or self.found
        self.seconds[step.phase] += seconds
        self.masks.append(np.packbits(step.mask))
        voxel_ml = float(np.prod(self.on_grid.placement.spacing)) / 1000
        self.passes.append(
            PassRecord(
                phase=step.phase,
                index=step.index,
                number=step.number,
                threshold=step.threshold,
                mask_voxels=step.mask_voxels,
                mask_ml=step.mask_voxels * voxel_ml,
                seconds=seconds,
            )
        )

    def _note(self, note: str | None) -> None:
        if note:
            self.notes.append(note)
            warnings.warn(note, stacklevel=3)

    def _record(self) -> RunRecord:
        assert self.last is not None
        final = self.changes[-1].settings if self.changes else self.settings
        curve = None
        notes = [*self.notes]
        if self.found is not None:
            curve = tuple(float(t) for t in self.found.curve.thresholds)
            if final.threshold_rule == "tangent":
                fit = self.found.curve.fit(final.y_limit)
                chosen = self.found.curve.choose(final.gamma, final.y_limit)
                notes += [
                    n
                    for n in (f"fit refused: {fit.reason}" if fit.reason else "", chosen.note)
                    if n
                ]
        scan = self.scan
        return RunRecord(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            scan=source_of(scan.path),
            brain_mask=source_of(scan.brain_path),
            brain_source=scan.brain_source,
            card=self.card,
            weights=(
                Source(path=str(self.model.weights.resolve()), sha256=self.model.sha256)
                if isinstance(self.model, Model)
                else None
            ),
            settings=self.settings,
            changes=tuple(self.changes),
            search=self.search,
            complete=self.complete,
            device=self.device,
            precision=self.precision,
            threads=_threads(),
            versions=versions(),
            curve=curve,
            passes=tuple(self.passes),
            threshold=self.last.threshold,
            scores=anomaly_scores(
                self.last.mask, self.last.error, self.on_grid.brain, self.on_grid.placement.spacing
            ),
            seconds={k: round(v, 4) for k, v in self.seconds.items()},
            notes=tuple(notes),
        )


def load_run(folder: str | os.PathLike[str]) -> Run:
    """Load a saved run: its folder, or the run.json in it.

    Raises
    ------
    RunError
        If it is not a complete run.
    """
    path = Path(folder)
    path = path.parent if path.name == RECORD else path
    record = load_record(path / RECORD)
    volumes = {}
    for name in VOLUMES:
        file = path / f"{name}.nii.gz"
        if not file.exists():
            raise RunError(f"{path} is not a complete run: {file.name} is missing.")
        image: Any = nib.load(file)
        volumes[name] = np.asarray(image.dataobj, np.float32)
        affine = np.asarray(image.affine, np.float64)
    masks: tuple[NDArray[np.uint8], ...] = ()
    if (path / PASSES).exists():
        with np.load(path / PASSES) as kept:
            masks = tuple(kept["masks"])
    return Run(
        mask=volumes["mask"] > 0,
        reconstruction=volumes["reconstruction"],
        error=volumes["error"],
        record=record,
        affine=affine,
        masks=masks,
        header=image.header,
    )


def replay(
    record: str | os.PathLike[str] | RunRecord,
    *,
    scan: str | os.PathLike[str] | None = None,
    on_step: OnStep | None = None,
) -> Run:
    """Make a run again from its run.json alone: on the same machine, bit for bit the same mask.

    Parameters
    ----------
    record
        A run's folder, its run.json, or the record itself.
    scan
        Where the scan lies now, if it was moved; its bytes must be the same.

    Raises
    ------
    RunError
        If the scan, its brain mask or the weights are gone or are no longer the same.
    """
    if not isinstance(record, RunRecord):
        path = Path(record)
        record = load_record(path / RECORD if path.is_dir() else path)
    if record.scan is None or record.weights is None:
        raise RunError(
            "this run was made from arrays or from a callable in memory: it names no files."
        )
    file = unchanged(record.scan, scan)
    brain = unchanged(record.brain_mask) if record.brain_mask else None
    made_by = record.brain_source.removeprefix("made by ")
    strip = made_by if made_by != record.brain_source else None
    loaded = load_scan(file, brain, strip)
    model = _model_of(record)
    changes = {change.index: change.settings for change in record.changes}

    def steer(step: Step) -> RefineSettings | None:
        own = on_step(step) if on_step else None
        return changes.get(step.index, own)

    precision: Any = record.precision
    recorder = Recorder(
        loaded, model, record.settings, record.device, precision=precision, search=record.search
    )
    return _drive(recorder, steer, None if record.complete else record.passes[-1].index)


def _drive(recorder: Recorder, on_step: OnStep | None, stop_at: int | None = None) -> Run:
    """Run to the end, or up to the pass of that index."""
    steps = recorder.steps()
    sent: RefineSettings | None = None
    try:
        while True:
            step = steps.send(sent)
            sent = on_step(step) if on_step else None
            if step.index == stop_at:
                break
    except StopIteration:
        pass
    finally:
        steps.close()
    return recorder.finish()


def _engine(
    model: Model | Reconstruct, device: str, precision: Precision
) -> tuple[Reconstruct, str, str]:
    if isinstance(model, Model):
        reconstructor = model.reconstructor(device, precision)
        return reconstructor, str(reconstructor.device), reconstructor.precision
    return (
        model,
        str(getattr(model, "device", "callable")),
        str(getattr(model, "precision", "callable")),
    )


def _card_of_callable(reconstruct: Reconstruct, scan: Scan) -> ModelCard:
    name = getattr(reconstruct, "__name__", type(reconstruct).__name__)
    return ModelCard(
        name=name,
        modality="any",
        grid=own_grid(scan.affine),
        normalisation="zscore",
    )


def _threads() -> int:
    import sys

    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch else 1


def _model_of(record: RunRecord) -> Model:
    assert record.weights is not None
    weights = Path(record.weights.path)
    if not weights.exists():  # the install moved; an embedded model is found by its name
        model = load_model(record.card.name)
        if model.sha256 != record.weights.sha256:
            raise RunError(
                f"the model {record.card.name!r} has other weights than the run used: install the "
                f"version {record.versions.get('napari-itermask', '')} it was made with."
            )
        return Model(record.card, model.weights)
    return Model(record.card, unchanged(record.weights))


def _scan_of(run: Run) -> Scan:
    """A stand-in for the scan of a loaded run: its voxels and space, for saving once more."""
    brain = np.ones_like(run.mask)
    return Scan(image=run.reconstruction, brain=brain, affine=run.affine, header=run.header)
