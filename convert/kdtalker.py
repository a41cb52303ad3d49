"""How KDTalker's published networks are called here, and Wav2Lip's audio encoder, which comes with them."""

from convert.layers import COUNTERS, batch_norm, conv2d, linear
from convert.rules import Rule, Table, Transform


def token_norm(key: str, path: str) -> tuple[Rule, ...]:
    """The denoiser's layer norm, whose parameters are (1, 1, C)."""
    return (
        Rule(f"{key}.gamma", f"params/{path}/scale", Transform.TOKENS),
        Rule(f"{key}.beta", f"params/{path}/bias", Transform.TOKENS),
    )


AUDIO_ENCODER = Table(
    "ckpts/wav2lip",
    (
        *conv2d("module.audio_encoder.{i}.conv_block.0", "layer_{i}/conv"),
        *batch_norm("module.audio_encoder.{i}.conv_block.1", "layer_{i}/norm"),
    ),
    # The rest of Wav2Lip draws faces, which is not needed here.
    unused=(COUNTERS, "face_encoder_blocks.*", "face_decoder_blocks.*", "output_block.*"),
)

_DENOISER = "point_model.model"
_RESIDUAL, _RESIDUAL_PATH = f"{_DENOISER}.layers.{{i}}.{{j:0|1}}", "layer_{i}_residual_{j:0|1}"
_ATTENTION, _ATTENTION_PATH = f"{_DENOISER}.layers.{{i}}.2.fn", "layer_{i}_attention"
DENOISER = Table(
    "ckpts/KDTalker",
    (
        *linear(f"{_DENOISER}.time_mlp.1", "time_0"),
        *linear(f"{_DENOISER}.time_mlp.3", "time_1"),
        *linear(f"{_DENOISER}.input_projection", "input_projection"),
        Rule(f"{_DENOISER}.time_rel_pos_bias.relative_attention_bias.weight", "params/relative_bias"),
        *linear(f"{_RESIDUAL}.mlp.1", f"{_RESIDUAL_PATH}/modulation"),
        *linear(f"{_RESIDUAL}.block1.proj", f"{_RESIDUAL_PATH}/linear_0"),
        *token_norm(f"{_RESIDUAL}.block1.norm", f"{_RESIDUAL_PATH}/norm"),
        *linear(f"{_RESIDUAL}.block2.proj", f"{_RESIDUAL_PATH}/linear_1"),
        *token_norm(f"{_ATTENTION}.norm", f"{_ATTENTION_PATH}/norm"),
        *linear(f"{_ATTENTION}.fn.to_qkv", f"{_ATTENTION_PATH}/qkv", bias=False),
        Rule(f"{_ATTENTION}.fn.rotary_emb.freqs", f"params/{_ATTENTION_PATH}/rotary_frequencies"),
        *linear(f"{_ATTENTION}.fn.proj", f"{_ATTENTION_PATH}/projection"),
        *linear(f"{_DENOISER}.output_projection", "output_projection"),
    ),
    unused=(f"{_RESIDUAL}.block2.norm.gamma", f"{_RESIDUAL}.block2.norm.beta", "*.positional_encoding.freq_bands"),
)
