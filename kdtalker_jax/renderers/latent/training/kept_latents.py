"""All frames of a data set as latents: the autoencoder looks at each once, not in each step that it is in."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from configs.dreamhead_training import ImageRun
from kdtalker_jax.batching import in_batches
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.latent.masks import inside
from kdtalker_jax.renderers.latent.painting import Networks, blackened, encode, in_range
from kdtalker_jax.renderers.latent.parts import AUTOENCODER
from kdtalker_jax.renderers.latent.training.input import Chosen
from kdtalker_jax.renderers.latent.training.objectives import Latents, inexact
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.landmarks.pictures import landmark_pictures
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.training.kept_clips import KeptClips

INEXACT = 2  # pictures of a frame's landmarks that are as inexact as those that sound makes


class _Frames(NamedTuple):
    """What is kept of F frames."""

    whole: np.ndarray  # float32 (F, h, w, C)
    masked: np.ndarray  # likewise
    lines: np.ndarray  # (F, 1 + INEXACT, h, w, C): of their landmarks, and of inexact ones
    mouth: np.ndarray  # (F, h, w, 1), 1 within the boxes


class KeptLatents:
    """A `Stack` of batches for `objectives.latent_losses`. Every process keeps all frames that show a mouth.

    Args:
        clips: of the split.
        networks: with the autoencoder. autoencoder: its parameters.
        progress: show a bar.

    Raises:
        InputError: they take more memory than `config.input.cache_gb`.
    """

    def __init__(
        self, clips: KeptClips, config: ImageRun, networks: Networks, autoencoder: Any, *, progress: bool = False
    ) -> None:
        self._share = config.landmark_noise
        self._check_room(clips, config)
        see = jax.jit(partial(_seen, networks, config))
        trees = {AUTOENCODER.name: {"params": autoencoder}}
        shown = [(index, int(frame)) for index, clip in enumerate(clips) for frame in clip.seen]
        self._numbers = {one: number for number, one in enumerate(shown)}
        self._size = config.batch_size  # of batches across clips, which may be shorter
        starts = progress_bar(range(0, len(shown), self._size), desc="Encoding", unit="batch", show=progress)
        batches = (shown[start : start + self._size] for start in starts)
        self._batches = [_frames_of(partial(see, trees), config, clips, batch) for batch in batches]

    def __call__(self, chosen: Sequence[Chosen], position: np.ndarray) -> Latents:
        targets = [self._find(one.clip, one.frame) for one in chosen]
        references = [self._find(one.clip, one.reference) for one in chosen]
        return Latents(
            whole=np.stack([batch.whole[row] for batch, row in targets]),
            masked=np.stack([batch.masked[row] for batch, row in targets]),
            reference=np.stack([batch.whole[row] for batch, row in references]),
            lines=np.stack(
                [batch.lines[row, self._which(one.chance)] for (batch, row), one in zip(targets, chosen, strict=True)]
            ),
            own_lines=np.stack([batch.lines[row, 0] for batch, row in targets]),
            reference_lines=np.stack([batch.lines[row, 0] for batch, row in references]),
            mouth=np.stack([batch.mouth[row] for batch, row in targets]),
            position=position,
        )

    def _find(self, clip: int, frame: int) -> tuple[_Frames, int]:
        """The batch that a frame of a clip is in, and its row there."""
        batch, row = divmod(self._numbers[clip, frame], self._size)
        return self._batches[batch], row

    def _which(self, chance: float) -> int:
        """Of the pictures of a frame's landmarks: 0 is exact, all others share what is not."""
        return 1 + min(int(chance / self._share * INEXACT), INEXACT - 1) if chance < self._share else 0

    @staticmethod
    def _check_room(clips: KeptClips, config: ImageRun) -> None:
        side = config.image_size // config.autoencoder.factor
        numbers = side * side * (config.autoencoder.code_width * (3 + INEXACT) + 1)
        needed = 4 * numbers * sum(len(clip.seen) for clip in clips) / 2**30
        if needed > config.input.cache_gb:
            raise InputError(
                f"Latents of all frames take {needed:.1f} GB, more than input.cache_gb={config.input.cache_gb:g}: "
                "raise it, or set keep_latents=false."
            )


def _frames_of(see: Any, config: ImageRun, clips: KeptClips, shown: Sequence[tuple[int, int]]) -> _Frames:
    """Of (clip, frame) each; random numbers are each frame's own, whatever else there is."""
    read = {index: clips[index] for index in {index for index, _ in shown}}  # once: there may be no room to keep them
    rows = [(read[index], frame) for index, frame in shown]
    pictures = np.stack([clip.picture(frame, config.image_size) for clip, frame in rows])
    boxes = np.stack([clip.boxes[frame] for clip, frame in rows])
    points = np.stack([clip.points[frame] for clip, frame in rows])
    return in_batches(see, config.batch_size, pictures, boxes, points, np.array(shown, np.int32))


def _seen(
    networks: Networks,
    config: ImageRun,
    params: Any,
    pictures: jax.Array,
    boxes: jax.Array,
    points: jax.Array,
    numbers: jax.Array,
) -> _Frames:
    see, seen = partial(encode, networks, params), in_range(pictures)

    def key(numbers: jax.Array, which: int) -> jax.Array:
        key = random_key(config.seed)
        for number in (*numbers, which):
            key = jax.random.fold_in(key, number)
        return key

    rough = [inexact(config, points, jax.vmap(partial(key, which=which))(numbers)) for which in range(INEXACT)]
    lines = [see(landmark_pictures(each, config.image_size)) for each in (points, *rough)]
    mouth = inside(boxes, config.image_size, config.autoencoder.factor)
    return _Frames(see(seen), see(blackened(seen, boxes)), jnp.stack(lines, axis=1), mouth)
