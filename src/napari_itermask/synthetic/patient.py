"""Which synthetic patient ships with the install, and how it is made.

The demo needs no download: the sample is a FLAIR-like brain grown from the MNI152 average T1 brain
that nilearn carries, bent and sharpened into an individual, with lesions whose outline is known
because we drew them. ``python -m napari_itermask.synthetic.patient`` writes the two files again,
byte for byte.

The average is the ICBM152 nonlinear template of 2009 (Fonov et al. 2011); its licence asks that
this stand in every copy: Copyright (C) 1993-2004 Louis Collins, McConnell Brain Imaging Centre,
Montreal Neurological Institute, McGill University. Permission to use, copy, modify, and distribute
this software and its documentation for any purpose and without fee is hereby granted, provided that
the above copyright notice appear in all copies. The authors and McGill University make no
representations about the suitability of this software for any purpose. It is provided "as is"
without express or implied warranty. The authors are not responsible for any data loss, equipment
damage, property loss, or injury to subjects or patients resulting from the use or misuse of this
software package.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.synthetic.lesion import add_lesion, draw_lesion

Affine = NDArray[np.float64]
Field = NDArray[np.float64]

SEED = 10
SPACING = 2.0
SHAPE = (84, 104, 84)
WHITE = 110  # grey level of white matter in the file; a lesion then stays below 255


class Patient(NamedTuple):
    """A stripped FLAIR-like scan and its truth; background exactly 0, brain above 0."""

    image: Volume
    brain: Mask
    lesion: Mask
    affine: Affine


class SampleFiles(NamedTuple):
    """Where the shipped patient lies."""

    flair: Path
    lesion: Path


@dataclass(frozen=True)
class PatientDraw:
    """Every number that chance decides for one healthy brain; white matter is 1, lengths in mm."""

    zoom: tuple[float, float, float]
    turn: tuple[float, float, float]
    grey: float
    csf: float
    bias: tuple[float, ...]
    noise: float
    seed: int


@dataclass(frozen=True)
class Site:
    """A kind of lesion: where it sits, how large and how bright it is.

    ``volume`` in ml, as drawn, before the image is thinned to 2 mm; ``change`` relative to white
    matter; ``softness`` in mm.
    """

    place: str
    volume: tuple[float, float]
    stretch: tuple[float, float, float]
    change: tuple[float, float]
    softness: float


# The tumour: a wide soft oedema that follows the white matter, and a brighter core within it.
OEDEMA = Site("deep white", (10.0, 13.5), (1.0, 1.35, 1.0), (0.44, 0.5), 2.2)
CORE = Site("core", (2.0, 3.5), (1.0, 1.1, 1.0), (0.2, 0.26), 1.6)
# Plaques beside the ventricles point away from them, as Dawson's fingers do.
PLAQUES = (
    Site("periventricular", (1.6, 2.7), (1.3, 1.0, 0.9), (0.62, 0.75), 1.0),
    Site("periventricular", (0.9, 1.8), (1.4, 0.9, 0.9), (0.62, 0.75), 1.0),
    Site("periventricular", (0.6, 1.2), (1.2, 0.8, 1.1), (0.62, 0.75), 1.0),
    Site("juxtacortical", (0.8, 1.6), (1.0, 1.2, 1.0), (0.6, 0.7), 0.9),
    Site("juxtacortical", (0.5, 1.0), (1.0, 1.0, 1.0), (0.6, 0.7), 0.9),
)


def make_patient(seed: int = SEED) -> Patient:
    """Make a patient out of the MNI152 average brain; needs nilearn, which only developers have.

    Parameters
    ----------
    seed
        Another number is another patient; the default is the one that ships.

    Returns
    -------
    image
        ``(84, 104, 84) float32``, whole numbers from 0 (background) to 255, white matter near 110;
        2 mm, RAS.
    brain, lesion
        bool, the same grid; ``brain`` is where the image is above 0.
    affine
        ``(4, 4)``, voxels to mm; near MNI space, though the brain was bent and made smaller.

    Raises
    ------
    ImportError
        If nilearn is not installed.
    """
    rng = np.random.default_rng(seed)
    draw = draw_patient(rng)
    t1, affine = _template()
    t1, affine = _bent(t1, affine, draw)
    brain = t1 > 0.2
    ventricles = _ventricles(t1, brain)
    tissue = tissue_coordinate(t1, brain, draw.seed)
    image = flair_contrast(tissue, brain, ventricles, draw)
    image, lesion = _with_lesions(rng, image, tissue, brain, ventricles)
    return _acquired(image, brain, lesion, affine, draw)


def sample_files() -> SampleFiles:
    """Paths of the patient that ships with the install: the scan, and the truth drawn on it."""
    folder = Path(str(resources.files("napari_itermask.synthetic") / "data"))
    return SampleFiles(folder / "flair.nii.gz", folder / "lesion.nii.gz")


def write_sample(files: SampleFiles) -> None:
    """Make the patient that ships and write it to ``files``, the same bytes every time."""
    patient = make_patient()
    _write(files.flair, patient.image, patient.affine)
    _write(files.lesion, patient.lesion, patient.affine)


def draw_patient(rng: np.random.Generator) -> PatientDraw:
    """Draw the shape, the contrast and the acquisition of one brain."""
    # The average brain in MNI space is larger than nearly every brain that went into it.
    zoom = rng.uniform(0.90, 0.93) * rng.uniform(0.98, 1.02, 3)
    return PatientDraw(
        zoom=tuple(float(v) for v in zoom),  # type: ignore[arg-type]
        turn=tuple(float(v) for v in rng.normal(0, np.radians(2), 3)),  # type: ignore[arg-type]
        grey=float(rng.uniform(1.22, 1.28)),
        csf=float(rng.uniform(0.17, 0.22)),
        bias=tuple(float(v) for v in rng.normal(0, 0.035, 9)),
        noise=float(rng.uniform(0.025, 0.035)),
        seed=int(rng.integers(2**31)),
    )


def tissue_coordinate(t1: Field, brain: Mask, seed: int) -> Field:
    """Where each voxel of an averaged T1 brain lies between CSF 0, grey 1 and white 2.

    An average washes out what is fine: it is sharpened first, and where grey meets CSF the border
    is made steep, at a level that wanders over the surface so that no two sulci are alike.
    """
    rng = np.random.default_rng(seed)
    sharp = t1.copy()
    for sigma, gain in ((1.2, 1.0), (3.0, 0.9)):
        sharp += gain * (t1 - _blur_within(t1, brain, sigma))
    u = np.interp(sharp, [0.30, 0.66, 0.88], [0.0, 1.0, 2.0])
    u += 0.5 * np.clip(sharp - 0.88, 0, 0.1) / 0.22
    border = 0.60 + 0.15 * _smooth_noise(rng, u.shape, 7.0)
    steep = 1 / (1 + np.exp(-(u - border) / 0.09))
    return np.where(u < 1, np.minimum(steep, 1.0), u) * brain


def flair_contrast(tissue: Field, brain: Mask, ventricles: Mask, draw: PatientDraw) -> Field:
    """FLAIR of a tissue coordinate ``(X, Y, Z)`` at 1 mm; white matter near 1, background 0."""
    levels = [draw.csf, draw.grey, 1.0]
    image = np.interp(tissue, [0, 1, 2], levels)
    near = ndimage.binary_dilation(ventricles, iterations=4)
    # Beside the ventricles white runs straight into CSF: through grey it would wear a bright rim.
    beyond = np.clip(ndimage.maximum_filter(tissue, 7), 1.0, 2.0)
    target = np.interp(beyond, [1, 2], levels[1:])
    straight = draw.csf + (target - draw.csf) * np.clip(tissue / beyond, 0, 1)
    image = np.where(near, straight, image)
    rng = np.random.default_rng(draw.seed + 1)
    for scale, depth in ((1.2, 0.02), (5.0, 0.02)):
        image = image * (1 + depth * _smooth_noise(rng, image.shape, scale))
    return image * brain


def _template() -> tuple[Field, Affine]:
    try:
        from nilearn.datasets import load_mni152_template
    except ImportError as missing:
        raise ImportError(
            "making the sample patient needs the MNI152 brain that nilearn carries: "
            "pip install nilearn"
        ) from missing
    template = load_mni152_template(resolution=1)
    return np.asarray(template.dataobj, np.float64), np.asarray(template.affine, np.float64)


def _bent(t1: Field, affine: Affine, draw: PatientDraw) -> tuple[Field, Affine]:
    """The template as an individual, on a 1 mm grid twice as fine as the scan's."""
    from scipy.spatial.transform import Rotation

    shape = tuple(2 * n for n in SHAPE)
    rng = np.random.default_rng(draw.seed)
    inside = np.argwhere(t1 > 0.2)
    middle = (inside.min(axis=0) + inside.max(axis=0)) / 2
    centre = (np.array(shape) - 1) / 2
    matrix = Rotation.from_euler("xyz", draw.turn).as_matrix() @ np.diag(1 / np.array(draw.zoom))
    voxels = np.indices(shape, np.float64) - centre[:, None, None, None]
    places = np.tensordot(matrix, voxels, 1) + middle[:, None, None, None]
    for axis in range(3):
        for scale, push in ((26.0, 3.0), (8.0, 1.3)):
            places[axis] += push * _smooth_noise(rng, shape, scale)
    bent = ndimage.map_coordinates(t1, places, order=1)
    out = affine.copy()
    out[:3, 3] += affine[:3, :3] @ (middle - centre)
    return bent, out


