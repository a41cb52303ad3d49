"""How the published networks of latent diffusion are called here, each in a file of its own."""

from convert.layers import conv2d, layer, layer_norm, linear
from convert.rules import Rule, Table, Transform


def _block(key: str, path: str) -> tuple[Rule, ...]:
    return (
        *layer_norm(f"{key}.norm1", f"{path}/norm1"),
        *conv2d(f"{key}.conv1", f"{path}/conv1"),
        *layer_norm(f"{key}.norm2", f"{path}/norm2"),
        *conv2d(f"{key}.conv2", f"{path}/conv2"),
        *conv2d(f"{key}.nin_shortcut", f"{path}/shortcut"),
    )


_SIDE = "{side:encoder|decoder}"
AUTOENCODER = Table(
    "autoencoder",
    (
        *conv2d(f"{_SIDE}.conv_in", f"{_SIDE}/conv_in"),
        *_block("encoder.down.{i}.block.{j}", "encoder/down_{i}_block_{j}"),
        *conv2d("encoder.down.{i}.downsample.conv", "encoder/down_{i}_halve"),
        *_block(f"{_SIDE}.mid.block_{{i}}", f"{_SIDE}/mid/block_{{i}}"),
        *layer_norm(f"{_SIDE}.mid.attn_1.norm", f"{_SIDE}/mid/attention/norm"),
        *conv2d(f"{_SIDE}.mid.attn_1.{{x:q|k|v}}", f"{_SIDE}/mid/attention/{{x:q|k|v}}"),
        *conv2d(f"{_SIDE}.mid.attn_1.proj_out", f"{_SIDE}/mid/attention/projection"),
        *_block("decoder.up.{i}.block.{j}", "decoder/up_{i}_block_{j}"),
        *conv2d("decoder.up.{i}.upsample.conv", "decoder/up_{i}_double"),
        *layer_norm(f"{_SIDE}.norm_out", f"{_SIDE}/norm_out"),
        *conv2d(f"{_SIDE}.conv_out", f"{_SIDE}/conv_out"),
        *conv2d("quant_conv", "quant_conv"),
        *conv2d("post_quant_conv", "post_quant_conv"),
        Rule("quantize.embedding.weight", "params/codebook"),
    ),
    unused=("loss.*",),  # the discriminator that it was trained against, and the like
    suffix=".ckpt",
)


def _residual(key: str, path: str) -> tuple[Rule, ...]:
    return (
        *layer_norm(f"{key}.in_layers.0", f"{path}/norm_in"),
        *conv2d(f"{key}.in_layers.2", f"{path}/conv_in"),
        *linear(f"{key}.emb_layers.1", f"{path}/time"),
        *layer_norm(f"{key}.out_layers.0", f"{path}/norm_out"),
        *conv2d(f"{key}.out_layers.3", f"{path}/conv_out"),
        *conv2d(f"{key}.skip_connection", f"{path}/shortcut"),
    )


def _attention(key: str, path: str) -> tuple[Rule, ...]:
    return (
        *layer_norm(f"{key}.norm", f"{path}/norm"),
        *layer(f"{key}.qkv", f"{path}/qkv", Transform.CONV1D),
        *layer(f"{key}.proj_out", f"{path}/projection", Transform.CONV1D),
    )


_ENTRY, _PATH = "{way:input|output}_blocks.{i}", "{way:input|output}_{i}"
UNET = Table(
    "unet",
    (
        *linear("time_embed.0", "time_0"),
        *linear("time_embed.2", "time_1"),
        *conv2d("input_blocks.0.0", "input_0"),
        *_residual(f"{_ENTRY}.0", f"{_PATH}_residual"),
        *_attention(f"{_ENTRY}.1", f"{_PATH}_attention"),
        *conv2d("input_blocks.{i}.0.op", "input_{i}_halve"),
        *_residual("middle_block.{i:0|2}", "middle_{i:0|2}"),
        *_attention("middle_block.1", "middle_1"),
        *conv2d("output_blocks.{i}.{j:1|2}.conv", "output_{i}_double_{j:1|2}"),
        *layer_norm("out.0", "norm_out"),
        *conv2d("out.2", "conv_out"),
    ),
    suffix=".ckpt",
)
