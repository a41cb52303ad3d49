"""What a training knows of networks: what is learnt, apart from what is counted on the way."""

from collections.abc import Mapping
from typing import Any

import flax.struct

Tree = Any


class Weights(flax.struct.PyTreeNode):
    """Variables of several networks by name: what is learnt, and the statistics of norms (batch_stats, spectral)."""

    params: dict[str, Tree]
    statistics: dict[str, Tree]

    @classmethod
    def of(cls, variables: Mapping[str, Mapping[str, Tree]]) -> "Weights":
        params = {name: tree["params"] for name, tree in variables.items()}
        statistics = {
            name: {kind: tree for kind, tree in trees.items() if kind != "params"} for name, trees in variables.items()
        }
        return cls(params, statistics)

    def variables(self, name: str) -> dict[str, Tree]:
        """Of one network, as in a checkpoint."""
        return {"params": self.params[name], **self.statistics[name]}
