"""What this machine offers to a run: versions, devices, precision, and what is wrong with them."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_itermask.record import versions


def describe() -> dict[str, Any]:
    """Facts to send along with a question, in the order a reader wants them."""
    import psutil
    import torch

    from napari_itermask.method.reconstruct import choose_device, has_bfloat16
    from napari_itermask.models.store import list_models, user_folder

    device = choose_device("auto")
    facts: dict[str, Any] = dict(versions())
    facts["napari"] = "installed" if find_spec("napari") else "not installed"
    facts["cpu"] = f"{cpu_name()}, {os.cpu_count()} cores"
    facts["cpu features"] = ", ".join(cpu_features()) or "none known"
    facts["torch threads"] = torch.get_num_threads()
    facts["memory"] = f"{psutil.virtual_memory().total / 1e9:.1f} GB"
    facts["device"] = str(device)
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
        facts["cudnn"] = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    facts["precision"] = "bfloat16" if has_bfloat16(device) else "float32"
    facts["models"] = ", ".join(card.name for card in list_models())
    facts["model folder"] = str(user_folder())
    problem = unused_gpu(torch.version.cuda)
    if problem:
        facts["problem"] = problem
    return facts


def cpu_name() -> str:
    """The processor's name as it states it, else its architecture."""
    names = [line for line in _cpuinfo().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()


def cpu_features() -> list[str]:
    """Which of the processor's features matter for speed; known on Linux only."""
    flags = set(_cpuinfo().split())
    return [n for n in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if n in flags]


def unused_gpu(torch_cuda: str | None) -> str:
    """A sentence if an NVIDIA card is there that this torch was not built for, else ""."""
    if torch_cuda is not None or not (shutil.which("nvidia-smi") or Path("/dev/nvidia0").exists()):
        return ""
    return (
        "there is an NVIDIA card, but this torch was built for the CPU only: install a CUDA build "
        "(https://pytorch.org/get-started/locally) to use it."
    )


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
