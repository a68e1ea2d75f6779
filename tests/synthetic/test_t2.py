"""T2 draws: CSF far brighter than tissue, grey brighter than white, the pallidum dark."""

from __future__ import annotations

import numpy as np

from napari_itermask.synthetic.t2 import draw_contrast


def test_csf_is_bright_grey_brighter_than_white_and_the_pallidum_dark() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        drawn = draw_contrast(rng)
        level = drawn.levels
        assert drawn.csf > 1.15 * max(level["cortex"], level["lobar white"])
        assert 1.0 < level["cortex"] / level["lobar white"] < 1.75
        assert level["pallidum"] < level["putamen"] + 0.2
        assert level["pallidum"] < level["cortex"]
