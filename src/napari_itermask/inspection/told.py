"""When and why did a voxel leave the mask, or stay? The numbers of its passes in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Outcome = Literal["stayed", "came back", "left", "removed", "never masked", "rim", "outside"]
"""How it ended: still masked (all along, or again); no longer; dropped by the smallest volume;
never hidden by the refinement; left out of the score by the rim; not in the brain."""
MOST_CLAUSES = 4
"""Changes that a sentence tells one by one."""


@dataclass(frozen=True, eq=False)
class Going:
    """One voxel over the passes of the last refinement; arrays ``(n,)``, errors NaN where unknown.

    ``masked`` before and ``stays`` after each pass; ``shown`` the share of its neighbours that the
    pass did not hide; ``rank`` the share of the brain's voxels with a smaller error; ``opposite``
    whether it differs from its repaint the way that does not count.
    """

    numbers: NDArray[np.intp]
    threshold: NDArray[np.float64]
    error: NDArray[np.float64]
    rank: NDArray[np.float64]
    masked: NDArray[np.bool_]
    stays: NDArray[np.bool_]
    shown: NDArray[np.float64]
    opposite: NDArray[np.bool_]


@dataclass(frozen=True)
class Facts:
    """What else decided: where the voxel lies, and by which settings."""

    sign: str = "both"
    rim: float = 0.0  # mm, if the voxel lies in it
    floor: float | None = None  # if the voxel is darker
    allowed: bool = True  # whether the region that the run was restricted to holds it
    began: str = "the whole brain"
    prelude: bool = False  # whether the first pass only read the threshold
    only_shrink: bool = False
    min_volume: float = 0.0  # ml
    complete: bool = True
    unknown: str = ""  # why errors are missing


def tell(going: Going, facts: Facts) -> tuple[Outcome, str]:
    """How it ended, and one sentence that says when and why."""
    changes = [int(i) for i in np.flatnonzero(going.masked != going.stays)]
    ended = bool(going.stays[-1])
    if not changes and not ended:
        return "never masked", _never(going, facts)
    if not changes:
        return "stayed", _stayed(going, facts)
    clauses = [_change(i, going, facts) for i in changes]
    if len(clauses) > MOST_CLAUSES:
        more = len(clauses) - MOST_CLAUSES + 1
        clauses = [*clauses[: MOST_CLAUSES - 1], f"changed {more - 1} times more", clauses[-1]]
    if not going.masked[0]:
        clauses.insert(0, f"was not hidden at first (the run began from {facts.began})")
    if ended:
        clauses.append(f"stayed to the end{_cut_short(facts)}")
        return "came back", _sentence(clauses)
    again = _kept_out(changes[-1], going, facts)
    text = _sentence([*clauses, again] if again else clauses)
    if _removed(changes[-1], going, facts):
        return "removed", text
    return ("rim" if facts.rim else "left"), text


def tell_region(
    going: Going, left_in: NDArray[np.intp], weights: NDArray[np.float64], unknown: str = ""
) -> str:
    """One sentence about a region, whose shares and means ``going`` holds.

    ``left_in`` is the number of the pass in which each of its voxels left for good, 0 if it was
    never hidden, -1 if it stayed; ``weights`` is how much of the region each voxel stands for.
    """
    total = weights.sum()
    stayed, never = (float(weights[left_in == code].sum() / total) for code in (-1, 0))
    parts = [f"{_percent(stayed)} of the region stayed masked"]
    if never:
        parts.append(f"{_percent(never)} was never hidden")
    left = left_in > 0
    if left.any():
        order = np.argsort(left_in[left], kind="stable")
        passes, along = left_in[left][order], np.cumsum(weights[left][order])
        half = int(passes[np.searchsorted(along, along[-1] / 2)])
        share = _percent(float(along[-1] / total))
        when = (
            f"in pass {passes[0]}"
            if passes[0] == passes[-1]
            else (f"in the passes {passes[0]} to {passes[-1]}, half of it by pass {half}")
        )
        parts.append(f"{share} left {when}")
    if np.isfinite(going.error[[0, -1]]).all():
        parts.append(
            f"its mean error went from {going.error[0]:.3g} to {going.error[-1]:.3g} (threshold "
            f"{going.threshold[-1]:.3g} in the last pass)"
        )
    elif unknown:
        parts.append(f"its errors are unknown ({unknown})")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _never(going: Going, facts: Facts) -> str:
    if not facts.allowed:
        return "It was never hidden: the run was restricted to a region without it."
    rose = facts.only_shrink and bool((going.error > going.threshold).any())
    why = "the mask may only shrink" if rose else "its error never rose above the threshold"
    return f"It was never hidden: the run began from {facts.began}, which lacks it, and {why}."


def _stayed(going: Going, facts: Facts) -> str:
    count = len(going.numbers)
    through = f"all {count} passes" if count > 1 else "the one pass"
    text = f"It stayed masked through {through}{_cut_short(facts)}"
    known = np.flatnonzero(np.isfinite(going.error))
    if not len(known):
        return f"{text} ({_unknown(facts)})."
    low, last = int(known[np.argmin(going.error[known])]), int(known[-1])
    if going.error[low] <= going.threshold[low] and facts.prelude and low == 0:
        return (
            f"{text}, though its error fell under the threshold in the first, which only read it."
        )
    lowest = f"{going.error[low]:.3g} at its lowest, in pass {going.numbers[low]}"
    return (
        f"{text}: its error stayed above the threshold ({lowest}, against "
        f"{going.threshold[low]:.3g}), and in pass {going.numbers[last]} it is larger than that of "
        f"{_percent(going.rank[last])} of the brain."
    )


def _change(i: int, going: Going, facts: Facts) -> str:
    number, error, limit = going.numbers[i], going.error[i], going.threshold[i]
    value = f"its error {error:.3g}" if np.isfinite(error) else "its error"
    if going.stays[i]:
        return f"came back in pass {number}: {value} rose above the threshold {limit:.3g}"
    if facts.prelude and i == 0:
        what = "the drawn region lacks it" if not facts.allowed else f"{facts.began} lacks it"
        return f"left in pass {number}, which only read the threshold: {what}"
    if _removed(i, going, facts):
        return (
            f"was removed in pass {number}, the last: {value} was above the threshold {limit:.3g}, "
            f"but its piece was smaller than {facts.min_volume:g} ml"
        )
    shown = going.shown[i]
    while_ = "" if np.isnan(shown) else f" while {_neighbours(float(shown))} shown"
    why = _fell(i, going, facts)
    early = i == 0 and shown == 0 and not why.endswith(",")  # nothing but the repaint let it go
    well = ", so it was repainted well from the start" if early else ""
    return f"left in pass {number}: {value} {why}{while_}{well}"


def _fell(i: int, going: Going, facts: Facts) -> str:
    under = f"fell under the threshold {going.threshold[i]:.3g}"
    if facts.rim:
        return f"{under}, lying in the brain's rim of {facts.rim:g} mm, which the score leaves out,"
    if facts.floor is not None:
        return f"{under}, being darker than the intensity floor of {facts.floor:g},"
    if going.opposite[i]:
        other = {"brighter": "darker", "darker": "brighter"}[facts.sign]
        return f"{under}, being {other} than its repaint where only {facts.sign} counts,"
    if not np.isfinite(going.error[i]):
        dropped = i == len(going.numbers) - 1 and facts.min_volume > 0
        either = f" or its piece under {facts.min_volume:g} ml" if dropped else ""
        return f"{under}{either} ({_unknown(facts)})"
    return under


def _removed(i: int, going: Going, facts: Facts) -> bool:
    last = i == len(going.numbers) - 1
    return last and facts.min_volume > 0 and bool(going.error[i] > going.threshold[i])


def _kept_out(i: int, going: Going, facts: Facts) -> str:
    """What kept it out once its error had risen again, if anything."""
    above = np.flatnonzero(going.error[i + 1 :] > going.threshold[i + 1 :])
    if not len(above):
        return ""
    j = i + 1 + int(above[0])
    rose = f"rose above the threshold again in pass {going.numbers[j]} ({going.error[j]:.3g})"
    if facts.only_shrink:
        return f"{rose}, but the mask may only shrink"
    if not facts.allowed:
        return f"{rose}, but the run was restricted to a region without it"
    if facts.min_volume and j == len(going.numbers) - 1:
        return f"{rose}, but in a piece smaller than {facts.min_volume:g} ml"
    return ""


def _neighbours(shown: float) -> str:
    if shown in (0, 1):
        return f"{'all' if shown else 'none'} of its neighbours {'were' if shown else 'was'}"
    return f"{_percent(shown)} of its neighbours were"


def _cut_short(facts: Facts) -> str:
    return "" if facts.complete else ", where the run was ended before its mask settled"


def _unknown(facts: Facts) -> str:
    return facts.unknown or "the error was not kept"


def _percent(share: float) -> str:
    """A share in %; never rounded to 0 or 100 unless it is."""
    percent = round(100 * share, 6)
    digits = 0 if 1 <= percent <= 99 or percent in (0, 100) else 2
    return f"{np.clip(percent, 0.01, 99.99) if digits else percent:.{digits}f} %"


def _sentence(clauses: Sequence[str]) -> str:
    return "It " + "; ".join(clauses) + "."
