"""Sizes of networks, and their bounds: what lies beyond them is damage, and would take a machine's memory."""

from dataclasses import fields

LARGEST = 1 << 14  # of any size that is not listed here; the published networks have none above the 8192 codes
LARGEST_OF = {
    **dict.fromkeys(("multipliers", "residual_blocks", "depths", "hourglass_blocks", "middle_blocks", "layers"), 64),
    "blocks": 16,  # of each level
    "code_width": 256,
    "image_size": 2048,
    "feature_size": 512,
    "window": 4096,
    "wide_kernel": 64,
}
LONGEST = 16  # numbers in a list of sizes
DEEPEST = 128  # blocks of all levels together: each takes time before anything is known of a network


class Sizes:
    """Base of the configurations of networks: each whole number is a size; true and false are none.

    Raises:
        ValueError: one of them is below 1 or absurdly large, or there are absurdly many.
    """

    def __post_init__(self) -> None:
        for field in fields(self):
            value, most = getattr(self, field.name), LARGEST_OF.get(field.name, LARGEST)
            numbers = value if isinstance(value, tuple) else (value,)
            if len(numbers) > LONGEST:
                raise ValueError(f"{field.name} has {len(numbers)} numbers, more than {LONGEST}")
            if field.name == "depths" and sum(numbers) > DEEPEST:
                raise ValueError(f"depths are {sum(numbers)} blocks, more than {DEEPEST}")
            for number in numbers:
                if type(number) is int and not 1 <= number <= most:
                    raise ValueError(f"{field.name} is {number}, not from 1 to {most}")


def check_heads(width: int, heads: int) -> None:
    """Raises ValueError where a width has not so many heads of pairs."""
    if width < 4 or width % (2 * heads):
        raise ValueError(f"width, {width}, is no multiple of twice the heads, {heads}")
