"""How LivePortrait's published networks are called here."""

from convert.layers import COUNTERS, batch_norm, conv2d, conv3d, layer_norm, linear
from convert.rules import Rule, Table, Transform

LIVE_PORTRAIT = "pretrained_weights/liveportrait"


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
