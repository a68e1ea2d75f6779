"""A model survives the way through a zip; what is in a zip can do no harm."""

import json
import zipfile

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from napari_itermask.cli import app
from napari_itermask.method.network import UNet3D
from napari_itermask.models import ModelCard, ModelError, load_model, save_model
from napari_itermask.models.golden import GOLDEN, check_golden
from napari_itermask.models.store import user_folder
from napari_itermask.models.transfer import add_model, export_model, import_model


def shell(*words):
    return CliRunner().invoke(app, ["models", *(str(w) for w in words)])


@pytest.fixture
def state():
    torch.manual_seed(1)
    return UNet3D((2, 2, 2, 2, 2)).state_dict()


@pytest.fixture
def packed(small_model, tmp_path):
    return export_model(small_model, tmp_path / "small.zip")


def repacked(packed, target, more=(), without=()):
    """A copy of a zip with members added or left out."""
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            if not name.endswith(tuple(without) or ("\0",)):
                out.writestr(name, source.read(name))
        for info, data in more:
            out.writestr(info, data)
    return target


def test_exported_and_imported_it_is_the_same_model(small_model, tmp_path):
    (small_model.weights.parent / "training.json").write_text("{}")  # names of scans: stays here
    done = shell("export", small_model.weights.parent, tmp_path / "small.zip")
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(tmp_path / "small.zip") as out:
        kinds = {name.split("/")[1] for name in out.namelist()}
    assert kinds == {"card.json", "README.md", "model.safetensors", GOLDEN}
    (small_model.weights.parent / "training.json").unlink()
    done = shell("import", tmp_path / "small.zip")
    assert done.exit_code == 0, done.output
    again = load_model("small")
    assert again.weights.parent == user_folder() / "small"
    assert again.card == small_model.card
    assert again.sha256 == small_model.sha256
    with pytest.raises(ModelError, match=r"there is a model 'small' already"):
        import_model(tmp_path / "small.zip")
    import_model(tmp_path / "small.zip", overwrite=True)


LINK = zipfile.ZipInfo("small/README.md")
LINK.external_attr = 0o120777 << 16


@pytest.mark.parametrize(
    ("more", "without", "words"),
    [
        ([("../../evil.py", "x")], (), r"holds '../../evil.py', which is no part of a model"),
        ([("../card.json", "{}")], (), "which is no part of a model"),
        ([("/card.json", "{}")], (), "which is no part of a model"),
        ([("a/b/card.json", "{}")], (), "which is no part of a model"),
        ([("small/sitecustomize.py", "x")], (), "which is no part of a model"),
        ([("small/model.pth", "x")], (), "which is no part of a model"),
        ([("other/card.json", "{}")], (), r"holds card\.json twice"),
        ([(LINK, "/etc/passwd")], ("README.md",), "holds a link"),
        ([("small/README.md", "x" * 3_000_000)], ("README.md",), "of more than 2 MB"),
        ([], ("card.json",), r"holds no card\.json"),
        ([], ("model.safetensors",), r"holds a card but no model\.safetensors"),
    ],
)
def test_a_zip_with_anything_else_in_it_is_refused_whole(packed, tmp_path, more, without, words):
    evil = repacked(packed, tmp_path / "evil.zip", more, without)
    with pytest.raises(ModelError, match=words):
        import_model(evil)
    assert not list(user_folder().iterdir())
    assert not list(tmp_path.parent.glob("evil.py"))


def test_names_that_are_no_folder_and_weights_that_were_changed_are_refused(
    packed, small_model, state, tmp_path
):
    card = json.loads((small_model.weights.parent / "card.json").read_text())
    named = json.dumps({**card, "name": "../../home"})
    evil = repacked(packed, tmp_path / "a.zip", [("small/card.json", named)], ["card.json"])
    with pytest.raises(ModelError, match="is no name for a model"):
        import_model(evil)
    save_model(tmp_path / "other", small_model.card, state)
    weights = (tmp_path / "other" / "model.safetensors").read_bytes()
    swapped = [("small/model.safetensors", weights)]
    with pytest.raises(ModelError, match="does not compute what was recorded"):
        import_model(repacked(packed, tmp_path / "b.zip", swapped, ["model.safetensors"]))
    (tmp_path / "c.zip").write_bytes(packed.read_bytes()[:1000])
    with pytest.raises(ModelError, match="is not a zip that can be read"):
        import_model(tmp_path / "c.zip")
    assert not list(user_folder().iterdir())


def test_a_checkpoint_becomes_a_model_with_a_card(state, tmp_path):
    torch.save(state, tmp_path / "net_Epoch_9.pth")
    words = ("--modality", "FLAIR", "--normalise", "minmax90", "--name", "mine")
    done = shell("add", tmp_path / "net_Epoch_9.pth", *words)
    assert done.exit_code == 0, done.output
    model = load_model("mine")
    assert (model.card.modality, model.card.normalisation) == ("flair", "minmax90")
    assert model.card.grid.shape == (192, 192, 192)
    for name, tensor in model.network.state_dict().items():
        torch.testing.assert_close(tensor, state[name])  # not halved
    with pytest.raises(ModelError, match="is no name for a model"):
        add_model(tmp_path / "net_Epoch_9.pth", "flair", "zscore", "a/b")


@pytest.mark.parametrize("precision", ["plain", "float32"])
def test_the_golden_block_tells_a_changed_network(state, tmp_path, precision):
    card = ModelCard(name="m", modality="t1", normalisation="zscore")
    save_model(tmp_path / "m", card, state)
    found = check_golden(load_model(tmp_path / "m"), "cpu", precision)
    assert found is not None
    assert found.passed
    other = load_model(tmp_path / "m")
    with torch.no_grad():
        other.network.conv_1.conv.unit0.conv.weight.mul_(1.02)
    found = check_golden(other, "cpu", precision)
    assert found is not None
    assert not found.passed


def test_check_says_what_was_looked_at_and_fails_a_model_that_repaints_nothing(small_model):
    done = shell("check", small_model.weights.parent, "--device", "cpu")
    assert done.exit_code == 1
    words = [line.split()[0] for line in done.stdout.splitlines()]
    assert words == ["ok", "ok", "FAILED"]  # it learnt nothing, so healthy tissue fails
    facts = json.loads(shell("check", "flair-2mm", "--json").stdout)
    assert {f["name"]: f["passed"] for f in facts}["healthy tissue"]
    assert np.all([f["passed"] in (True, None) for f in facts])


def test_models_lists_shows_and_takes_a_bare_name(small_model):
    assert "flair-2mm" in shell().stdout
    assert shell("list").stdout == shell().stdout
    assert json.loads(shell("--json").stdout) == json.loads(shell("list", "--json").stdout)
    assert shell("flair-2mm").stdout == shell("show", "flair-2mm").stdout
    done = shell("show", "nowhere")
    assert done.exit_code == 2
    assert "there is no model 'nowhere'" in done.stderr
