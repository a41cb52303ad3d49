"""Regions as a set: what is named moves, what is left out does not."""

import numpy as np
import pytest

from kdtalker_jax.edits.regions import EYES, LIP, regions_of
from kdtalker_jax.errors import InputError


def test_regions_add_up_and_are_taken_away_from_the_left():
    assert regions_of("pose, LIP").parts == {"pose", "lip"}
    assert regions_of("all,-lip").parts == {"pose", "size", "eyes", "rest"}
    assert regions_of("-lip") == regions_of(("all", "-lip"))
    assert regions_of("all,-exp,eyes").parts == {"pose", "size", "eyes"}


@pytest.mark.parametrize("whole", (False, True))
def test_a_mask_without_lips_leaves_the_lips(whole):
    mask = regions_of("all,-lip").mask(whole=whole)
    assert not mask[LIP, :].any()
    assert mask[EYES, :].all()
    assert mask[0].all() == whole


@pytest.mark.parametrize(
    ("names", "said"), (("lips", "'lip'"), ("pose,moth", "'moth'"), ("lip,-exp", "leave nothing"), ("", "no region"))
)
def test_a_region_that_there_is_not(names, said):
    with pytest.raises(InputError, match=said):
        regions_of(names)


def test_a_model_of_other_keypoints_has_no_lips():
    assert regions_of("all").mask(5, whole=True).all()
    assert not regions_of("pose").mask(5, whole=False).any()
    with pytest.raises(InputError, match="5"):
        regions_of("lip").mask(5, whole=True)
    assert np.shape(regions_of("exp").mask(5, whole=True)) == (5, 3)
