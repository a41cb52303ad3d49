"""Motion of a head: its coefficients, the keypoints they move, smoothing over time."""
