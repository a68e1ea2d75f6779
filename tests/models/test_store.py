"""Models open by name, folder or checkpoint, run no code, and say what is wrong with them."""

import json
import pickle

import pytest
import torch

import napari_itermask as itm
from napari_itermask.method.network import UNet3D
from napari_itermask.models import ModelCard, list_models, load_model, save_model
from napari_itermask.models.store import EMBEDDED, user_folder


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return UNet3D((2, 2, 2, 2, 2)).state_dict()


def test_the_embedded_model_comes_with_the_install():
    model = load_model("flair-2mm")
    assert model.weights.parent.parent == EMBEDDED
    assert model.card.modality == "flair"
    assert model.weights.stat().st_size < 20e6
    assert sum(p.numel() for p in model.network.parameters()) > 1e6
    assert "flair-2mm" in [card.name for card in list_models()]


def test_the_embedded_readme_is_the_one_that_the_card_makes():
    for folder in EMBEDDED.iterdir():
        card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
        assert (folder / "README.md").read_text(encoding="utf-8") == card.readme()
        assert card.measured
        assert card.measured_by


def test_a_users_model_is_found_by_name_before_an_embedded_one(state):
    card = ModelCard(name="flair-2mm", modality="flair", normalisation="zscore", summary="mine")
    save_model(user_folder() / "flair-2mm", card, state)
    assert load_model("flair-2mm").card.summary == "mine"
    assert [c.summary for c in list_models() if c.name == "flair-2mm"] == ["mine"]


def test_weights_survive_the_folder_in_half_precision(state, tmp_path):
    save_model(tmp_path / "m", ModelCard(name="m", modality="t1", normalisation="zscore"), state)
    network = load_model(tmp_path / "m").network
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, state[name], atol=1e-3, rtol=1e-3)
        assert tensor.dtype == state[name].dtype


@pytest.mark.parametrize("form", ["net_Epoch_7.pth", "net_checkpoint_Epoch_7.pt"])
def test_checkpoints_of_the_authors_code_open_as_they_are(state, tmp_path, form):
    whole = {"epoch": 7, "model_state_dict": state, "optimizer_state_dict": {}, "loss": 0.1}
    torch.save(state if form.endswith("pth") else whole, tmp_path / form)
    model = load_model(tmp_path / form, modality="flair", normalisation="minmax90")
    assert model.card.grid.shape == (192, 192, 192)
    assert model.card.cutoff == 15 / 192
    assert model.card.settings == itm.RefineSettings()
    assert model.network.channels == (2, 2, 2, 2, 2)


def test_what_a_checkpoint_does_not_say_is_asked_for(state, tmp_path):
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(itm.ModelError, match=r"does not say its modality and normalisation: give"):
        load_model(tmp_path / "net.pth")


def test_one_broken_card_does_not_hide_the_other_models():
    (user_folder() / "broken").mkdir(parents=True)
    (user_folder() / "broken" / "card.json").write_text("{}")
    with pytest.warns(UserWarning, match=r"broken.*is not a valid model card"):
        assert "flair-2mm" in [card.name for card in list_models()]


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("writer", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_a_checkpoint_never_runs_code(tmp_path, writer):
    writer({"conv": Payload(tmp_path / "pwned")}, tmp_path / "net.pth")
    with pytest.raises(itm.ModelError):
        load_model(tmp_path / "net.pth", modality="flair", normalisation="zscore")
    assert not (tmp_path / "pwned").exists()


def test_what_is_no_model_is_refused_in_words(tmp_path, state):
    ask = {"modality": "flair", "normalisation": "zscore"}
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "junk.pth").write_text("hello")
    (tmp_path / "junk.safetensors").write_text("hello")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    for name, words in {
        "notes.txt": "is not a model: give",
        "junk.pth": "was not opened|cannot be read|not a checkpoint",
        "junk.safetensors": "not a readable safetensors file",
        "other.pth": "not weights of an IterMask3D network",
        ".": "holds no card.json",
        "nowhere": "there is no model",
    }.items():
        with pytest.raises(itm.ModelError, match=words):
            load_model(tmp_path / name, **ask)
    save_model(tmp_path / "m", ModelCard(name="m", **ask), state)
    card = json.loads((tmp_path / "m" / "card.json").read_text())
    (tmp_path / "m" / "card.json").write_text(json.dumps({**card, "cutoff": -1}))
    with pytest.raises(itm.ModelError, match=r"card\.json is not a valid model card: cutoff"):
        load_model(tmp_path / "m")


def test_the_readme_is_a_hugging_face_card():
    readme = ModelCard(
        name="m",
        modality="t2",
        normalisation="zscore",
        licence="mit",
        limits=("It knows nothing.",),
    ).readme()
    front, body = readme.split("---\n")[1:3]
    assert "license: mit" in front
    assert "- It knows nothing." in body
    assert "research only" in body
