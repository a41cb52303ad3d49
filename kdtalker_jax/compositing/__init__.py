"""Steps after the frames, for every renderer: paste back into the whole picture, another background, other sizes.

A step takes an iterator of frames uint8 (b, H, W, C) and gives one; it sees one frame at a time. C is 3, or 4 once a
background is transparent.
"""
