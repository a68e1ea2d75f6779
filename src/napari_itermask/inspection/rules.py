"""Why was a lesion missed, or healthy tissue taken for one? From measured facts to one reason.

Pure functions: the first rule that holds decides, in the order of :data:`REASONS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from napari_itermask.inspection.reasons import (
    DROPPED,
    EDGE,
    HALF,
    KEPT,
    ORDINARY,
    OTHER_SIDE,
    RIM_MM,
    SHOWN,
    SINGLE,
)
from napari_itermask.method.threshold import ThresholdCurve


@dataclass(frozen=True)
class Verdict:
    """A reason: its name in :data:`REASONS`, in words with its numbers, and what was measured."""

    name: str
    words: str
    because: str


@dataclass(frozen=True)
class Held:
    """Up to where a piece would have stayed masked.

    Half of it until ``percent`` of the brain were unmasked; :data:`KEPT` of it, so that half is
    left once its neighbours are shown, up to ``threshold``. ``gamma`` is the largest that chooses
    this or a lower one; None without a search. No threshold: the first point held less.
    """

    percent: float
    threshold: float | None = None
    gamma: float | None = None

    @classmethod
    def of_curve(
        cls, curve: ThresholdCurve, half: int, kept: int, y_limit: float, threshold: float
    ) -> Held:
        """From the search: it held half of the piece at its first ``half`` points.

        And :data:`KEPT` of it at the first ``kept``; those at or above the run's own
        ``threshold``, which did not keep it, count for nothing.
        """
        under = curve.thresholds < threshold
        kept = min(kept, int(under.argmin()) if not under.all() else len(under))
        if kept < 1:
            return cls(half)
        # A gamma under the steepest slope of these points stops at one of them, or before.
        steepest = float(curve.fit(y_limit).derivative[:kept].max())
        gamma = _rounded_down(steepest) if steepest > 0 else None
        return cls(half, float(curve.thresholds[kept - 1]), gamma)


@dataclass(frozen=True)
class MissFacts:
    """What was measured of a miss.

    Attributes
    ----------
    left_out
        Where it lies that is not looked at, and the share of it that does.
    above
        Share of it with an error above the threshold in the last pass.
    shares
        Share masked before the first pass and after each; None: not known, see ``unknown``.
    numbers
        Of these passes.
    drawn
        Whether the refinement began from a drawn mask.
    tangent
        Whether gamma chose the threshold; else it would, by that rule.
    shown
        Share of what touches it that the pass in which it left was shown; None: it left in none.
    held
        Up to where a search, or the first pass's map, would have kept it; None: there is neither.
    other_side
        Its mean difference on the side that does not count, in interquartile ranges.
    """

    threshold: float
    left_out: tuple[tuple[str, float], ...] = ()
    above: float = 0.0
    min_volume: float = 0.0
    shares: tuple[float, ...] | None = None
    numbers: tuple[int, ...] = ()
    drawn: bool = False
    tangent: bool = True
    shown: float | None = None
    held: Held | None = None
    other_side: tuple[str, float] | None = None
    unknown: str = ""

    @property
    def left(self) -> int:
        """Which of the passes, from 1, took more than half of it off the mask last; 0: none."""
        masked = [share >= HALF for share in self.shares or ()]
        return max((i for i in range(1, len(masked)) if masked[i - 1] and not masked[i]), default=0)


@dataclass(frozen=True)
class AlarmFacts:
    """What was measured of a false alarm, or of a piece found where there is no truth.

    ``fluid`` are shares with the intensity of fluid: of the piece, of what surrounds it; or, by the
    names of regions, of the piece alone. ``edge`` is its guide energy over the brain's mean. None:
    not known.
    """

    threshold: float
    mean_error: float
    volume_ml: float
    voxel_ml: float
    rim_mm: float | None = None
    fluid: float | None = None
    fluid_around: float | None = None
    by_name: bool = False
    edge: float | None = None
    left_in: int | None = None
    back_in: int | None = None
    passes: int | None = None
    unknown: str = ""


_BY_GAMMA = "; gamma counts where the threshold rule is tangent"


def why_missed(facts: MissFacts) -> Verdict:
    """The first reason whose rule holds for a miss."""
    for verdict in (_left_out(facts), _too_small(facts), _hidden(facts)):
        if verdict is not None:
            return verdict
    left = facts.left
    return _neighbours(facts, left) or _other_side(facts, left) or _too_well(facts, left)


def _left_out(facts: MissFacts) -> Verdict | None:
    where, share = max(facts.left_out, key=lambda pair: pair[1], default=("", 0.0))
    if share >= HALF:
        return _verdict("not looked for", f"{share:.0%} of it lies {where}", f": {where}")
    shares = facts.shares
    if facts.drawn and shares is not None and max(shares) < HALF:
        return _verdict(
            "not looked for",
            f"{1 - shares[0]:.0%} of it was shown from the start, and no pass masked it",
            ": shown by the start mask",
        )
    return None


def _too_small(facts: MissFacts) -> Verdict | None:
    if facts.min_volume <= 0 or facts.above < DROPPED:
        return None
    return _verdict(
        "removed by the minimum volume",
        f"{facts.above:.0%} of it was above the threshold of {facts.threshold:.3g} in the last "
        f"pass, in pieces under {facts.min_volume:g} ml",
    )


def _hidden(facts: MissFacts) -> Verdict | None:
    """What the passes do not tell."""
    if facts.shares is None:
        return _verdict("not known", facts.unknown)
    if facts.shares[-1] < HALF:
        return None
    return _verdict(
        "not known",
        f"{facts.shares[-1]:.0%} of it is masked on the model's grid, and too little of that "
        "reaches the scan's voxels",
    )


def _neighbours(facts: MissFacts, left: int) -> Verdict | None:
    if left <= 1 or facts.shares is None or facts.shown is None or facts.shown < SHOWN:
        return None
    number = facts.numbers[left - 1]
    return Verdict(
        "unmasked by its neighbours",
        f"unmasked in pass {number} by its neighbours",
        f"{facts.shares[left - 1]:.0%} of it was masked before pass {number}, "
        f"{facts.shares[left]:.0%} after it; the pass was shown {facts.shown:.0%} of what "
        "touches it" + _also(facts.held),
    )


def _other_side(facts: MissFacts, left: int) -> Verdict | None:
    if facts.other_side is None or left > 1 or facts.other_side[1] < OTHER_SIDE:
        return None
    side, far = facts.other_side
    return _verdict(
        "not looked for",
        f"{_fell(facts, left)}, and it is {side} than repainted by {far:.2g} interquartile ranges "
        "of the brain, which does not count",
        f": it is {side} than repainted",
    )


def _too_well(facts: MissFacts, left: int) -> Verdict:
    """It left without its neighbours' help: for want of a lower threshold, or of any."""
    fell, held = _fell(facts, left), facts.held
    if held is None:
        fell += "; without a search or that pass's error map no lower threshold can be named"
        return _verdict("repainted too well from the start", fell)
    fell += f"; {1 - held.percent / 100:.0%} of the brain would have stayed masked along with it"
    if held.percent < ORDINARY or held.threshold is None:
        return _verdict("repainted too well from the start", fell)
    below = f"gamma <= {held.gamma:g}" if held.gamma else f"a threshold of {held.threshold:.3g}"
    return Verdict(
        "under the chosen threshold",
        f"under the chosen threshold: {below} would have kept it",
        f"{fell}; {KEPT:.0%} of it would still have been above {held.threshold:.3g}"
        + ("" if facts.tangent or not held.gamma else _BY_GAMMA),
    )


