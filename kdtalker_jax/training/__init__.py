"""Training of the denoiser: the step, its input, validation, logs, and the loop that holds them together."""
