"""Which arrays go with which sizes: `checkpoints.fit.fit_key` of each part of each named model.

Models of other sizes are traced when they are read. Where a network changes, `tests/checkpoints/test_fits.py` says
which lines do.
"""

FITS = frozenset(
    {
        "3ad9410d95d21fbd4c875542e69acd76",  # appearance of published
        "1a880a23a0a59f1157916f0facaf3dce",  # motion_extractor of published
        "9fda1ba313d7030b552161fa4217218f",  # warping of published
        "7bc3a73c956adf458bd33a54bf2f3cb7",  # generator of published
        "78395da50ed8678578d08b16f641255a",  # retargeting of published
        "2aa35f9dc8af337c1c605bc7e942dab4",  # audio_encoder of published
        "b14d9d51318a27f9a7eeefd48d683aeb",  # denoiser of published
        "6dc518a592f35d0659cc87231abb4d4d",  # syncnet of published
        "c29f1c43caf4a3ead90b768748fef604",  # appearance of small
        "9252627e46f605a3d488a9d907de5e34",  # motion_extractor of small
        "8134e4518264b5f4db6c8ffdcc5f264c",  # warping of small
        "7a8de91c7a08ba14417fa30aa69658ac",  # generator of small
        "7d9da5ae46ea000ebbe8c972dc365724",  # retargeting of small
        "e7217685e2fdd71fea100796346f37b2",  # audio_encoder of small
        "bca34c76e80ac2e62bdc2f8ee528551d",  # denoiser of small
        "80d4e5656b9720309a925a056eaf3f67",  # syncnet of small
        "72e2d4e77748d6af9d0511412384f4ba",  # appearance of demo
        "6dacb9805941c6be88877af5611244c5",  # motion_extractor of demo
        "fbfc167c181b5d32d7cfeb2e40d92252",  # warping of demo
        "082453a54613e8e12fec9f02283b934f",  # generator of demo
        "80ca06278e0106b9cb56b82e73dcf8a5",  # retargeting of demo
        "90bd4db4a12480d00433a9cc8298eea8",  # audio_encoder of demo
        "67230fa4f0cefce218a8a70dda31791f",  # denoiser of demo
        "4d64148647243962281311c5526f6fed",  # motion_extractor of varied
        "9e51f491a34435497c994f3bfd6409e9",  # warping of varied
        "8a668a13323b879869dd5499e9932dc4",  # generator of varied
    }
)
