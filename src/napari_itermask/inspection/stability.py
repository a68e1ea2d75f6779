"""Would another seed or another gamma have given another mask? The scan refined over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_itermask.inspection.refiner import Refiner, Stopped
from napari_itermask.inspection.stable import (
    Spread,
    Stability,
    StabilityError,
    StabilityRecord,
    StabilityRow,
    load_stability,
    spread,
)
from napari_itermask.method.error import Mask
from napari_itermask.method.refinement import Reconstruct
from napari_itermask.method.scores import overlap
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.start import needs_search
from napari_itermask.method.steps import Search, Step
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import Model
from napari_itermask.notes import Tell
from napari_itermask.record import source_of, versions
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision

AROUND = tuple(float(f) for f in np.geomspace(0.5, 2, 5))
"""By default: these multiples of the settings' gamma, or of the threshold."""
GAMMAS = (
    "each seed's search is made once and its curve read again with each gamma; only the refinement "
    "runs again"
)
FACTORS = (
    "each seed's own threshold, as the rule gives it in the end (within floor and ceiling, raised "
    "to its height), is multiplied by each factor; the refinement runs again with the product as a "
    "manual threshold"
)


def stability(
    scan: Scan,
    model: Model | Reconstruct,
    settings: RefineSettings | None = None,
    seeds: int | Sequence[int] = 5,
    gammas: Sequence[float] | None = None,
    *,
    factors: Sequence[float] | None = None,
    truth: Mask | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    card: ModelCard | None = None,
    on_run: Callable[[Stability], object] | None = None,
    on_step: Callable[[Step], object] | None = None,
    stop: Callable[[], bool] | None = None,
    tell: Tell | None = None,
) -> Stability:
    """Refine one scan with each seed and each gamma, or each factor of the threshold.

    With ``gammas`` the threshold rule is the tangent: a seed's search is made once and its curve
    read again. With ``factors`` the rule is the settings' own (calibrated, manual, or tangent with
    its gamma): the threshold that it gives for a seed is multiplied. A search is then made only
    where the rule or the start asks for one, so that the first pass is the noise of pass 0, as in
    ``refine(..., search=False)``. Gammas or factors that give one threshold are refined once, and
    each counts as a run.

    Parameters
    ----------
    scan, model, settings, device, precision, card
        See :func:`napari_itermask.refine`.
    seeds
        How many, counted from the settings' seed on; or which.
    gammas, factors
        One of the two. By default: half to twice the settings' gamma in five steps for the tangent
        rule, half to twice the threshold for the others.
    truth
        ``(X, Y, Z)`` bool in the scan's own voxels.
    on_run
        Called after each run with the Stability so far.
    on_step
        Called after each pass.
    stop
        Asked after each pass; once it says True, what is finished is given back.
    tell
        Called with each sentence that a person should know; None: a UserWarning.

    Raises
    ------
    ValueError
        If both gammas and factors are given, one of them is out of range, seeds are none or twice
        the same, or the truth lies elsewhere.
    """
    refiner = Refiner(
        scan, model, settings, device, precision=precision, card=card, on_step=on_step, tell=tell
    )
    study = _Study(refiner, truth)
    study.plan(seeds, gammas, factors)
    try:
        for one in study.runs(stop):
            study.add(one)
            if on_run:
                on_run(study.result())
    except Stopped:
        pass
    return study.result()


@dataclass(frozen=True)
class _One:
    """One run: how it was asked for, and what it gave; the mask is in the scan's voxels."""

    seed: int
    gamma: float | None
    factor: float | None
    threshold: float
    passes: int
    mask: Mask


