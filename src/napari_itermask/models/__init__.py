"""Which models there are, what their cards say, and how they open."""

from napari_itermask.models.card import Measured, ModelCard
from napari_itermask.models.store import Model, ModelError, list_models, load_model, save_model

__all__ = [
    "Measured",
    "Model",
    "ModelCard",
    "ModelError",
    "list_models",
    "load_model",
    "save_model",
]
