"""Rules for the layers that many published networks have."""

from convert.rules import Rule, Transform

COUNTERS = "*.num_batches_tracked"  # of no use with a fixed momentum


def layer(key: str, path: str, transform: Transform, bias: bool = True) -> tuple[Rule, ...]:
    """A linear or convolution layer."""
    kernel = Rule(f"{key}.weight", f"params/{path}/kernel", transform)
    return (kernel, Rule(f"{key}.bias", f"params/{path}/bias")) if bias else (kernel,)


def linear(key: str, path: str, bias: bool = True) -> tuple[Rule, ...]:
    return layer(key, path, Transform.LINEAR, bias)


def conv2d(key: str, path: str) -> tuple[Rule, ...]:
    return layer(key, path, Transform.CONV2D)


def conv3d(key: str, path: str) -> tuple[Rule, ...]:
    return layer(key, path, Transform.CONV3D)


def layer_norm(key: str, path: str) -> tuple[Rule, ...]:
    return Rule(f"{key}.weight", f"params/{path}/scale"), Rule(f"{key}.bias", f"params/{path}/bias")


def batch_norm(key: str, path: str) -> tuple[Rule, ...]:
    return (
        *layer_norm(key, path),
        Rule(f"{key}.running_mean", f"batch_stats/{path}/mean"),
        Rule(f"{key}.running_var", f"batch_stats/{path}/var"),
    )