def _with_lesions(
    rng: np.random.Generator, image: Field, tissue: Field, brain: Mask, ventricles: Mask
) -> tuple[Field, Mask]:
    """The image with a tumour and plaques, and where they are; a lesion spreads in white matter."""
    white = np.asarray(ndimage.binary_opening(tissue > 1.4), bool)
    spread = ndimage.binary_dilation(white) & (tissue > 1.1)
    places = _places(tissue, white, brain, ventricles)
    out, taken = _placed(rng, image.astype(np.float32), OEDEMA, places[OEDEMA.place], spread)
    inner = ndimage.distance_transform_edt(taken)
    out, _ = _placed(rng, out, CORE, inner > 0.7 * inner.max(), taken)
    for site in PLAQUES:
        # A gap remains around every lesion, so that no two become one at 2 mm.
        away = ndimage.distance_transform_edt(~taken)
        free = places[site.place] & (away > 12)
        out, mask = _placed(rng, out, site, free, spread & (away > 5))
        taken |= mask
    return out.astype(np.float64), taken


def _places(tissue: Field, white: Mask, brain: Mask, ventricles: Mask) -> dict[str, Mask]:
    """Where the centre of a lesion of each kind may lie; distances in mm, which are voxels here."""
    depth = ndimage.distance_transform_edt(white)
    aside = ndimage.distance_transform_edt(~ventricles)
    surface = ndimage.distance_transform_edt(brain)
    x, _, z = np.ogrid[tuple(slice(n) for n in brain.shape)]
    # Of the cerebrum, and off the midline: there the two sides of a plaque would mirror each other.
    cerebral = (np.abs(x - brain.shape[0] / 2) > 14) & (z > 0.57 * brain.shape[2]) & brain
    return {
        "deep white": cerebral & (depth > 6) & (aside > 10),
        "periventricular": cerebral & white & (aside > 3) & (aside < 8),
        "juxtacortical": cerebral & (tissue > 1.2) & (surface > 6) & (surface < 14),
    }


