"""The landmarks that a data set may know of its pictures: (F, L, 2), as in the picture, where both sides are 2 long."""

# Left and right as seen in the picture.
LANDMARKS = (
    "mouth left", "mouth right", "inner upper lip", "inner lower lip", "outer upper lip", "outer lower lip",
    "left upper lid", "left lower lid", "right upper lid", "right lower lid", "left pupil", "right pupil",
    "nose tip", "chin",
    "left brow inner", "left brow outer", "right brow inner", "right brow outer",
)  # fmt: skip
