"""TalkingPortrait: one portrait and one recording in, a talking video out.

picture   -> crop -> renderer: describe -------------> source
recording -> features --.
source, noise ----------> motion model, windows -----> motion -> smoothing -> driven by the portrait -> stitching
source, motion ---------> renderer: frames ----------> video with the recording

Which features, motion model and renderer these are says the model's system; no network is named here.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from kdtalker_jax import dubbing
from kdtalker_jax.animation import Animation, several
from kdtalker_jax.arguments import PATH, arguments_of, asked_for, check_motion, check_source, spelt
from kdtalker_jax.batching import made_ahead, one_ahead
from kdtalker_jax.choices import CropMode, Length, check_crop
from kdtalker_jax.compiling import announced
from kdtalker_jax.compositing.finish import PLAIN, Finish
from kdtalker_jax.edits.posing import AXES, Axes
from kdtalker_jax.edits.reenacting import Reenactment
from kdtalker_jax.errors import InputError
from kdtalker_jax.loaded_model import LoadedModel, PathLike
from kdtalker_jax.media.image import Picture
from kdtalker_jax.media.rates import num_frames
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.media.waveforms import in_pieces, pieces_of, recording_file, waveform_of
from kdtalker_jax.rendering import Begun, batch_size_of
from kdtalker_jax.results import Video
from kdtalker_jax.source import Source
from kdtalker_jax.sources.driver import Driver
from kdtalker_jax.sources.video import read_driver
from kdtalker_jax.streams import progress_bar

Motion = Any  # of the space in which the model's motion is


class TalkingPortrait(LoadedModel):
    """A model that animates portraits. Methods are pure; only compiled code is kept."""

    def animate(
        self,
        source: Source,
        audio: PathLike | np.ndarray,
        *,
        rate: int | None = None,
        progress: bool = False,
        **animation: Any,
    ) -> Motion:
        """Motion for a recording, one frame per 40 ms.

        Args:
            source: from `prepare`.
            audio: path, or a waveform (samples,) or (samples, channels).
            rate: samples per second of the waveform; by default 16,000, with a warning if it sounds like more.
            progress: show bars.
            animation: seed, sampler, steps, initial_noise, relative, smooth, stitch, controls, edits: see `Animation`;
                and what else the motion model can be asked for, of its `Controls`, such as Playmate's `emotion`.

        Returns:
            Motion of T = floor(samples at 16 kHz / 640) frames, driven for this portrait.

        Raises:
            TypeError: an argument that there is not. InputError: a value that the model cannot be asked for, an
                unreadable or too short recording. Nothing has been computed then.
            DamagedModelError: the networks give motion that cannot be.
        """
        check_source(source, "animate")
        asked = asked_for(self.animate, animation, self.motion_model)
        return self._animate(source, waveform_of(audio, rate), asked, progress)

    def _animate(self, source: Source, waveform: np.ndarray, asked: Animation, progress: bool) -> Motion:
        """`animate` for a 16 kHz waveform."""
        self._mover.check(source, asked)
        performer = self._performer
        total = performer.windows_of(waveform)
        windows = one_ahead(lambda window: window, performer.perform(source, in_pieces(waveform), asked, total))
        bar = progress_bar(windows, "Motion", total=total, unit="window", show=progress)
        with announced("the motion model", "up to half a minute", progress):
            vectors = [performer.vectors(window) for window, _ in bar]  # (n, D) each; the device is one window ahead
        return self._mover.whole(source, vectors, asked)

    def animate_together(
        self,
        sources: Sequence[Source],
        audio: Sequence[PathLike | np.ndarray],
        *,
        seeds: Sequence[int] | None = None,
        rate: int | None = None,
        **animation: Any,
    ) -> list[Motion]:
        """`animate` of several recordings, with one call of the motion model for a window of each.

        Args:
            sources: a portrait for each recording; the same one may come several times.
            audio: paths or waveforms, of any lengths.
            seeds: one for each; by default 0 for all. Other arguments are those of `animate`, the same for all, without
                `initial_noise`.

        Returns:
            The motion of each, that of `animate` to 1e-5.

        Raises:
            InputError: as `animate`; also for other numbers of portraits or seeds than of recordings.
        """
        asked = several(
            len(sources), len(audio), seeds, **arguments_of(self.animate_together, animation, self.motion_model)
        )
        for source, one in zip(sources, asked, strict=True):
            check_source(source, "animate_together")
            self._mover.check(source, one)
        waveforms = [waveform_of(recording, rate) for recording in audio]
        vectors = self._performer.perform_together(sources, waveforms, asked)
        return [self._mover.whole(*parts) for parts in zip(sources, vectors, asked, strict=True)]

    def stream_motion(
        self,
        source: Source,
        audio_chunks: Iterable[np.ndarray],
        *,
        rate: int | None = None,
        **animation: Any,
    ) -> Iterator[Motion]:
        """`animate` of a recording that is still being made: pieces of its motion, as soon as they are settled.

        A window of KDTalker, 64 frames, is sampled once 67 frames of sound are there (2.68 s), which its last frames
        hear; those of DreamHead are 56 frames. The
        smoother holds back its last 5 until the next window is there (`smoothing.KalmanSmoother.lag`).

        Args:
            audio_chunks: waveforms of `rate` samples per second, (n,) or (n, channels), of any lengths; the end of the
                recording is where they end. Other arguments as in `animate`; of the initial noise as many windows are
                used as there are.

        Yields:
            Motion, driven for this portrait. Joined, the pieces are what `animate` returns for the joined chunks, to
            1e-5.
        """
        check_source(source, "stream_motion")
        if isinstance(audio_chunks, PATH):
            raise InputError("A stream's sound comes as waveforms, piece by piece: `animate` takes a file.")
        asked = asked_for(self.stream_motion, animation, self.motion_model)
        self._mover.check(source, asked)
        performer = self._performer
        windows = performer.perform(source, pieces_of(audio_chunks, rate), asked, None)
        return self._mover.pieces(source, map(performer.vectors, windows), asked)

    def drive(
        self,
        source: Source,
        motion: Motion,
        *,
        relative: bool = False,
        stitch: bool = False,
        edits: Any = None,
        first: Motion | None = None,
    ) -> Motion:
        """The motion with what moves this portrait by it: for implicit keypoints, the driving keypoints.

        Arguments as in `animate`; `first` is the beginning of the motion, where this is a later piece of it.
        """
        check_source(source, "drive")
        check_motion(motion, self.space.motion, "drive")
        return self._mover.drive(source, motion, relative=relative, stitch=stitch, edits=edits, first=first)

    def reenact(
        self,
        source: Source,
        driver: PathLike | Driver,
        *,
        sound: Motion | None = None,
        driving_crop: CropMode = "square",
        driving_face_index: int | None = None,
        progress: bool = False,
        **how: Any,
    ) -> Motion:
        """Motion of a portrait that follows a driver: 25 frames a second, driven.

        Args:
            source: from `prepare`.
            driver: a video, a picture or a template (docs/driving.md), or what `sources.video.read_driver` made of one.
            sound: the portrait's motion for a recording, from `animate`: its lips are taken.
            driving_crop, driving_face_index: how its face is found, see there.
            progress: show a bar.
            how: regions, relative, reference, multiplier, stitch, eyes, lips, close_lips, lip_strength, sliders, edits:
                see `edits.reenacting.Reenactment`.

        Raises:
            TypeError: an argument that there is not.
            InputError: a value that cannot be, an unreadable driver, one without a face (NoFaceError).
        """
        check_source(source, "reenact")
        asked = Reenactment(**how)
        driver = self._driver(driver, driving_crop, driving_face_index, progress)
        return self._mover.follow(source, driver, asked, sound)

    def poses(
        self,
        source: Source,
        driver: PathLike | Driver,
        *,
        relative: bool = True,
        driving_crop: CropMode = "square",
        driving_face_index: int | None = None,
        progress: bool = False,
    ) -> Motion:
        """The poses of this portrait's head that follow a driver's, 25 a second: for `turn`, or `pose` of `animate`.

        Args:
            relative: only what changes since the driver's first frame, on top of the portrait's own.
            source, driver, driving_crop, driving_face_index, progress: as in `reenact`.
        """
        check_source(source, "poses")
        driver = self._driver(driver, driving_crop, driving_face_index, progress)
        return self._mover.poses(source, driver, relative)

    def _driver(
        self, driver: PathLike | Driver, driving_crop: CropMode, driving_face_index: int | None, progress: bool
    ) -> Driver:
        if isinstance(driver, Driver):
            return driver
        found = {"driving_crop": driving_crop, "driving_face_index": driving_face_index}
        return read_driver(driver, self.renderer, self.params, self.detector, **found, progress=progress)

    def turn(
        self,
        source: Source,
        motion: Motion,
        poses: Motion,
        *,
        axes: Axes = AXES,
        stitch: bool = False,
        edits: Any = None,
    ) -> Motion:
        """A motion of `animate` with other poses: the head follows a driver, the face stays.

        Args:
            source: the portrait. motion: of it, not `relative`.
            poses: from `poses`; where they end, they are played backwards.
            axes: what of them is taken, of "scale", "yaw", "pitch", "roll" and "t": "yaw,pitch" or a list.
            stitch, edits: as in `animate`.

        Raises:
            InputError: axes that there are not, or something else in place of a motion.
        """
        check_source(source, "turn")
        for given in (motion, poses):
            check_motion(given, self.space.motion, "turn")
        return self._mover.turn(source, motion, poses, axes, stitch=stitch, edits=edits)

    @spelt
    def render(
        self, source: Source, motion: Motion, *, batch_size: int | None = None, progress: bool = False
    ) -> Iterator[np.ndarray]:
        """Frames of a motion, a batch at a time: uint8 (b, H, W, 3), b at most `batch_size`.

        The devices render one batch while the caller uses the one before. Raises CheckpointError at a frame that is
        not finite.

        Args:
            motion: driven for this portrait, as `animate` and `drive` return it.
            batch_size: frames per call of the networks; by default 1 for each CPU device and 8 for each accelerator.

        Raises:
            InputError: at once, for a batch size that cannot be, or a motion that is not this portrait's.
        """
        check_source(source, "render")
        check_motion(motion, self.space.motion, "render")
        driving = self.space.driving(motion)
        if driving is None:
            raise InputError("This motion has not been given to a portrait yet: call drive(source, motion) first.")
        self.space.check(motion)
        return self._render(source, driving, len(motion), batch_size_of(batch_size), progress)

    def _render(
        self, source: Source, driving: Any, count: int, batch_size: int, progress: bool, begun: Begun | None = None
    ) -> Iterator[np.ndarray]:
        bar = progress_bar(total=count, desc="Rendering", unit="frame", show=progress)
        with bar, announced("the renderer", "up to a minute", progress):
            for frames in self._frames(source.arrays, driving, batch_size, begun):
                yield frames
                bar.update(len(frames))

    def stream(
        self,
        source: Source,
        audio_chunks: Iterable[np.ndarray],
        *,
        rate: int | None = None,
        batch_size: int | None = None,
        **animation: Any,
    ) -> Iterator[np.ndarray]:
        """Frames as the sound arrives: uint8 (b, H, W, 3), those of `render` for the motion of `animate`.

        The first of KDTalker comes after 2.68 s of sound and the time that computing takes (docs/deployment.md). While
        a window's frames are rendered, the next one's sound is taken and its motion computed, in another thread.
        Arguments as in `stream_motion` and `render`, which are checked before any sound is taken.
        """
        batch_size = batch_size_of(batch_size)
        motions = self.stream_motion(source, audio_chunks, rate=rate, **animation)
        ahead, begun = made_ahead(motions), self._frames.begin(source.arrays)
        driven = ((self.space.driving(motion), len(motion)) for motion in ahead)
        return (frames for piece in driven for frames in self._render(source, *piece, batch_size, False, begun))

    def sample(
        self,
        image: Picture,
        audio: PathLike | np.ndarray,
        output: PathLike,
        *,
        rate: int | None = None,
        crop: CropMode = "square",
        face_index: int | None = None,
        batch_size: int | None = None,
        finish: Finish = PLAIN,
        progress: bool = False,
        **animation: Any,
    ) -> Video:
        """Portrait and recording to a video file: H.264, 25 frames a second, the recording as its sound.

        Further arguments as in `prepare`, `animate`, `write`. The file appears under its name only once it is complete.

        Raises:
            TypeError: an argument that there is not.
            InputError, OutputError: before any heavy work, but where the picture shows no such face.
        """
        asked, batch_size = asked_for(self.sample, animation, self.motion_model), batch_size_of(batch_size)
        check_crop(crop, face_index)
        inputs = [item for item in (image, audio) if isinstance(item, (str, os.PathLike))]
        finish.check(output, inputs, image)
        waveform = waveform_of(audio, rate)
        asked.of(self.motion_model, self.windows_of(waveform))  # refuses before any work
        with recording_file(audio, rate, output) as recording:
            video = finish.writer(output, recording, num_frames(len(waveform)), inputs)
            source = self.prepare(image, crop, face_index)
            motion = self._animate(source, waveform, asked, progress)
            return self._write(video, source, motion, output, finish, batch_size, progress)

    @spelt
    def write(
        self,
        source: Source,
        motion: Motion,
        output: PathLike,
        audio: PathLike | np.ndarray | None,
        *,
        rate: int | None = None,
        batch_size: int | None = None,
        finish: Finish = PLAIN,
        progress: bool = False,
    ) -> Video:
        """Render a motion into a video file, with the sound of a recording if there is one: the last step of `sample`.

        `audio` and `rate` are as in `animate`; `finish` says what comes after the frames (docs/portraits.md).
        """
        check_source(source, "write")
        check_motion(motion, self.space.motion, "write")
        finish.check(output, picture=source.picture)
        if not (audio is None or isinstance(audio, (str, os.PathLike))):
            waveform_of(audio, rate)  # refuses what is none
        with recording_file(audio, rate, output) as recording:
            video = finish.writer(output, recording, len(motion))
            return self._write(video, source, motion, output, finish, batch_size, progress)

    def dub(
        self,
        video: PathLike,
        audio: PathLike | np.ndarray,
        output: PathLike,
        *,
        length: Length = "shortest",
        **how: Any,
    ) -> Video:
        """A video whose person says something else, written to a file: its rate, colours and size, which is reduced to
        4096 pixels a side where it is larger, and the new sound.

        Outside the mouth each frame is that of the video bit by bit, before it is encoded; frames that do not show the
        face are so everywhere. Needs a model that paints mouths, such as DreamHead. Errors are those of `sample`.

        Args:
            length: "shortest" of video and sound; "audio", the last frame is held; "video", after the sound comes
                silence; or "loop", the video begins anew until the sound ends.
            how: rate, crop, face_index, batch_size, progress and what is asked of the motion, as in `sample`.
        """
        return dubbing.dub(self, video, audio, output, length=length, **how)

    def repaint(self, frames: dubbing.Reader, audio: PathLike | np.ndarray, **how: Any) -> Iterator[np.ndarray]:
        """Frames of a person, made by another renderer or read from anywhere, whose mouth says a recording.

        Args:
            frames: makes them, uint8 (H, W, 3) each, anew whenever it is called: twice to know the face, once to paint.
            how: frame_rate (a second), and as in `dub`.

        Yields:
            uint8 (1, H, W, 3), as many as there are or as the recording lasts.
        """
        return dubbing.repaint(self, frames, audio, **how)

    def _write(
        self,
        video: VideoWriter,
        source: Source,
        motion: Motion,
        output: PathLike,
        finish: Finish,
        batch_size: int | None,
        progress: bool,
    ) -> Video:
        if finish.paste_back:
            self._mover.tell_if_far(source, motion)
        motion = self._mover.at_rate(source, motion, finish.rate)
        rendered = self.render(source, motion, batch_size=batch_size, progress=progress)
        return finish.written(video, output, source, rendered)