def _placed(
    rng: np.random.Generator, image: Volume, site: Site, where: Mask, spread: Mask
) -> tuple[Volume, Mask]:
    radius = (750 * site.volume[1] / np.pi) ** (1 / 3)
    for _ in range(200):
        chance = draw_lesion(rng, where, (0.9 * radius, 1.5 * radius))
        draw = replace(
            chance,
            stretch=site.stretch,
            roughness=0.3,
            change=float(rng.uniform(*site.change)),
            softness=site.softness,
            texture=0.08,
        )
        out, mask = add_lesion(image, spread, draw, (1.0, 1.0, 1.0))
        pieces = ndimage.label(mask)[1]
        if pieces == 1 and site.volume[0] <= mask.sum() / 1000 <= site.volume[1]:
            return out, mask
    raise RuntimeError(f"no place was found for a {site.place} lesion: try another seed.")


def _acquired(
    image: Field, brain: Mask, lesion: Mask, affine: Affine, draw: PatientDraw
) -> Patient:
    """What a scanner would hand over, 2 mm: thick voxels, a bias field, Rician noise."""
    weight = _halved(brain.astype(np.float64))
    inside = ndimage.binary_fill_holes(weight >= 0.5)
    signal = _halved(image) / np.maximum(weight, 0.5)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij", sparse=True)
    terms = (x, y, z, x * x, y * y, z * z, x * y, x * z, y * z)
    signal = signal * np.exp(sum(f * t for f, t in zip(draw.bias, terms, strict=True)))
    rng = np.random.default_rng(draw.seed + 2)
    real, imaginary = draw.noise * rng.standard_normal((2, *SHAPE))
    levels = np.clip(np.rint(WHITE * np.hypot(signal + real, imaginary)), 1, 255)
    out = affine.copy()
    out[:3, :3] *= SPACING
    out[:3, 3] += affine[:3, :3] @ np.full(3, 0.5)  # a thick voxel's middle lies between two thin
    return Patient(
        image=np.where(inside, levels, 0).astype(np.float32),
        brain=inside,
        lesion=(_halved(lesion.astype(np.float64)) >= 0.5) & inside,
        affine=out,
    )


