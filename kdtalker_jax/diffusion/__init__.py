"""Diffusion of motion: the noise schedule and the samplers."""
