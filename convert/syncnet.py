"""How the published SyncNet is called here."""

from collections.abc import Callable

from convert.layers import COUNTERS, batch_norm, conv2d, conv3d, linear
from convert.rules import Rule, Table


def _tower(convolutions: str, convolution: Callable, linears: str, path: str) -> tuple[Rule, ...]:
    rules = [*linear(f"{linears}.0", f"{path}/hidden"), *batch_norm(f"{linears}.1", f"{path}/hidden_norm")]
    rules += linear(f"{linears}.3", f"{path}/features")
    for i, index in enumerate((0, 4, 8, 11, 14, 18)):  # the published sequences count ReLUs and pools too
        rules += convolution(f"{convolutions}.{index}", f"{path}/layer_{i}/conv")
        rules += batch_norm(f"{convolutions}.{index + 1}", f"{path}/layer_{i}/norm")
    return tuple(rules)


SYNCNET = Table(
    "ckpts/syncnet_v2",
    (
        *_tower("netcnnaud", conv2d, "netfcaud", "audio_tower"),
        *_tower("netcnnlip", conv3d, "netfclip", "lip_tower"),
    ),
    unused=(COUNTERS,),
    suffix=".model",
)