def _fell(facts: MissFacts, left: int) -> str:
    if not left:
        return "the search's mask, which the refinement began from, had left it out"
    when = "the first pass" if left == 1 else f"pass {facts.numbers[left - 1]}"
    return f"its error was under the threshold of {facts.threshold:.3g} in {when}"


def _also(held: Held | None) -> str:
    if held is None or held.percent < ORDINARY or held.gamma is None:
        return ""
    return f"; the search held it up to gamma = {held.gamma:g}"


def why_alarmed(facts: AlarmFacts) -> Verdict:
    """The first reason whose rule holds for a false alarm."""
    for verdict in (_rim(facts), _fluid(facts), _single(facts), _edge(facts), _back(facts)):
        if verdict is not None:
            return verdict
    times = f"its mean error is {facts.mean_error:.3g}"
    if facts.threshold > 0:
        times = f"its mean error is {facts.mean_error / facts.threshold:.2g} times the threshold"
    if facts.passes:
        times += f"; it was masked in all {facts.passes} passes"
    if facts.left_in is not None:
        times += f"; less than half of it was masked after pass {facts.left_in}"
    if facts.unknown:
        times += f"; not everything was looked at: {facts.unknown}"
    return _verdict("never repainted well", times)


def _rim(facts: AlarmFacts) -> Verdict | None:
    if facts.rim_mm is None or facts.rim_mm > RIM_MM:
        return None
    return _verdict("rim", f"half of it lies within {facts.rim_mm:.1f} mm of the brain's rim")


def _fluid(facts: AlarmFacts) -> Verdict | None:
    if facts.fluid is not None and facts.fluid >= HALF:
        how = "lies in regions of fluid" if facts.by_name else "has the intensity of fluid"
        return _verdict("ventricle or CSF", f"{facts.fluid:.0%} of it {how}")
    if facts.fluid_around is not None and facts.fluid_around >= HALF:
        return _verdict(
            "ventricle or CSF",
            f"{facts.fluid_around:.0%} of what surrounds it has the intensity of fluid",
        )
    return None


def _single(facts: AlarmFacts) -> Verdict | None:
    voxels = facts.volume_ml / facts.voxel_ml
    if voxels > SINGLE + 1e-6:
        return None
    return _verdict("single voxels", f"it measures {voxels:.2g} voxels of the model's grid")


def _edge(facts: AlarmFacts) -> Verdict | None:
    if facts.edge is None or facts.edge < EDGE:
        return None
    return _verdict(
        "high-frequency edge",
        f"the guide's energy in it is {facts.edge:.2g} times that of the brain",
    )


def _back(facts: AlarmFacts) -> Verdict | None:
    if facts.back_in is None:
        return None
    before = f"it left in pass {facts.left_in} and " if facts.left_in is not None else "it "
    return Verdict(
        "came back",
        f"came back in pass {facts.back_in}",
        f"{before}was masked again in pass {facts.back_in}",
    )


def _verdict(name: str, because: str, more: str = "") -> Verdict:
    return Verdict(name, name + more, because)


def _rounded_down(value: float, digits: int = 3) -> float:
    """A little less than ``value``, with few digits."""
    step = 10.0 ** (floor(log10(value)) - digits + 1)
    return float(f"{floor(value * (1 - 1e-9) / step) * step:.{digits}g}")
