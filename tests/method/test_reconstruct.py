"""One pass on a device: every form of the network is the same function."""

import numpy as np
import pytest
import torch

from napari_itermask.method.network import UNet3D, network_from_state
from napari_itermask.method.reconstruct import (
    Reconstructor,
    choose_device,
    fast_form,
    transposed_form,
)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    net = UNet3D((4, 4, 6, 8, 8), dropout=0.2)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.normal_(module.running_mean)
    return net.eval()


@pytest.fixture(scope="module")
def block():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 32, 48, 32)).astype(np.float32)


def test_upsampling_then_convolution_is_one_transposed_convolution():
    conv = torch.nn.Conv3d(3, 5, 3, padding=1)
    x = torch.randn(1, 3, 4, 5, 6)
    with torch.no_grad():
        expected = conv(torch.nn.functional.interpolate(x, scale_factor=2))
        torch.testing.assert_close(transposed_form(conv)(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("precision", "off"), [("plain", 1e-6), ("float32", 1e-4), ("bfloat16", 0.05)]
)
def test_every_precision_is_the_same_function(network, block, precision, off):
    with torch.no_grad():
        expected = network(torch.from_numpy(block)[None])[0, 0].numpy()
    out = Reconstructor(network, "cpu", precision)(block[0], block[1])
    assert out.dtype == np.float32
    assert np.sqrt(np.mean((out - expected) ** 2)) < off * expected.std()


def test_the_network_that_was_given_is_not_changed(network):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    fast_form(network, torch.bfloat16)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_the_same_input_gives_the_same_output_bit_for_bit(network, block):
    repaint = Reconstructor(network, "cpu")
    np.testing.assert_array_equal(repaint(block[0], block[1]), repaint(block[0], block[1]))
    np.testing.assert_array_equal(
        repaint(block[0], block[1]), Reconstructor(network, "cpu")(block[0], block[1])
    )


def test_another_guide_is_not_mistaken_for_the_last(network, block):
    repaint = Reconstructor(network, "cpu", "plain")
    first = repaint(block[0], block[1])
    assert not np.allclose(first, repaint(block[0], block[1] + 1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda net: Reconstructor(net, "cpu", "float8"), "no precision 'float8'"),
        (lambda net: Reconstructor(net, "warp"), "device 'warp' cannot be used here"),
        (
            lambda net: Reconstructor(net, "cpu")(*np.zeros((2, 20, 32, 32), np.float32)),
            "multiples of 16",
        ),
    ],
)
def test_what_cannot_be_done_is_said(network, make, words):
    with pytest.raises(ValueError, match=words):
        make(network)


def test_auto_takes_a_device_that_is_there():
    assert choose_device("auto").type in ("cpu", "cuda", "mps")


def test_a_width_is_read_from_the_weights(network):
    assert network_from_state(network.state_dict()).channels == (4, 4, 6, 8, 8)


def test_other_weights_are_refused_in_words(network):
    state = dict(network.state_dict())
    with pytest.raises(ValueError, match="no tensor named"):
        network_from_state({"layer.weight": torch.zeros(1)})
    state["up_stage_4.2.conv.bias"] = torch.zeros(7)
    with pytest.raises(ValueError, match=r"1 tensors differ.*up_stage_4\.2\.conv\.bias"):
        network_from_state(state)
