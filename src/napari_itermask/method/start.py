"""Where does a refinement begin: with which threshold and mask, within which bounds?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_itermask.method.error import Mask
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.steps import Search
from napari_itermask.method.threshold import Calibration, Choice
from napari_itermask.notes import Tell, say


@dataclass(frozen=True, eq=False)
class Start:
    """What a refinement begins from; masks are ``(X, Y, Z)`` bool.

    ``found`` is the finished search, if there is one; ``start`` what is hidden first instead of the
    brain; ``within`` what every mask is restricted to.
    """

    found: Search | None
    calibration: Calibration | None
    start: Mask | None
    within: Mask | None
    tell: Tell | None

    def choice(self, settings: RefineSettings) -> Choice | None:
        """The threshold; None where only a pass over the whole brain will give it."""
        found = self.found
        if settings.threshold_rule == "manual":
            choice = Choice(settings.manual_threshold, None)
        elif settings.threshold_rule == "tangent":
            assert found is not None
            choice = found.curve.choose(settings.gamma, settings.y_limit)
            fit = found.curve.fit(settings.y_limit)
            for note in (choice.note, "" if fit.accepted else _refused(fit.reason)):
                if note:
                    say(note, self.tell)
        elif found is None:
            return None
        else:
            assert found.calibrated is not None  # see check_rule()
            choice = Choice(found.calibrated, None)
        if found is None or choice.index is not None:
            return choice
        # Off the curve: the search's mask whose threshold lies nearest is the start, if asked.
        nearest = int(np.argmin(np.abs(np.asarray(found.thresholds) - choice.threshold)))
        return Choice(choice.threshold, nearest)

    def mask(self, brain: Mask, settings: RefineSettings, choice: Choice | None) -> Mask:
        """What is hidden first."""
        mask = brain
        if self.start is not None:
            mask = self.start
        elif settings.start_mask == "best_threshold_mask":
            assert self.found is not None  # this start asks for a search, see needs_search()
            assert choice is not None
            assert choice.index is not None
            mask = self.found.mask(choice.index)
        return self.bound(mask)

    def bound(self, mask: Mask) -> Mask:
        """The part of ``mask`` that may be masked."""
        return mask if self.within is None else mask & self.within


def needs_search(settings: RefineSettings) -> bool:
    """Whether the rule or the start asks for a search."""
    return settings.threshold_rule == "tangent" or settings.start_mask == "best_threshold_mask"


def check_rule(
    settings: RefineSettings, calibration: Calibration | None, found: Search | None
) -> None:
    """Refuse a search or a rule that cannot give a threshold."""
    if found is not None and not found.finished:
        raise ValueError("this search is not finished, so it cannot be taken over: leave it out.")
    if settings.threshold_rule != "calibrated":
        return
    if calibration is None:
        raise ValueError(
            'threshold_rule is "calibrated", but the model\'s card holds no calibration: '
            'choose "tangent" or "manual", or a model that was calibrated.'
        )
    if found is not None and found.calibrated is None:
        raise ValueError(
            'threshold_rule is "calibrated", but this search was made without a calibration: '
            "make a new search."
        )


def inside(name: str, mask: Mask | None, brain: Mask) -> Mask | None:
    """The part of ``mask`` that lies in the brain, as a copy that is ours."""
    if mask is None:
        return None
    if mask.shape != brain.shape or mask.dtype != bool:
        raise ValueError(
            f"{name} must be bool and of the brain's shape {brain.shape}, got {mask.dtype} "
            f"{mask.shape}."
        )
    part: Mask = mask & brain
    if not part.any() and (name == "within" or mask.any()):
        raise ValueError(f"{name} has no voxel in the brain: draw it on the brain.")
    return part


def _refused(reason: str) -> str:
    return f"the tangent's fit was refused ({reason}); differences of neighbours decide instead."