class _Study:
    """Which runs were asked for, and those that are finished, counted up."""

    def __init__(self, refiner: Refiner, truth: Mask | None) -> None:
        scan = refiner.scan
        if truth is not None and truth.shape != scan.image.shape:
            raise ValueError(
                f"the truth has the shape {truth.shape}, {scan.name} {scan.image.shape}: give the "
                "mask drawn on this scan."
            )
        self.refiner, self.scan, self.truth = refiner, scan, truth
        self.settings = refiner.settings
        self._source, self._versions = source_of(scan.path), versions()
        self._count: NDArray[np.uint16] = np.zeros(scan.image.shape, np.uint16)
        self._rows: list[StabilityRow] = []

    def plan(
        self,
        seeds: int | Sequence[int],
        gammas: Sequence[float] | None,
        factors: Sequence[float] | None,
    ) -> None:
        """Decide on the runs; what is out of range is refused before any pass."""
        if gammas is not None and factors is not None:
            raise ValueError("give gammas or factors of the threshold, not both.")
        if gammas is None and factors is None:
            if self.settings.threshold_rule == "tangent":
                gammas = [f * self.settings.gamma for f in AROUND]
            else:
                factors = AROUND
        if gammas is not None:
            self.settings = self.settings.replace(threshold_rule="tangent")
        first = self.settings.seed
        self.seeds = (
            tuple((first + i) % 2**32 for i in range(seeds))
            if isinstance(seeds, int)
            else tuple(int(s) for s in seeds)
        )
        self.gammas = None if gammas is None else tuple(float(g) for g in gammas)
        self.factors = None if factors is None else tuple(float(f) for f in factors)
        for seed in self.seeds:
            self.settings.replace(seed=seed)
        for gamma in self.gammas or ():
            self.settings.replace(gamma=gamma)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"give one seed at least, and none twice; got {list(self.seeds)}.")
        if not (self.gammas or self.factors) or min(self.factors or (1,)) <= 0:
            raise ValueError("give one gamma or factor of the threshold at least, above 0.")

    def runs(self, stop: Callable[[], bool] | None) -> Iterator[_One]:
        """One run after another, seed by seed."""
        refiner = self.refiner
        refiner.stop = stop
        for seed in self.seeds:
            settings = self.settings.replace(seed=seed)
            refiner.forget()
            found = refiner.search(settings) if needs_search(settings) else None
            known: dict[tuple[float, int | None], tuple[int, Mask]] = {}
            for gamma, factor, wanted in self._variants(settings, found):
                at = refiner.threshold(wanted, found)
                if at not in known:
                    known[at] = refiner.refined(wanted, found)
                yield _One(seed, gamma, factor, at[0], *known[at])

    def add(self, one: _One) -> None:
        """Count a finished run."""
        self._count += one.mask
        dice = None
        if self.truth is not None:
            dice = overlap(one.mask, self.truth, self.scan.spacing).dice
            if np.isnan(dice):
                self.refiner.tell("truth and mask are both empty in some runs: these have no Dice.")
                dice = None
        self._rows.append(
            StabilityRow(
                seed=one.seed,
                gamma=one.gamma,
                factor=one.factor,
                threshold=one.threshold,
                ml=float(np.count_nonzero(one.mask)) * self.scan.voxel_ml,
                passes=one.passes,
                dice=dice,
            )
        )

    def result(self) -> Stability:
        """What the runs so far gave."""
        share = self._count / np.float32(max(1, len(self._rows)))
        record = StabilityRecord(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            scan=self._source,
            card=self.refiner.card.name,
            weights=self.refiner.weights,
            settings=self.settings,
            how=GAMMAS if self.gammas else FACTORS,
            seeds=self.seeds,
            gammas=self.gammas,
            factors=self.factors,
            with_truth=self.truth is not None,
            rows=tuple(self._rows),
            ml=spread([row.ml for row in self._rows]),
            dice=spread([row.dice for row in self._rows if row.dice is not None]),
            device=self.refiner.device,
            precision=self.refiner.precision,
            versions=self._versions,
            notes=tuple(self.refiner.notes),
        )
        return Stability(share.astype(np.float32), record, self.scan.affine, self.scan.header)

    def _variants(
        self, settings: RefineSettings, found: Search | None
    ) -> Iterator[tuple[float | None, float | None, RefineSettings]]:
        """Gamma or factor of each run of a seed, and the settings that it is made with."""
        for gamma in self.gammas or ():
            yield gamma, None, settings.replace(gamma=gamma)
        if self.factors:
            own, _ = self.refiner.threshold(settings, found)
            for factor in self.factors:
                times = {"threshold_rule": "manual", "manual_threshold": factor * own}
                yield None, factor, settings.replace(**times)


__all__ = [
    "AROUND",
    "Spread",
    "Stability",
    "StabilityError",
    "StabilityRecord",
    "StabilityRow",
    "load_stability",
    "stability",
]
