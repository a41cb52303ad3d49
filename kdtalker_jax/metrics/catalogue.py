"""What is measured: each number's name, its unit, which way is better, and what it needs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """What a number is.

    Attributes:
        better: "higher", "lower", or empty where neither is.
        needs: as in `Evaluator.lacks`.
        together: of all videos at once, not of each.
    """

    name: str
    unit: str = ""
    better: str = ""
    needs: tuple[str, ...] = ()
    together: bool = False


METRICS = (
    Metric("pose_diversity", "degrees", "higher", ("motion_extractor",)),
    Metric("pose_diversity_hopenet", "", "higher", ("hopenet",)),
    Metric("beat_align", "", "higher", ("motion_extractor",)),
    Metric("cpbd", "", "higher"),
    Metric("mouth_correlation", "", "higher", ("landmarks",)),
    Metric("mouth_offset", "frames", "", ("landmarks",)),
    Metric("lse_c", "", "higher", ("syncnet",)),
    Metric("lse_d", "", "lower", ("syncnet",)),
    Metric("sync_offset", "frames", "", ("syncnet",)),
    Metric("jitter", "widths/s^3", "lower", ("motion_extractor",)),
    Metric("window_jump", "ratio", "", ("motion_extractor",)),
    Metric("csim_dlib", "", "higher", ("landmarks", "recognition")),
    Metric("csim", "", "higher", ("landmarks", "arcface")),
    Metric("emotion_accuracy", "", "higher", ("landmarks", "emotion", "emotion_judge")),
    Metric("emotion_of_video", "", "higher", ("landmarks", "emotion", "emotion_judge")),
    Metric("psnr", "dB", "higher", ("reference",)),
    Metric("ssim", "", "higher", ("reference",)),
    Metric("l1", "levels", "lower", ("reference",)),
    Metric("lpips", "", "lower", ("reference", "lpips")),
    Metric("flicker", "ratio", "", ("reference",)),
    Metric("psnr_mouth", "dB", "higher", ("reference", "landmarks")),
    Metric("ssim_mouth", "", "higher", ("reference", "landmarks")),
    Metric("flicker_mouth", "ratio", "", ("reference", "landmarks")),
    Metric("lmd", "eye dist.", "lower", ("reference", "landmarks")),
    Metric("lmd_lips", "eye dist.", "lower", ("reference", "landmarks")),
    *(
        Metric(f"pose_distance_{angle}", "degrees", "lower", ("reference", "motion_extractor"))
        for angle in ("yaw", "pitch", "roll")
    ),
    Metric("keypoint_distance", "% of width", "lower", ("reference", "motion_extractor")),
    Metric("fid", "", "lower", ("reference", "inception"), together=True),
    Metric("fvd", "", "lower", ("i3d",), together=True),
)
