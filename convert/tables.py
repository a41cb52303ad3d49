"""One rule table per published network: how its keys are called here. The only place that knows both sets of names."""

from collections.abc import Callable

from convert.rules import Rule, Table, Transform

COUNTERS = "*.num_batches_tracked"  # of no use with a fixed momentum
LIVE_PORTRAIT = "pretrained_weights/liveportrait"


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


def token_norm(key: str, path: str) -> tuple[Rule, ...]:
    """The denoiser's layer norm, whose parameters are (1, 1, C)."""
    return (
        Rule(f"{key}.gamma", f"params/{path}/scale", Transform.TOKENS),
        Rule(f"{key}.beta", f"params/{path}/bias", Transform.TOKENS),
    )


def spectral_conv(key: str, path: str) -> tuple[Rule, ...]:
    """A spectrally normalised convolution without its bias."""
    return (
        Rule(f"{key}.weight_orig", f"params/{path}/kernel", Transform.CONV2D),
        Rule(f"{key}.weight_u", f"spectral/{path}/u"),
        Rule(f"{key}.weight_v", f"spectral/{path}/v"),
    )


APPEARANCE = Table(
    f"{LIVE_PORTRAIT}/base_models/appearance_feature_extractor",
    (
        *conv2d("first.conv", "first/conv"),
        *batch_norm("first.norm", "first/norm"),
        *conv2d("down_blocks.{i}.conv", "down_{i}/conv"),
        *batch_norm("down_blocks.{i}.norm", "down_{i}/norm"),
        *conv2d("second", "second"),
        *batch_norm("resblocks_3d.3dr{i}.norm1", "residual_{i}/norm1"),
        *conv3d("resblocks_3d.3dr{i}.conv1", "residual_{i}/conv1/conv"),
        *batch_norm("resblocks_3d.3dr{i}.norm2", "residual_{i}/conv1/norm"),
        *conv3d("resblocks_3d.3dr{i}.conv2", "residual_{i}/conv2"),
    ),
    unused=(COUNTERS,),
)

MOTION_EXTRACTOR = Table(
    f"{LIVE_PORTRAIT}/base_models/motion_extractor",
    (
        *conv2d("detector.downsample_layers.{i:0}.0", "downsample_{i:0}_conv"),
        *layer_norm("detector.downsample_layers.{i:0}.1", "downsample_{i:0}_norm"),
        *layer_norm("detector.downsample_layers.{i:[1-9]}.0", "downsample_{i:[1-9]}_norm"),
        *conv2d("detector.downsample_layers.{i:[1-9]}.1", "downsample_{i:[1-9]}_conv"),
        *conv2d("detector.stages.{i}.{j}.dwconv", "stage_{i}_block_{j}/depthwise"),
        *layer_norm("detector.stages.{i}.{j}.norm", "stage_{i}_block_{j}/norm"),
        *linear("detector.stages.{i}.{j}.pwconv1", "stage_{i}_block_{j}/expand"),
        Rule("detector.stages.{i}.{j}.grn.gamma", "params/stage_{i}_block_{j}/grn/gamma", Transform.PICTURE),
        Rule("detector.stages.{i}.{j}.grn.beta", "params/stage_{i}_block_{j}/grn/beta", Transform.PICTURE),
        *linear("detector.stages.{i}.{j}.pwconv2", "stage_{i}_block_{j}/project"),
        *layer_norm("detector.norm", "norm"),
        *linear("detector.fc_{name:kp|scale|pitch|yaw|roll|t|exp}", "fc_{name:kp|scale|pitch|yaw|roll|t|exp}"),
    ),
)

_DENSE_MOTION = "dense_motion_network"
WARPING = Table(
    f"{LIVE_PORTRAIT}/base_models/warping_module",
    (
        *conv3d(f"{_DENSE_MOTION}.compress", "compression/conv"),
        *batch_norm(f"{_DENSE_MOTION}.norm", "compression/norm"),
        *conv3d(f"{_DENSE_MOTION}.hourglass.encoder.down_blocks.{{i}}.conv", "hourglass/down_{i}/conv"),
        *batch_norm(f"{_DENSE_MOTION}.hourglass.encoder.down_blocks.{{i}}.norm", "hourglass/down_{i}/norm"),
        *conv3d(f"{_DENSE_MOTION}.hourglass.decoder.up_blocks.{{i}}.conv", "hourglass/up_{i}/conv"),
        *batch_norm(f"{_DENSE_MOTION}.hourglass.decoder.up_blocks.{{i}}.norm", "hourglass/up_{i}/norm"),
        *conv3d(f"{_DENSE_MOTION}.hourglass.decoder.conv", "hourglass/last/conv"),
        *batch_norm(f"{_DENSE_MOTION}.hourglass.decoder.norm", "hourglass/last/norm"),
        *conv3d(f"{_DENSE_MOTION}.mask", "mask"),
        *conv2d(f"{_DENSE_MOTION}.occlusion", "occlusion"),
        *conv2d("third.conv", "third/conv"),
        *batch_norm("third.norm", "third/norm"),
        *conv2d("fourth", "fourth"),
    ),
    unused=(COUNTERS,),
)


def _spade_block(key: str, path: str) -> tuple[Rule, ...]:
    norm, conv = "norm_{n:0|1|s}", "conv_{n:0|1|s}"
    return (
        *conv2d(f"{key}.{norm}.mlp_shared.0", f"{path}/{norm}/shared"),
        *conv2d(f"{key}.{norm}.mlp_gamma", f"{path}/{norm}/gamma"),
        *conv2d(f"{key}.{norm}.mlp_beta", f"{path}/{norm}/beta"),
        *spectral_conv(f"{key}.{conv}", f"{path}/{conv}"),
        Rule(f"{key}.conv_{{n:0|1}}.bias", f"params/{path}/conv_{{n:0|1}}/bias"),
    )


GENERATOR = Table(
    f"{LIVE_PORTRAIT}/base_models/spade_generator",
    (
        *conv2d("fc", "fc"),
        *_spade_block("G_middle_{i}", "middle_{i}"),
        *_spade_block("up_{i}", "up_{i}"),
        *conv2d("conv_img.0", "conv_img"),
    ),
)

RETARGETING = Table(
    f"{LIVE_PORTRAIT}/retargeting_models/stitching_retargeting_module",
    tuple(  # the published sequences count the ReLUs between their layers
        rule
        for group, path in (("retarget_shoulder", "stitching"), ("retarget_mouth", "lip"), ("retarget_eye", "eye"))
        for i in range(10)
        for rule in linear(f"{group}.module.mlp.{2 * i}", f"{path}/layer_{i}")
    ),
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

TABLES = {
    "appearance": APPEARANCE,
    "motion_extractor": MOTION_EXTRACTOR,
    "warping": WARPING,
    "generator": GENERATOR,
    "retargeting": RETARGETING,
    "audio_encoder": AUDIO_ENCODER,
    "denoiser": DENOISER,
    "syncnet": SYNCNET,
}
