"""What a user may choose of how a renderer works reaches it; all else is refused in a sentence."""

import pytest

from configs.dreamhead import SMALL
from configs.kdtalker import SMALL as WITHOUT
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.choices import with_rendering
from kdtalker_jax.renderers.latent.renderer import LandmarkPainter
from kdtalker_jax.renderers.liveportrait.model import LivePortrait


def test_what_is_chosen_is_set_and_all_else_stays():
    chosen = with_rendering(SMALL, LandmarkPainter, {"steps": 50, "reference": "previous", "feather": 4})
    assert (chosen.painting.steps, chosen.painting.reference, chosen.painting.feather) == (50, "previous", 4.0)
    assert chosen.painting.image_size == SMALL.painting.image_size and chosen.unet == SMALL.unet
    assert LandmarkPainter(chosen).stateful
    assert with_rendering(SMALL, LandmarkPainter, {}) == SMALL


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"step": 5}, "There is nothing called 'step' to choose of the rendering: did you mean 'steps'?"),
        ({"image_size": 64}, "There is nothing called 'image_size'"),
        ({"steps": 0}, "rendering: steps is 0, not from 1 to 1000."),
        ({"steps": "many"}, "rendering.steps is 'many', not a whole number."),
        ({"reference": "last"}, "rendering.reference is 'last', not one of first, previous."),
    ],
)
def test_what_cannot_be_is_refused(asked, message):
    with pytest.raises(InputError) as refused:
        with_rendering(SMALL, LandmarkPainter, asked)
    assert str(refused.value).startswith(message)


def test_models_without_choices_say_so():
    with pytest.raises(InputError, match="leaves nothing of its rendering to choose"):
        with_rendering(WITHOUT, LivePortrait, {"steps": 5})
