"""How the toy's published files call their tensors."""

from convert.layers import linear
from convert.rules import Table

EAR = Table("toy/ear", linear("linear", "dense"))
MOVER = Table("toy/mover", linear("linear", "dense"))
PAINTER = Table("toy/painter", linear("linear", "dense"))
