"""The two networks of Playmate (arXiv 2502.07203): the diffusion transformer and the emotion-control module."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.motion_models.playmate.blocks import AlignerBlock, ConformerBlock, DitBlock
from kdtalker_jax.motion_models.playmate.config import POSE, EmotionConfig, TransformerConfig
from kdtalker_jax.nn.positions import sinusoid
from kdtalker_jax.nn.shapes import assert_shape


class DiffusionTransformer(nn.Module):
    """Predicts the noise in a window of motion (section 3.3, figure 2).

    A sampler computes what does not change over its steps once (`hear`, `identify`, `embed_time`) and calls `trunk`
    and the heads, `pose` and `exp`, at each.
    """

    config: TransformerConfig
    folded: bool = True  # nothing to fold here; the field is common to all networks
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        config, zeros = self.config, nn.initializers.zeros

        def dense(size: int = config.width, **options: nn.initializers.Initializer) -> nn.Dense:
            return nn.Dense(size, dtype=self.dtype, **options)

        self.audio_in, self.audio_out = dense(), dense()
        self.aligner = [
            AlignerBlock(config.heads, config.expansion, self.dtype, name=f"aligner_{i}")
            for i in range(config.aligner_layers)
        ]
        self.motion_0, self.motion_1 = dense(), dense()
        self.identity_0, self.identity_1 = dense(), dense()
        self.time_0, self.time_1 = dense(), dense()
        self.origin_table = self.param("origin_table", nn.initializers.normal(0.02), (2, config.width))
        self.blocks = [
            ConformerBlock(
                config.heads, config.expansion, config.kernel, config.dropout, self.dtype, name=f"conformer_{i}"
            )
            for i in range(config.layers)
        ]
        self.pose_0, self.pose_1 = dense(), dense(POSE, kernel_init=zeros)
        self.exp_0, self.exp_1 = dense(), dense(config.motion_size - POSE, kernel_init=zeros)

    def __call__(
        self,
        tokens: jax.Array,
        time: jax.Array,
        audio: jax.Array,
        canonical: jax.Array,
        heard: jax.Array | None = None,
        train: bool = False,
    ) -> jax.Array:
        """The noise in the window: (B, L, 70), float32.

        Args:
            tokens: (B, P + L, 70), the frames before the window and the noisy ones, normalised.
            time: (B,) int, of diffusion.
            audio: (B, P + L, W), features of all of them.
            canonical: (B, 63), normalised keypoints that tell whose head it is.
            heard: (B,) 1 or 0, whether there is sound at all; None: there is.
            train: drop out, by the random key `dropout`.
        """
        sound = self.hear(audio)
        if heard is not None:
            sound = sound * heard.astype(sound.dtype)[:, None, None]
        condition = sound + self.identify(canonical)[:, None] + self.embed_time(time)[:, None]
        hidden = self.trunk(tokens, condition, train)
        return jnp.concatenate([self.pose(hidden), self.exp(hidden)], axis=-1)

    def hear(self, audio: jax.Array) -> jax.Array:
        """Features (B, P + L, W), aligned with motion: (B, P + L, D). Zeros in place of it stand for no sound."""
        assert_shape(audio, (None, None, self.config.audio_features))
        x = self.audio_in(audio)
        for block in self.aligner:
            x = block(x)
        return self.audio_out(x)

    def identify(self, canonical: jax.Array) -> jax.Array:
        """(B, 63) -> (B, D)"""
        return self.identity_1(nn.silu(self.identity_0(canonical)))

    def embed_time(self, time: jax.Array) -> jax.Array:
        """(B,) -> (B, D)"""
        return self.time_1(nn.silu(self.time_0(sinusoid(time, self.config.width))))

    def trunk(self, tokens: jax.Array, condition: jax.Array, train: bool = False) -> jax.Array:
        """Tokens (B, P + L, 70), told the sum of sound, identity and time (B, P + L, D) -> (B, P + L, D)."""
        config = self.config
        assert_shape(tokens, (None, None, config.motion_size))
        is_new = (jnp.arange(tokens.shape[1]) >= config.previous).astype(jnp.int32)
        origin = self.origin_table[is_new][None].astype(self.dtype)  # (1, P + L, D)
        x = self.motion_1(nn.silu(self.motion_0(tokens))) + condition + origin
        for block in self.blocks:
            x = block(x, condition, train)
        return x

    def pose(self, hidden: jax.Array) -> jax.Array:
        """The noise in the window's pose, of what the trunk gives: (B, L, 7), float32."""
        return self.pose_1(nn.silu(self.pose_0(self._window(hidden)))).astype(jnp.float32)

    def exp(self, hidden: jax.Array) -> jax.Array:
        """In its expression, of the trunk or of the emotion module: (B, L, 63), float32."""
        return self.exp_1(nn.silu(self.exp_0(self._window(hidden)))).astype(jnp.float32)

    def _window(self, hidden: jax.Array) -> jax.Array:
        return hidden[:, self.config.previous :]


class EmotionModule(nn.Module):
    """Between trunk and expression head: what the trunk gives (B, T, D), changed by an emotion (figure 3)."""

    config: EmotionConfig
    folded: bool = True
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        config = self.config
        self.emotion_table = self.param("emotion_table", nn.initializers.normal(0.5), (config.rows, config.width))
        self.time_0, self.time_1 = (nn.Dense(config.width, dtype=self.dtype) for _ in range(2))
        self.blocks = [
            DitBlock(config.heads, config.expansion, self.dtype, name=f"dit_{i}") for i in range(config.layers)
        ]

    def __call__(self, hidden: jax.Array, time: jax.Array, weights: jax.Array) -> jax.Array:
        """`change`, of weights (B, T, rows) of emotions and times (B,)."""
        return self.change(hidden, self.feel(weights) + self.embed_time(time)[:, None])

    def feel(self, weights: jax.Array) -> jax.Array:
        """Weights (B, T, rows) of `emotions.ROWS`, which add up to 1 -> (B, T, D)."""
        weights, table = nn.dtypes.promote_dtype(weights, self.emotion_table, dtype=self.dtype)
        return weights @ table

    def embed_time(self, time: jax.Array) -> jax.Array:
        """(B,) -> (B, D)"""
        return self.time_1(nn.silu(self.time_0(sinusoid(time, self.config.width))))

    def change(self, hidden: jax.Array, condition: jax.Array) -> jax.Array:
        """(B, T, D), told the sum of emotion and time (B, T, D)."""
        for block in self.blocks:
            hidden = block(hidden, condition)
        return hidden
