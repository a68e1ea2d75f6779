"""The guide keeps fine structure, drops the amplitude of coarse structure, in physical units."""

import numpy as np

from napari_itermask.method import high_frequency
from napari_itermask.method.guide import Spectrum


def literal(image, radius):
    """The published rule, spelled out: centred FFT, index distances."""
    spectrum = np.fft.fftshift(np.fft.fftn(image.astype(np.float64)))
    axes = [np.arange(n) - n // 2 for n in image.shape]
    squares = sum(a**2 for a in np.meshgrid(*axes, indexing="ij"))
    low = squares < radius**2
    spectrum[low] = np.exp(1j * np.angle(spectrum[low]))
    return np.fft.ifftn(np.fft.ifftshift(spectrum)).real


def test_on_the_published_grid_it_is_the_published_rule_edge_points_included():
    image = np.random.default_rng(0).normal(size=(24, 24, 24)).astype(np.float32)
    guide = high_frequency(image, 3 / 24)  # 3 index units; (1, 2, 2) lies exactly on the edge
    np.testing.assert_allclose(guide, literal(image, 3), atol=1e-6)


def test_the_published_cutoff_puts_all_150_edge_points_on_the_high_side():
    axes = np.arange(-96, 96)
    squares = sum(a**2 for a in np.meshgrid(*[axes] * 3, indexing="ij", sparse=True))
    frequency = sum((a / 192) ** 2 for a in np.meshgrid(*[axes] * 3, indexing="ij", sparse=True))
    edge = squares == 225
    assert edge.sum() == 150
    assert not (frequency[edge] < (15 / 192) ** 2 * (1 - 1e-9)).any()


def test_frequencies_are_physical_on_grids_that_are_not_cubes():
    z = np.arange(40) * 2.0  # mm
    wave = np.broadcast_to(np.sin(2 * np.pi * z / 16), (16, 20, 40)).astype(np.float32)
    kept = high_frequency(wave, 1 / 20, (1, 1, 2))  # 16 mm is finer than 20 mm
    gone = high_frequency(wave, 1 / 10, (1, 1, 2))
    np.testing.assert_allclose(kept.std(), wave.std(), rtol=0.01)
    assert gone.std() < 0.01


def test_an_image_of_zeros_has_a_finite_guide():
    assert np.isfinite(high_frequency(np.zeros((8, 8, 8), np.float32))).all()


def test_one_spectrum_cuts_the_same_guides_again_and_again():
    image = np.random.default_rng(0).normal(size=(24, 20, 16)).astype(np.float32)
    spectrum = Spectrum(image, (1, 1.5, 2))
    for cutoff in (0.1, 0.03, 0.1):
        np.testing.assert_array_equal(
            spectrum.guide(cutoff), high_frequency(image, cutoff, (1, 1.5, 2))
        )


def test_the_radial_spectrum_peaks_at_a_waves_frequency_on_any_axis_of_any_grid():
    shape, spacing = (40, 48, 33), (2.0, 1.0, 3.0)
    for axis in range(3):
        place = np.arange(shape[axis]) * spacing[axis]
        wave = np.cos(2 * np.pi * place / 12).reshape([-1 if a == axis else 1 for a in range(3)])
        spectrum = Spectrum(np.broadcast_to(wave, shape), spacing)
        frequency, power = spectrum.radial()
        assert abs(frequency[power.argmax()] - 1 / 12) < 1.5 * spectrum.lowest


def test_the_radial_spectrum_of_white_noise_is_flat_at_its_variance():
    noise = np.random.default_rng(0).normal(0, 3, (48, 40, 32))
    frequency, power = Spectrum(noise, (1, 1, 1)).radial()
    assert (frequency[0], frequency[-1]) == (1 / 48, 0.5)
    np.testing.assert_allclose(power[4:], 9, rtol=0.15)
