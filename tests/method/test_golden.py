"""The numbers of the published method, recorded from its authors' code, are ours to the voxel."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool3d

from napari_itermask.method import RefineSettings, high_frequency, refine
from napari_itermask.method.network import UNet3D, network_from_state
from napari_itermask.method.reconstruct import Reconstructor, fast_form

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = ["smooth", "noisy", "noisy_best", "heavy", "heavy_limit2", "heavy_gamma"]


def golden_network() -> UNet3D:
    """The network whose weights the golden rule gives (golden/README.md)."""
    names = json.loads((GOLDEN / "network_keys.json").read_text())
    shapes = {name: tuple(shape) for name, shape in names}
    state = {}
    for i, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        r = np.random.default_rng(i).standard_normal(shape)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
            continue
        if name.endswith("running_var"):
            value = 1 + 0.1 * np.abs(r)
        elif name.endswith("adn.A.weight"):
            value = 0.25 + 0.05 * r
        elif name.endswith("adn.N.weight"):
            value = 1 + 0.1 * r
        elif name.endswith("conv.weight"):
            value = r / np.sqrt(np.prod(shape[1:]))
        else:
            value = 0.1 * r
        state[name] = torch.from_numpy(np.asarray(value, np.float32))
    return network_from_state(state)


@pytest.fixture(scope="module")
def network() -> UNet3D:
    return golden_network()


def test_the_network_has_the_names_of_the_authors_checkpoints_in_their_order():
    names = json.loads((GOLDEN / "network_keys.json").read_text())
    ours = UNet3D().state_dict()
    assert [(n, tuple(s)) for n, s in names] == [(n, tuple(t.shape)) for n, t in ours.items()]
    assert sum(p.numel() for p in UNet3D().parameters()) == 8_902_626


@pytest.mark.parametrize(
    ("key", "shape"), [("cube32_out", (32,) * 3), ("box48x32x64_out", (48, 32, 64))]
)
@pytest.mark.parametrize("form", ["plain", "fast"])
def test_the_network_reproduces_the_golden_output(network, key, shape, form):
    x = np.random.default_rng(77).standard_normal((1, 2, *shape)).astype(np.float32)
    run = network if form == "plain" else fast_form(network)
    with torch.inference_mode():
        out = run(torch.from_numpy(x)).numpy()
    expected = np.load(GOLDEN / "network.npz")[key]
    assert np.abs(out - expected).max() < 1e-4


@pytest.mark.parametrize("precision", ["plain", "float32"])
def test_a_reconstructor_is_that_network(network, precision):
    x = np.random.default_rng(77).standard_normal((1, 2, 32, 32, 32)).astype(np.float32)
    out = Reconstructor(network, "cpu", precision)(x[0, 0], x[0, 1])
    assert np.abs(out - np.load(GOLDEN / "network.npz")["cube32_out"][0, 0]).max() < 1e-4


@pytest.fixture(params=CASES, scope="module")
def case(request):
    """One golden case, run: its recorded values and the Steps that our loop gave."""
    with np.load(GOLDEN / "refinement.npz") as file:
        want = {k.split("/")[1]: file[k] for k in file.files if k.startswith(request.param + "/")}
    told = json.loads(str(want["settings"]))
    first_seed = int(told["noise_seed"].split("(")[1].split("+")[0])
    shape = want["image"].shape

    def reconstruct(masked, guide):
        pooled = avg_pool3d(
            torch.from_numpy(masked)[None, None], 5, stride=1, padding=2, count_include_pad=False
        )
        return pooled[0, 0].numpy() + np.float32(told["alpha"]) * guide

    def noise(k):
        seed = first_seed + int(want["iteration"][k])
        return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)

    settings = RefineSettings(
        gamma=told["gamma"], y_limit=told["y_limit"], start_mask=told["start"]
    )
    steps = list(refine(want["image"], want["brain"], want["guide"], reconstruct, settings, noise))
    return want, steps, settings


@pytest.mark.filterwarnings(
    "ignore:the curve's slope never exceeds", "ignore:the tangent's fit was"
)
class TestRefinement:
    def test_the_curve_and_the_choice_on_it(self, case):
        want, steps, settings = case
        curve = steps[-1].search.curve
        np.testing.assert_allclose(curve.thresholds, want["thresholds"], rtol=1e-4)
        fit = curve.fit(settings.y_limit)
        a, b, points = want["fit"]
        assert fit.points == points
        np.testing.assert_allclose([fit.a, fit.b], np.array([a, b]) * np.sign(a * fit.a), rtol=1e-3)
        assert fit.r2 == pytest.approx(float(want["r2"]), rel=1e-3)
        np.testing.assert_allclose(fit.derivative, want["derivative"], rtol=1e-3, atol=1e-6)
        choice = curve.choose(settings.gamma, settings.y_limit)
        assert choice.index == want["stop_index"]
        assert choice.threshold == pytest.approx(float(want["threshold"]), rel=1e-4)

    def test_every_mask_has_its_size_and_the_last_its_place(self, case):
        want, steps, _ = case
        assert len(steps) == len(want["iteration"]) - 1
        # Recorded are the masks set: the brain, each search mask but the last, the start, the rest.
        masks = [s.masked for s in steps] + [steps[-1].mask]
        sizes = np.array([np.count_nonzero(m) for m in masks])
        np.testing.assert_allclose(sizes, want["mask_voxels"], rtol=1e-3, atol=1)
        final = np.unpackbits(want["final_mask"], count=want["brain"].size)
        agree = steps[-1].mask == final.reshape(want["brain"].shape).astype(bool)
        assert agree[want["brain"]].mean() >= 0.999

    def test_the_last_repaint_is_the_recorded_one(self, case):
        want, steps, _ = case
        difference = np.abs(steps[-1].reconstruction - want["reconstruction"])
        assert np.quantile(difference, 0.999) < 1e-3

    def test_the_guide(self, case):
        want, _, _ = case
        radius = json.loads(str(want["settings"]))["hf_radius"]
        # With this spacing a frequency in cycles/mm is the recorded index unit.
        guide = high_frequency(want["image"], radius, [1 / n for n in want["image"].shape])
        np.testing.assert_allclose(guide, want["guide"], atol=2e-5)
