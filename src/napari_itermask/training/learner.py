"""What one step does: repaint, compare, step, average the weights; on any device, by Fabric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_itermask.method.network import UNet3D
from napari_itermask.training.batches import Batch
from napari_itermask.training.settings import TrainSettings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LARGEST_GRADIENT = 1.0


class FixedSlope(nn.Module):
    """PReLU with the slope it starts from: its backward pass is a fifth of a step on a CPU."""

    def __init__(self, slope: float = 0.25) -> None:
        super().__init__()
        self.register_buffer("weight", torch.full((1,), slope))
        self.slope = slope
        self.register_load_state_dict_post_hook(_take_slope)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        """Leaky ReLU."""
        return F.leaky_relu(x, self.slope)


class Learner:
    """The network that learns, the average of its weights, and the optimiser.

    Attributes
    ----------
    network, averaged
        Plain modules on the device, channels last; ``averaged`` is what becomes the model.
    """

    def __init__(
        self, fabric: Fabric, settings: TrainSettings, start: dict[str, Tensor] | None = None
    ) -> None:
        torch.manual_seed(settings.seed)
        self.fabric, self.settings = fabric, settings
        self.network = trainable(settings.channels).train()
        if start is not None:
            self.network.load_state_dict(start)
        self.averaged = trainable(settings.channels).requires_grad_(False)
        self.averaged.load_state_dict(self.network.state_dict())
        self.averaged.to(fabric.device)
        plain = torch.optim.Adam(self.network.parameters(), lr=settings.rate)
        # Fabric moves the network to the device in place; what it returns adds precision and DDP.
        self._wrapped, self.optimiser = fabric.setup(self.network, plain)

    def step(self, batch: Batch, step: int, share: float) -> tuple[Tensor, bool]:
        """Learn from one batch; the loss, and whether the weights were changed.

        bfloat16 kernels of some CPUs now and then give an infinite gradient where the deepest level
        is two voxels wide: such a step is left out.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate_at(share, step)
        inputs, target, weight = self.to_device(batch)
        loss = repaint_loss(self._wrapped(inputs), target, weight, self.settings.smooth_loss)
        self.optimiser.zero_grad()
        self.fabric.backward(loss)
        size = self.fabric.clip_gradients(
            self._wrapped, self.optimiser, max_norm=LARGEST_GRADIENT, error_if_nonfinite=False
        )
        taken = bool(torch.isfinite(torch.as_tensor(size)))
        if taken:
            self.optimiser.step()
        # Early weights are soon forgotten: the average is short at first.
        keep = min(self.settings.average, (step + 1) / (step + 20))
        with torch.no_grad():
            pairs = zip(self.averaged.parameters(), self.network.parameters(), strict=True)
            for mean, new in pairs:
                mean.lerp_(new, 1 - keep)
        return loss.detach(), taken

    def to_device(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The batch where the network is, its inputs channels last."""
        device = self.fabric.device
        inputs, target, weight = (t.to(device, non_blocking=True) for t in batch)
        return inputs.contiguous(memory_format=torch.channels_last_3d), target, weight

    def settle(self, batches: Iterable[Batch]) -> None:
        """Measure the norms' statistics anew for the averaged weights."""
        with self.fabric.autocast():
            settle_statistics(self.averaged, (self.to_device(b)[0] for b in batches))

    def state(self) -> dict[str, Any]:
        """What a resumed training needs, all tensors and plain numbers."""
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])


def _take_slope(module: nn.Module, _: Any) -> None:
    """A checkpoint's slopes need not be the ones a training starts from."""
    assert isinstance(module, FixedSlope)
    weight: Any = module.weight
    module.slope = float(weight[0])


def trainable(channels: Sequence[int]) -> UNet3D:
    """A fresh network without dropout, with fixed slopes; its state dict keeps the names."""
    network = UNet3D(channels, dropout=0.0)
    for module in network.modules():
        if isinstance(getattr(module, "A", None), nn.PReLU):
            module.A = FixedSlope()
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return network


def inference_network(trained: UNet3D) -> UNet3D:
    """The plain network of the method with the weights of a trained one, on the CPU."""
    network = UNet3D(trained.channels)
    network.load_state_dict(trained.state_dict())
    return network.eval().requires_grad_(False)


def repaint_loss(out: Tensor, target: Tensor, weight: Tensor, smooth: float) -> Tensor:
    """Weighted mean squared error, plus ``smooth`` times that of the difference averaged over 3^3.

    The second term asks for what the score reads: the error at the scale of a lesion.
    """
    brain = weight > 0.1
    difference = out.float() - target
    inside = difference * brain
    blurred = F.avg_pool3d(inside, 3, 1, padding=1)
    loss: Tensor = (weight * (difference**2 + smooth * blurred**2)).sum() / weight.sum()
    return loss


def settle_statistics(network: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Measure the batch-norm statistics of ``network`` anew: a plain mean over ``inputs``."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm3d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over what follows
    network.train()
    with torch.no_grad():
        for x in inputs:
            network(x)
    network.eval()
    for norm in norms:
        norm.momentum = 0.1
