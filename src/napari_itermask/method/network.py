"""What repaints the masked brain: the 3D U-Net, under the names of its authors' checkpoints.

Liang et al., Medical Image Analysis 107 (2026) 103763, section 3 and the published code's layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PUBLISHED_CHANNELS = (16, 32, 64, 128, 256)
"""Channels of the five encoder stages in the published network."""


class UNet3D(nn.Module):
    """3D U-Net: four stride-2 residual stages, one at stride 1, four up stages.

    Parameters
    ----------
    channels
        Channels of the five encoder stages, each even; published: (16, 32, 64, 128, 256).
    dropout
        Share of elements dropped after each normalisation while training; published: 0.2.

    Notes
    -----
    Input ``(N, 2, X, Y, Z)`` float32: the masked image and its high-frequency guide. Output
    ``(N, 1, X, Y, Z)``. Every side is a multiple of 16.
    """

    def __init__(self, channels: Sequence[int] = PUBLISHED_CHANNELS, dropout: float = 0.2) -> None:
        super().__init__()
        if len(channels) != 5:
            raise ValueError(f"UNet3D takes the channels of five stages, got {tuple(channels)}.")
        one, two, three, four, five = channels
        self.channels = tuple(int(c) for c in channels)
        self.conv_1 = ResidualStage(2, one, 2, dropout)
        self.conv_2 = ResidualStage(one, two, 2, dropout)
        self.conv_3 = ResidualStage(two, three, 2, dropout)
        self.conv_4 = ResidualStage(three, four, 2, dropout)
        self.conv_5 = ResidualStage(four, five, 1, dropout)
        self.up_stage_1 = up_stage(five + four, four // 2, dropout)
        self.up_stage_2 = up_stage(four // 2 + three, three // 2, dropout)
        self.up_stage_3 = up_stage(three // 2 + two, two // 2, dropout)
        self.up_stage_4 = up_stage(two // 2 + one, 1, dropout, last=True)

    def forward(self, x: Tensor) -> Tensor:
        """Repaint ``x`` ``(N, 2, X, Y, Z)`` as ``(N, 1, X, Y, Z)``."""
        one = self.conv_1(x)
        two = self.conv_2(one)
        three = self.conv_3(two)
        four = self.conv_4(three)
        five = self.conv_5(four)
        up = self.up_stage_1(torch.cat([five, four], 1))
        up = self.up_stage_2(torch.cat([up, three], 1))
        up = self.up_stage_3(torch.cat([up, two], 1))
        out: Tensor = self.up_stage_4(torch.cat([up, one], 1))
        return out


class ResidualStage(nn.Module):
    """Two convolutions; the pooled input is added to the first channels, without projection."""

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Sequential()
        self.conv.add_module("unit0", Convolution(inputs, outputs, stride, dropout))
        self.conv.add_module("unit1", Convolution(outputs, outputs, 1, dropout))
        self.inputs = inputs
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, X, Y, Z)`` to ``(N, outputs, ...)``, sides divided by the stride."""
        out = self.conv(x)
        # The CPU has no bfloat16 kernel for this pool; float32 costs next to nothing here.
        kernel = 3 if self.stride == 2 else 1
        residual = F.avg_pool3d(x.float(), kernel, self.stride, padding=kernel // 2)
        skip = F.pad(residual.to(out.dtype), (0, 0, 0, 0, 0, 0, 0, out.shape[1] - self.inputs))
        summed: Tensor = out + skip
        return summed


class Convolution(nn.Module):
    """A 3x3x3 convolution followed, unless it is the last, by norm, dropout and PReLU."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, dropout: float, last: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 3, stride, padding=1)
        self.adn: nn.Module | None = None
        if not last:
            self.adn = nn.Sequential()
            self.adn.add_module("N", nn.BatchNorm3d(outputs))
            self.adn.add_module("D", nn.Dropout(dropout))
            self.adn.add_module("A", nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, X, Y, Z)`` to ``(N, outputs, ...)``."""
        out: Tensor = self.conv(x)
        return out if self.adn is None else self.adn(out)


def up_stage(inputs: int, outputs: int, dropout: float, last: bool = False) -> nn.Sequential:
    """Nearest upsampling by 2, then two convolutions."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        Convolution(inputs, inputs, 1, dropout),
        Convolution(inputs, outputs, 1, dropout, last),
    )


def network_from_state(state: Mapping[str, Tensor]) -> UNet3D:
    """Build the network whose weights ``state`` holds, of whatever width, in eval mode.

    Raises
    ------
    ValueError
        If the names or shapes in ``state`` are not those of this network.
    """
    try:
        channels = [state[f"conv_{i}.conv.unit1.conv.weight"].shape[0] for i in range(1, 6)]
    except KeyError as missing:
        raise ValueError(
            f"these are not weights of an IterMask3D network: there is no tensor named {missing}."
        ) from None
    with torch.device("meta"):
        network = UNet3D(channels)
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    wrong = sorted(expected.keys() ^ state.keys()) or sorted(
        name for name, shape in expected.items() if state[name].shape != shape
    )
    if wrong:
        raise ValueError(
            "these are not weights of an IterMask3D network: "
            f"{len(wrong)} tensors differ in name or shape, the first is {wrong[0]!r}."
        )
    network.load_state_dict(dict(state), assign=True)
    return network.eval().requires_grad_(False)