def _halved(volume: Field) -> Field:
    x, y, z = (n // 2 for n in volume.shape)
    halved: Field = volume.reshape(x, 2, y, 2, z, 2).mean(axis=(1, 3, 5))
    return halved


def _ventricles(t1: Field, brain: Mask) -> Mask:
    """Where the average is as dark as CSF and deep: an averaged sulcus is never that dark."""
    deep = ndimage.distance_transform_edt(brain) > 22
    return np.asarray(ndimage.binary_opening(deep & (t1 < 0.36)), bool)


def _blur_within(volume: Field, brain: Mask, sigma: float) -> Field:
    weight = ndimage.gaussian_filter(brain.astype(np.float64), sigma)
    blurred: Field = ndimage.gaussian_filter(volume * brain, sigma) / np.maximum(weight, 1e-3)
    return blurred * brain


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> Field:
    """Noise of spread 1 that wanders over ``scale`` voxels; drawn coarsely where it is smooth."""
    step = max(1, int(scale / 3))
    coarse = rng.standard_normal([-(-n // step) + 1 for n in shape])
    noise = ndimage.gaussian_filter(coarse, scale / step)
    noise /= noise.std()
    fine: Field = ndimage.zoom(noise, step, order=1) if step > 1 else noise
    return fine[tuple(slice(n) for n in shape)]


def _write(path: Path, volume: Volume | Mask, affine: Affine) -> None:
    import nibabel

    nifti: Any = nibabel.Nifti1Image  # nibabel is typed in part only
    image = nifti(volume.astype(np.uint8), affine)
    # "Aligned" (2): close to MNI space, yet no registration made it so.
    image.set_sform(affine, code=2)
    image.set_qform(affine, code=2)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(image.to_bytes())


if __name__ == "__main__":
    write_sample(sample_files())
