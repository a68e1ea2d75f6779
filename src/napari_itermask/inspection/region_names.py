"""What are the numbers of two common label maps called: FreeSurfer's and DLMUSE's?"""

from __future__ import annotations

from collections.abc import Mapping


def _sides(pairs: Mapping[str, tuple[int, int]]) -> dict[int, str]:
    """Names of regions that there are two of: ``name: (left, right)``."""
    return {
        number: f"{side} {name}"
        for name, numbers in pairs.items()
        for side, number in zip(("left", "right"), numbers, strict=True)
    }


_FREESURFER_CORTEX = {
    1: "superior temporal sulcus banks",
    2: "caudal anterior cingulate cortex",
    3: "caudal middle frontal gyrus",
    5: "cuneus",
    6: "entorhinal cortex",
    7: "fusiform gyrus",
    8: "inferior parietal cortex",
    9: "inferior temporal gyrus",
    10: "isthmus of the cingulate cortex",
    11: "lateral occipital cortex",
    12: "lateral orbitofrontal cortex",
    13: "lingual gyrus",
    14: "medial orbitofrontal cortex",
    15: "middle temporal gyrus",
    16: "parahippocampal gyrus",
    17: "paracentral lobule",
    18: "pars opercularis",
    19: "pars orbitalis",
    20: "pars triangularis",
    21: "pericalcarine cortex",
    22: "postcentral gyrus",
    23: "posterior cingulate cortex",
    24: "precentral gyrus",
    25: "precuneus",
    26: "rostral anterior cingulate cortex",
    27: "rostral middle frontal gyrus",
    28: "superior frontal gyrus",
    29: "superior parietal cortex",
    30: "superior temporal gyrus",
    31: "supramarginal gyrus",
    32: "frontal pole",
    33: "temporal pole",
    34: "transverse temporal gyrus",
    35: "insula",
}

FREESURFER: dict[int, str] = {
    **_sides(
        {
            "cerebral white matter": (2, 41),
            "cerebral cortex": (3, 42),
            "lateral ventricle": (4, 43),
            "inferior lateral ventricle": (5, 44),
            "cerebellar white matter": (7, 46),
            "cerebellar cortex": (8, 47),
            "thalamus": (10, 49),
            "caudate": (11, 50),
            "putamen": (12, 51),
            "pallidum": (13, 52),
            "hippocampus": (17, 53),
            "amygdala": (18, 54),
            "accumbens": (26, 58),
            "ventral diencephalon": (28, 60),
            "vessel": (30, 62),
            "choroid plexus": (31, 63),
            **{name: (1000 + n, 2000 + n) for n, name in _FREESURFER_CORTEX.items()},
        }
    ),
    9: "left thalamus",  # of older versions, as 48
    48: "right thalamus",
    14: "third ventricle",
    15: "fourth ventricle",
    16: "brainstem",
    24: "CSF",
    72: "fifth ventricle",
    77: "white-matter hypointensities",
    80: "other hypointensities",
    85: "optic chiasm",
    251: "corpus callosum, posterior",
    252: "corpus callosum, mid-posterior",
    253: "corpus callosum, central",
    254: "corpus callosum, mid-anterior",
    255: "corpus callosum, anterior",
}
"""The numbers of aseg, aparc+aseg and SynthSeg."""

_MUSE_CORTEX = {
    100: "anterior cingulate gyrus",
    102: "anterior insula",
    104: "anterior orbital gyrus",
    106: "angular gyrus",
    108: "calcarine cortex",
    112: "central operculum",
    114: "cuneus",
    116: "entorhinal area",
    118: "frontal operculum",
    120: "frontal pole",
    122: "fusiform gyrus",
    124: "gyrus rectus",
    128: "inferior occipital gyrus",
    132: "inferior temporal gyrus",
    134: "lingual gyrus",
    136: "lateral orbital gyrus",
    138: "middle cingulate gyrus",
    140: "medial frontal cortex",
    142: "middle frontal gyrus",
    144: "middle occipital gyrus",
    146: "medial orbital gyrus",
    148: "postcentral gyrus, medial",
    150: "precentral gyrus, medial",
    152: "superior frontal gyrus, medial",
    154: "middle temporal gyrus",
    156: "occipital pole",
    160: "occipital fusiform gyrus",
    162: "inferior frontal gyrus, opercular",
    164: "inferior frontal gyrus, orbital",
    166: "posterior cingulate gyrus",
    168: "precuneus",
    170: "parahippocampal gyrus",
    172: "posterior insula",
    174: "parietal operculum",
    176: "postcentral gyrus",
    178: "posterior orbital gyrus",
    180: "planum polare",
    182: "precentral gyrus",
    184: "planum temporale",
    186: "subcallosal area",
    190: "superior frontal gyrus",
    192: "supplementary motor cortex",
    194: "supramarginal gyrus",
    196: "superior occipital gyrus",
    198: "superior parietal lobule",
    200: "superior temporal gyrus",
    202: "temporal pole",
    204: "inferior frontal gyrus, triangular",
    206: "transverse temporal gyrus",
}
"""The right one's number; the left one's is the next."""

DLMUSE: dict[int, str] = {
    **_sides(
        {
            "accumbens": (30, 23),
            "amygdala": (32, 31),
            "caudate": (37, 36),
            "cerebellar cortex": (39, 38),
            "cerebellar white matter": (41, 40),
            "hippocampus": (48, 47),
            "inferior lateral ventricle": (50, 49),
            "lateral ventricle": (52, 51),
            "pallidum": (56, 55),
            "putamen": (58, 57),
            "thalamus": (60, 59),
            "ventral diencephalon": (62, 61),
            "vessel": (64, 63),
            "basal forebrain": (75, 76),
            "frontal white matter": (82, 81),
            "occipital white matter": (84, 83),
            "parietal white matter": (86, 85),
            "temporal white matter": (88, 87),
            "fornix": (90, 89),
            "internal capsule, posterior limb": (92, 91),
            "internal capsule, anterior limb": (94, 93),
            **{name: (n + 1, n) for n, name in _MUSE_CORTEX.items()},
        }
    ),
    1: "CSF",
    4: "third ventricle",
    11: "fourth ventricle",
    35: "brainstem",
    46: "CSF",
    69: "optic chiasm",
    71: "cerebellar vermis, lobules I-V",
    72: "cerebellar vermis, lobules VI-VII",
    73: "cerebellar vermis, lobules VIII-X",
    95: "corpus callosum",
}
"""The numbers of MUSE and DLMUSE."""
