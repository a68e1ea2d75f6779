"""FLAIR draws: CSF is dark, grey about as bright as white or brighter, every scan another."""

from __future__ import annotations

import numpy as np

from napari_itermask.synthetic.flair import draw_contrast


def test_csf_is_dark_and_grey_at_least_as_bright_as_white_almost() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_contrast(rng) for _ in range(100)]
    for contrast in drawn:
        tissue = (contrast.levels["cortex"], contrast.levels["lobar white"])
        assert contrast.csf < 0.7 * min(tissue)
        assert contrast.levels["cortex"] > 0.85 * contrast.levels["lobar white"]
    ratios = [c.levels["cortex"] / c.levels["lobar white"] for c in drawn]
    assert min(ratios) < 0.95
    assert max(ratios) > 1.3
    assert {c.rim > 0 for c in drawn} == {True, False}
