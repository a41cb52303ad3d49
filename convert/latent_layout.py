"""Which tensors of a checkpoint of latent diffusion are of which network."""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from convert import latent
from convert.network import MAX_LINES
from convert.rules import Table, without_module
from convert.weights_file import Tensor
from kdtalker_jax.errors import CheckpointError

AUTOENCODER, UNET = "autoencoder", "unet"

# Names of a network alone, and behind the prefixes that the whole model puts before them.
_KEYS = {
    AUTOENCODER: re.compile(r"(?:first_stage_model\.)?((?:encoder|decoder|quantize|quant_conv|post_quant_conv)\..*)"),
    UNET: re.compile(r"(?:(?:model\.)?diffusion_model\.)?((?:time_embed|(?:in|out)put_blocks|middle_block|out)\..*)"),
}
_AVERAGE = re.compile(r"model_ema\.diffusion_model(.+)")
_NOT_USED = Table(
    "",
    (),
    unused=(
        # The schedule, which is known, and what follows from it.
        "betas",
        "alphas_cumprod",
        "alphas_cumprod_prev",
        "sqrt_alphas_cumprod",
        "sqrt_one_minus_alphas_cumprod",
        "log_one_minus_alphas_cumprod",
        "sqrt_recip_alphas_cumprod",
        "sqrt_recipm1_alphas_cumprod",
        "posterior_variance",
        "posterior_log_variance_clipped",
        "posterior_mean_coef1",
        "posterior_mean_coef2",
        "lvlb_weights",
        "logvar",
        # Of training: the discriminator and the like, the average's state.
        "loss.*",
        "first_stage_model.loss.*",
        "model_ema.decay",
        "model_ema.num_updates",
    ),
)


@dataclass(frozen=True)
class Contents:
    """Of one file: the tensors of each part, by the keys of `convert.latent`, and what is not used, in words."""

    parts: Mapping[str, Mapping[str, Tensor]]
    not_used: str


def contents_of(tensors: Mapping[str, Tensor], path: Path) -> Contents:
    """Sorts a state dict. One that is of no network of latent diffusion has no parts.

    Raises:
        CheckpointError: it has tensors that are neither of a network nor known to be of no use.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    average: dict[str, Tensor] = {}
    ignored, unknown = Counter(), []
    for key, tensor in tensors.items():
        bare = without_module(key)
        name, inner = _place(bare)
        if name:
            own = parts.setdefault(name, {})
            if inner in own:
                raise CheckpointError(f"{path} has {name} twice: {inner} under two names")
            own[inner] = tensor
        elif match := _AVERAGE.fullmatch(bare):
            average[match[1]] = tensor
        elif pattern := _NOT_USED.is_unused(bare):
            ignored[pattern] += 1
        else:
            unknown.append(key)
    if average:
        if raw := parts.get(UNET):
            ignored["model.diffusion_model.*, of which the average is taken"] = len(raw)
        parts[UNET] = _with_dots(average, path)
    if parts and unknown:
        more = [f"... and {len(unknown) - MAX_LINES} more"] if len(unknown) > MAX_LINES else []
        lines = [f"{path} is of no latent diffusion model that is known here:"]
        lines += [f"{key} is not expected" for key in unknown[:MAX_LINES]]
        raise CheckpointError("\n  ".join(lines + more))
    listed = ", ".join(f"{count} {keys}" for keys, count in ignored.items())
    return Contents(parts, listed)


def _place(key: str) -> tuple[str | None, str]:
    for name, pattern in _KEYS.items():
        if match := pattern.fullmatch(key):
            return name, match[1]
    return None, ""


def _with_dots(average: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Averages are kept under the keys less their dots: 'input_blocks10in_layers2weight'."""
    tensors = {}
    for flat, tensor in average.items():
        leaves = [leaf for rule in _FLAT if (leaf := rule.target(flat)) is not None]
        if len(leaves) != 1:
            raise CheckpointError(f"{path} holds model_ema.diffusion_model{flat}, which is not expected")
        key, _ = latent.UNET.published(leaves[0])
        if key in tensors:
            raise CheckpointError(f"{path} holds the average of {key} twice")
        tensors[key] = tensor
    return tensors


_FLAT = tuple(dataclasses.replace(rule, key=rule.key.replace(".", "")) for rule in latent.UNET.rules)
