"""The published system in plain PyTorch: to be read beside the JAX networks and to race them.

Written from the papers (KDTalker, arXiv 2503.12963; LivePortrait, arXiv 2407.03168), named as the published files are.
Arrays are channels first. `python -m benchmarks.torch_baseline --help` measures it.
"""

from benchmarks.torch_baseline.pipeline import (
    animate,
    audio_features,
    ddim,
    degrees,
    keypoint_info,
    motion_tokens,
    pose_keypoints,
    render,
    rotation_matrix,
    stitch,
    to_uint8,
)
from benchmarks.torch_baseline.portrait import AppearanceExtractor, MotionExtractor
from benchmarks.torch_baseline.renderer import Retargeting, SpadeGenerator, WarpingModule
from benchmarks.torch_baseline.speech import AudioEncoder, Denoiser
from benchmarks.torch_baseline.weights import (
    Networks,
    build,
    load_network,
    load_published,
    random_networks,
    save_published,
    tune,
)

__all__ = [
    "AppearanceExtractor",
    "AudioEncoder",
    "Denoiser",
    "MotionExtractor",
    "Networks",
    "Retargeting",
    "SpadeGenerator",
    "WarpingModule",
    "animate",
    "audio_features",
    "build",
    "ddim",
    "degrees",
    "keypoint_info",
    "load_network",
    "load_published",
    "motion_tokens",
    "pose_keypoints",
    "random_networks",
    "render",
    "rotation_matrix",
    "save_published",
    "stitch",
    "to_uint8",
    "tune",
]
