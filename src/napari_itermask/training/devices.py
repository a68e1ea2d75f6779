"""Where a training runs: on which devices, in which precision, fed by how many processes."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from napari_itermask.training.settings import TrainSettings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from napari_itermask.models.store import Model

MOST_WORKERS = 16


@dataclass(frozen=True)
class Options:
    """What does not change what is learnt: where it runs, how often it saves, how it was called."""

    device: str = "auto"
    devices: int = 1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    workers: int | None = None
    strip: str | None = None
    resume: bool = True
    calibrate: bool = False
    save_seconds: float = 60.0
    save_steps: int = 500
    start: Model | None = None
    """Whose weights a new training starts from; ``TrainSettings.start`` names them."""
    command: str = ""


def launched(options: Options, settings: TrainSettings) -> Fabric:
    """Fabric on the devices asked for, its processes running."""
    try:
        from lightning_fabric import Fabric
    except ImportError:
        raise ImportError(
            'training needs Lightning Fabric: pip install "napari-itermask[train]".'
        ) from None
    from napari_itermask.method.reconstruct import choose_device

    device = choose_device(options.device)
    if settings.batch % options.devices:
        raise ValueError(
            f"--batch {settings.batch} cannot be shared by {options.devices} devices: give a "
            "multiple."
        )
    several = options.devices > 1
    devices: Any = options.devices
    if not several and device.type != "cpu":
        devices = [device.index or 0]
    fabric = Fabric(
        accelerator=device.type,
        devices=devices,
        strategy="ddp" if several else "auto",
        precision="bf16-mixed" if in_bfloat16(options) else "32-true",
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning_fabric")
        fabric.launch()
    return fabric


def in_bfloat16(options: Options) -> bool:
    """Whether the network computes in bfloat16: where asked, or where the device gains by it."""
    from napari_itermask.method.reconstruct import choose_device, has_bfloat16

    if options.precision == "auto":
        return has_bfloat16(choose_device(options.device))
    return options.precision == "bfloat16"


def workers_of(options: Options, fabric: Fabric) -> int:
    """Processes that draw samples: on a CPU none, its cores are the network's."""
    if options.workers is not None:
        return options.workers
    if fabric.device.type == "cpu":
        return 0
    free = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(free // fabric.world_size - 1, MOST_WORKERS))
