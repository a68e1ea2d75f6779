"""T1 draws: CSF darker than grey, deep grey between grey and white, as real scans have it."""

from __future__ import annotations

import numpy as np

from napari_itermask.synthetic.t1 import draw_contrast


def test_tissues_keep_the_order_that_real_t1_scans_have() -> None:
    rng = np.random.default_rng(0)
    greys = []
    for _ in range(100):
        drawn = draw_contrast(rng)
        level = drawn.levels
        assert drawn.csf < level["cortex"] - 0.1
        assert level["cortex"] < level["thalamus"] < 1.05 * level["lobar white"]
        assert level["hippocampus"] < level["putamen"] < level["pallidum"]
        greys.append(level["cortex"] / level["lobar white"])
    assert min(greys) < 0.62
    assert max(greys) > 0.75
