"""Where models are found and how they open: embedded, in the user's folder, or at a path.

A model is a folder with ``card.json``, ``model.safetensors`` and the README.md made from the card.
A checkpoint of the authors' code (.pth, .pt) opens too; what it does not say is asked for.
"""

from __future__ import annotations

import json
import os
import pickle
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_itermask.models.card import ModelCard, first_problem
from napari_itermask.models.golden import write_golden
from napari_itermask.notes import Tell
from napari_itermask.scans.files import sha256, write_whole

if TYPE_CHECKING:
    from napari_itermask.method.network import UNet3D
    from napari_itermask.method.reconstruct import Precision, Reconstructor

CARD = "card.json"
WEIGHTS = "model.safetensors"
EMBEDDED = Path(__file__).parent / "embedded"
_MORE: list[Path] = []


class ModelError(ValueError):
    """A model that cannot be opened; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Model:
    """A card and the weights it describes.

    Attributes
    ----------
    card
        What the weights do not say.
    weights
        The file they are read from, on first use of :attr:`network`.
    """

    card: ModelCard
    weights: Path

    @cached_property
    def network(self) -> UNet3D:
        """The plain network, in eval mode."""
        from napari_itermask.method.network import network_from_state

        try:
            return network_from_state(read_weights(self.weights))
        except ModelError:
            raise
        except ValueError as error:
            raise ModelError(
                f"{self.weights} cannot be used ({str(error).rstrip('.')}): give the weights of an "
                "IterMask3D network."
            ) from None

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the weights' file."""
        return sha256(self.weights)

    def reconstructor(
        self, device: str = "auto", precision: Precision = "auto", tell: Tell | None = None
    ) -> Reconstructor:
        """The network on a device, ready to repaint; the same one each time it is asked for.

        ``tell`` is called with what a person should know; None: a UserWarning.
        """
        from napari_itermask.method.reconstruct import Reconstructor, choose_device

        key = (str(choose_device(device)), precision)
        if key not in self._reconstructors:
            made = Reconstructor(self.network, device, precision, tell)
            self._reconstructors[key] = made
            self._reconstructors.setdefault((key[0], made.precision), made)  # what "auto" chose
        return self._reconstructors[key]

    @cached_property
    def _reconstructors(self) -> dict[tuple[str, str], Reconstructor]:
        return {}


def user_folder() -> Path:
    """Where the user's models lie: ``$NAPARI_ITERMASK_HOME/models``, else the data folder."""
    home = os.environ.get("NAPARI_ITERMASK_HOME")
    if home:
        return Path(home) / "models"
    import platformdirs

    return platformdirs.user_data_path("napari-itermask", appauthor=False) / "models"


def look_also_in(folder: Path | None) -> None:
    """Look for models in one more folder, before all others; None: no longer."""
    _MORE[:] = [folder] if folder is not None else []


def list_models() -> list[ModelCard]:
    """The cards of all models that can be opened by name, the user's own first."""
    cards: dict[str, ModelCard] = {}
    for folder in _folders():
        try:
            card = read_card(folder)
        except ModelError as error:  # one broken card must not hide the others
            warnings.warn(str(error), stacklevel=2)
            continue
        cards.setdefault(card.name, card)
    return list(cards.values())


def load_model(
    name: str | os.PathLike[str],
    *,
    modality: str | None = None,
    normalisation: str | None = None,
    **more: Any,
) -> Model:
    """Open a model.

    Parameters
    ----------
    name
        The name of an embedded model or of one in the user's folder, a model's folder, or a
        checkpoint of the authors' code (``*.pth`` with a bare state dict, ``*.pt`` with
        ``model_state_dict``) or a ``.safetensors`` file with the same tensors.
    modality, normalisation
        What a checkpoint does not say: "flair", "t1", ...; "minmax90", "zscore", ...
    more
        Other fields of the card for a checkpoint (``grid``, ``cutoff``, ``settings``), by default
        the published ones.

    Raises
    ------
    ModelError
        If there is no such model, or what is there is none.
    """
    path = Path(name)
    if path.is_file():
        return _from_checkpoint(path, modality, normalisation, more)
    if path.is_dir():
        return _from_folder(path)
    for folder in _folders():
        if folder.name == str(name):
            return _from_folder(folder)
    known = ", ".join(card.name for card in list_models()) or "none"
    raise ModelError(
        f"there is no model {str(name)!r}: it is neither a file nor a folder, and the models known "
        f"by name are: {known}."
    )


