"""What kind of device computes. Beside `parallel`, the only file that asks."""

import jax


def on_cpu() -> bool:
    """Whether programs run on this machine's processor, and not on an accelerator."""
    return jax.default_backend() == "cpu"


def backend_name() -> str:
    """As JAX calls it: cpu, gpu or tpu."""
    return jax.default_backend()
