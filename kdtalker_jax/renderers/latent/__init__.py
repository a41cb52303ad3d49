"""Latent diffusion: pictures as small maps of codes, and a network that takes noise out of these."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kdtalker_jax.renderers.latent.model import LatentDiffusion

__all__ = ["LatentDiffusion"]


def __getattr__(name: str) -> Any:
    """Sizes, which live in this package too, need no JAX."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kdtalker_jax.renderers.latent.model import LatentDiffusion

    return LatentDiffusion