def read_card(folder: Path) -> ModelCard:
    """Read and check a model folder's card."""
    path = folder / CARD
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(
            f"{folder} is not a model, it holds no {CARD}: give a folder with {CARD} and {WEIGHTS}."
        ) from None
    except ValidationError as error:
        raise ModelError(
            f"{path} is not a valid model card: {first_problem(error)}; correct it, or copy it "
            "again."
        ) from None


def read_weights(path: Path) -> dict[str, Any]:
    """Read a state dict from safetensors or from a checkpoint, as float32; no code is ever run."""
    import torch

    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            state: Any = load_file(path)
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"{path} is not a readable safetensors file ({_reason(error)}): copy or download "
                "it again."
            ) from None
    else:
        state = _read_checkpoint(path)
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ModelError(
            f"{path} holds no state dict of tensors: give the weights of an IterMask3D network."
        )
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def save_model(folder: Path, card: ModelCard, state: dict[str, Any], half: bool = True) -> None:
    """Write a model folder: weights (float16 if ``half``), card, README; each file whole.

    What the network makes of a fixed block is recorded beside them, to be checked elsewhere.
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    dtype = torch.float16 if half else torch.float32
    tensors = {
        k: v.detach().cpu().to(dtype if v.is_floating_point() else v.dtype).contiguous()
        for k, v in state.items()
    }
    write_whole(folder / WEIGHTS, lambda part: save_file(tensors, part))
    write_card(folder, card)
    write_golden(folder, Model(card, folder / WEIGHTS).network)


def write_card(folder: Path, card: ModelCard) -> None:
    """Write ``card.json`` and the README.md that is made from it."""
    text = json.dumps(card.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / CARD, lambda part: part.write_text(text, encoding="utf-8"))
    write_whole(folder / "README.md", lambda part: part.write_text(card.readme(), encoding="utf-8"))


def _folders() -> list[Path]:
    homes = [home for home in (*_MORE, user_folder(), EMBEDDED) if home.is_dir()]
    return [f for home in homes for f in sorted(home.iterdir()) if (f / CARD).is_file()]


def _from_folder(folder: Path) -> Model:
    card = read_card(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(
            f"{folder} is not a model, it holds a card but no {WEIGHTS}: give a folder with both."
        )
    return Model(card, weights)


def _from_checkpoint(
    path: Path, modality: str | None, normalisation: str | None, more: dict[str, Any]
) -> Model:
    if path.suffix not in (".pth", ".pt", ".safetensors"):
        raise ModelError(
            f"{path} is not a model: give a model's name, its folder, or a .pth, .pt or "
            ".safetensors file."
        )
    asked = {"modality": modality, "normalisation": normalisation}
    missing = [k for k, v in asked.items() if v is None]
    if missing:
        raise ModelError(
            f"{path} is a bare checkpoint, which does not say its {' and '.join(missing)}: give "
            + ", ".join(f"{k}=..." for k in missing)
            + ' (shell: --modality flair --normalise minmax90; "minmax90" and "zscore" are the '
            "usual ones)."
        )
    model = Model(ModelCard(name=path.stem, **asked, **more), path)
    _ = model.network  # what is no model is refused now, not in the middle of a run
    return model


def _read_checkpoint(path: Path) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle's protocol, just before it is refused
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        if not _is_pickle(path):
            raise ModelError(
                f"{path} is not a checkpoint that can be read: copy or download it again."
            ) from None
        raise ModelError(
            f"{path} holds more than tensors (pickled code), so it was not opened: ask its author "
            "for a state dict or a safetensors file."
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{path} is not a checkpoint that can be read ({_reason(error)}): copy or download it "
            "again."
        ) from None
    # <name>_checkpoint_Epoch_<n>.pt of the authors' code wraps the weights with the optimiser.
    if isinstance(state, dict) and "model_state_dict" in state:
        return state["model_state_dict"]
    return state


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) in (b"PK", *(bytes([0x80, protocol]) for protocol in range(2, 6)))


def _reason(error: BaseException) -> str:
    """The first sentence of an error, ready to stand inside another; a bare key tells nothing."""
    text = "" if isinstance(error, KeyError) else str(error)
    return text.strip().partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__
