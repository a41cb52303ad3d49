"""The rule table of a part."""

from convert.rules import Table
from kdtalker_jax.parts import Part
from kdtalker_jax.systems import resolve


def table_of(part: Part) -> Table:
    """How a part's tensors are called in the published file. The table is where the part says it is.

    Raises:
        ValueError: the part is not published anywhere.
    """
    if part.rules is None:
        raise ValueError(f"{part.name} has no rule table: it is only trained here")
    return resolve(part.rules)
