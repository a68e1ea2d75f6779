"""From a network to one pass: weights, a device and a precision, behind one plain call.

Beside the plain network stands a fast form of the very same function: batch norm folded into the
convolutions, channels last, and each upsampling with the convolution after it as one transposed
convolution. In float32 it is exact but for rounding; in bfloat16 it is rounded, and faster still.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_itermask.method.error import Volume
from napari_itermask.method.network import Convolution, UNet3D
from napari_itermask.notes import Tell, say

Precision = Literal["auto", "plain", "float32", "bfloat16"]
SIDE = 16
"""Every side of a volume must be a multiple of this."""


class Reconstructor:
    """A network ready to repaint: call it with the masked image and its guide.

    Parameters
    ----------
    network
        In eval mode; it is not changed.
    device
        "auto" (CUDA, then MPS, then the CPU) or a torch device.
    precision
        "plain" (the network as it is, float32), "float32" (fast form, exact but for rounding),
        "bfloat16" (fast form), or "auto": bfloat16 where the processor computes in it, if a small
        block agrees with the plain network there, else float32.

    tell
        Called with what a person should know; None: a UserWarning.

    Raises
    ------
    ValueError
        If the device is not there, or the precision has no such name.
    """

    def __init__(
        self,
        network: nn.Module,
        device: str = "auto",
        precision: Precision = "auto",
        tell: Tell | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.precision, self._run = _choose_engine(network, self.device, precision, tell)
        self._guide: tuple[Volume, Tensor] | None = None

    def __call__(self, masked: Volume, guide: Volume) -> Volume:
        """Repaint ``masked`` with ``guide``: all ``(X, Y, Z)`` float32, sides multiples of 16.

        Raises
        ------
        MemoryError
            If the device has too little memory for the volume.
        """
        if any(side % SIDE for side in masked.shape):
            raise ValueError(f"sides must be multiples of {SIDE}, got {masked.shape}.")
        held = self._guide  # read once: runs in several threads may share this network
        if held is None or held[0] is not guide:
            held = self._guide = (guide, torch.from_numpy(guide).to(self.device))
        hidden = torch.from_numpy(masked).to(self.device)
        try:
            with torch.inference_mode():
                out = self._run(torch.stack([hidden, held[1]])[None])
                repaint: Volume = out[0, 0].float().cpu().numpy()
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"{self.device} has too little memory for a volume of {masked.shape}: "
                'close other programs, or run with device="cpu".'
            ) from error
        return repaint


def choose_device(device: str = "auto") -> torch.device:
    """The torch device of that name; "auto" takes the fastest one that is there."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device {device!r} cannot be used here ({reason}): "
            'take "auto" or "cpu", or install a torch built for it.'
        ) from None
    return chosen


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16, rather than emulating it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and bool(
            torch.cpu._is_avx512_bf16_supported()
        )
    return False


def fast_form(network: UNet3D, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The same function as ``network`` in eval mode, arranged to run fast."""
    out = copy.deepcopy(network).eval().requires_grad_(False)
    for module in out.modules():
        if isinstance(module, Convolution) and module.adn is not None:
            module.conv = fuse_conv_bn_eval(module.conv, module.adn.N)  # type: ignore[arg-type]
            module.adn = module.adn.A  # type: ignore[assignment]
    stages = [getattr(out, f"up_stage_{i}") for i in range(1, 5)]
    for i, stage in enumerate(stages, start=1):
        stage[1].conv = transposed_form(stage[1].conv)
        setattr(out, f"up_stage_{i}", nn.Sequential(stage[1], stage[2]))
    out.to(dtype)
    # torch's stub of Module.to lacks memory_format without a device.
    out.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return out


def transposed_form(conv: nn.Conv3d) -> nn.ConvTranspose3d:
    """Nearest upsampling by 2 then ``conv`` (3x3x3, padding 1), as one transposed convolution.

    Each voxel is doubled before a kernel [w0, w1, w2] passes over it, so that two of its taps
    always meet the same value: a transposed kernel [w2, w1 + w2, w0 + w1, w0] with stride 2 and
    padding 1 does it with 8 taps for each voxel instead of 27.
    """
    weight = conv.weight.detach().double()
    for axis in (2, 3, 4):
        w0, w1, w2 = weight.unbind(axis)
        weight = torch.stack([w2, w1 + w2, w0 + w1, w0], axis)
    out = nn.ConvTranspose3d(conv.in_channels, conv.out_channels, 4, stride=2, padding=1)
    out.weight = nn.Parameter(weight.transpose(0, 1).to(conv.weight.dtype), requires_grad=False)
    assert conv.bias is not None
    out.bias = nn.Parameter(conv.bias.detach().clone(), requires_grad=False)
    return out


class _Engine:
    """A network with the dtype and memory layout that its inputs need."""

    def __init__(
        self, network: nn.Module, device: torch.device, dtype: torch.dtype, plain: bool
    ) -> None:
        self._network = network.to(device)
        self._dtype, self._plain = dtype, plain

    def __call__(self, x: Tensor) -> Tensor:
        layout = torch.contiguous_format if self._plain else torch.channels_last_3d
        out: Tensor = self._network(x.to(self._dtype).contiguous(memory_format=layout))
        return out


def _choose_engine(
    network: nn.Module, device: torch.device, precision: Precision, tell: Tell | None
) -> tuple[str, Any]:
    if precision not in ("auto", "plain", "float32", "bfloat16"):
        raise ValueError(f"there is no precision {precision!r}: auto, plain, float32 or bfloat16.")
    plain = _Engine(copy.deepcopy(network).eval(), device, torch.float32, plain=True)
    if precision == "plain" or not isinstance(network, UNet3D):
        return "plain", plain
    names: Sequence[str] = [precision]
    if precision == "auto":
        names = ["bfloat16", "float32"] if has_bfloat16(device) else ["float32"]
    for name in names:
        dtype = torch.bfloat16 if name == "bfloat16" else torch.float32
        engine = _Engine(fast_form(network, dtype), device, dtype, plain=False)
        off = _disagreement(engine, plain, device)
        if precision != "auto" or off < (0.05 if name == "bfloat16" else 1e-3):
            return name, engine
        say(
            f"the fast {name} form differs from the plain network by {off:.2g} of its spread on "
            f"{device} (torch {torch.__version__}); the next form is taken.",
            tell,
        )
    return "plain", plain


def _disagreement(engine: _Engine, plain: _Engine, device: torch.device) -> float:
    """RMS difference of two engines on a small block, as a share of the output's spread."""
    # Sides of 32: with 16 the deepest level is one voxel wide, where some CPUs get bfloat16 wrong.
    block = torch.randn(1, 2, 32, 32, 32, generator=torch.Generator().manual_seed(0)).to(device)
    with torch.inference_mode():
        expected, got = plain(block).float(), engine(block).float()
    spread = expected.std().clamp_min(1e-12)
    return float(F.mse_loss(got, expected).sqrt() / spread)


__all__ = [
    "Precision",
    "Reconstructor",
    "choose_device",
    "fast_form",
    "has_bfloat16",
    "transposed_form",
]
