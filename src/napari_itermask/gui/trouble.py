"""What went wrong, in one sentence, and of which kind, so that the window can offer a way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["scan", "skull", "spacing", "memory", "pass", "file", "model", "bug"]


@dataclass(frozen=True)
class Trouble:
    """A sentence for the person, and what the window can offer.

    ``skull``: strip it; ``spacing``: ask for the voxel size; ``memory``: go on with the CPU or a
    coarser model. ``error`` is what was raised, for whoever wants its trace.
    """

    kind: Kind
    sentence: str
    error: BaseException | None = None


class PassFailed(Exception):  # noqa: N818 - reads as what happened
    """A pass raised: its number from 1, the device, and what was raised."""

    def __init__(self, number: int, device: str, error: BaseException) -> None:
        super().__init__(number, device, error)
        self.number, self.device, self.error = number, device, error


def explain(error: BaseException) -> Trouble:
    """Put what was raised into words."""
    from napari_itermask.gui.placed.space import NoSpacing
    from napari_itermask.models.store import ModelError
    from napari_itermask.scans.reading import NotStripped

    if isinstance(error, PassFailed):
        return _of_pass(error)
    if _is_memory(error):
        return Trouble("memory", f"there is not enough memory ({_first(error)}): {_FREE}", error)
    kinds: tuple[tuple[Kind, type[BaseException]], ...] = (
        ("skull", NotStripped),
        ("spacing", NoSpacing),
        ("model", ModelError),
        ("file", OSError),
        ("scan", ValueError),  # our own refusals are whole sentences
        ("scan", ImportError),
    )
    for kind, raised in kinds:
        if isinstance(error, raised):
            return Trouble(kind, str(error), error)
    name = type(error).__name__
    return Trouble("bug", f"something unforeseen went wrong ({name}: {_first(error)}).", error)


_FREE = "close other programs, choose the CPU, or a model with a coarser grid."


def _of_pass(failed: PassFailed) -> Trouble:
    where = f"pass {failed.number} on {failed.device}"
    if _is_memory(failed.error):
        return Trouble(
            "memory", f"{where} ran out of memory ({_first(failed.error)}): {_FREE}", failed.error
        )
    if isinstance(failed.error, ValueError):  # a refusal of ours: settings that cannot be run
        return Trouble("scan", str(failed.error), failed.error)
    name = type(failed.error).__name__
    return Trouble(
        "pass",
        f"{where} failed ({name}: {_first(failed.error)}): the passes before it are kept; choose "
        "another device, or run again.",
        failed.error,
    )


def _is_memory(error: BaseException) -> bool:
    # torch raises OutOfMemoryError on GPUs, and a bare RuntimeError where the CPU's malloc fails.
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate" in text)
    )


def _first(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
