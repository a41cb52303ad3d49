"""Sources of motion beside the motion models: each gives a whole motion of the space of some model."""
