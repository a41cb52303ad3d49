"""The clips that a training can use, kept in memory as far as there is room."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

from configs.training import InputConfig
from kdtalker_jax.streams import progress_bar


class KeptClip(Protocol):
    """What a training makes of a clip of a data set."""

    @property
    def nbytes(self) -> int:
        """Of its arrays."""


class KeptClips(Sequence[Any]):
    """Those of a split that are of use, in its order.

    Attributes:
        left_out: how many are of none.
    """

    def __init__(
        self,
        clips: Sequence[Mapping[str, Any]],
        make: Callable[[Mapping[str, Any]], KeptClip],
        usable: Callable[[Any], bool],
        settings: InputConfig,
        *,
        progress: bool = False,
    ) -> None:
        """Reads all clips once.

        Args:
            clips: of the split.
            make: what is kept of a clip.
            usable: whether it can be trained on.
            settings: threads that read, and how much is kept.
        """
        self._clips, self._make = clips, make
        self._kept: dict[int, KeptClip] = {}
        self._room, self._lock = settings.cache_gb * 2**30, threading.Lock()
        bar = partial(progress_bar, desc="Reading clips", total=len(clips), unit="clip", show=progress)
        with ThreadPoolExecutor(settings.threads) as pool:
            of_use = list(bar(pool.map(lambda index: usable(self._read(index)), range(len(clips)))))
        self._usable = [index for index, is_of_use in enumerate(of_use) if is_of_use]
        self.left_out = len(clips) - len(self._usable)

    def __len__(self) -> int:
        return len(self._usable)

    def __getitem__(self, index: int) -> Any:
        return self._read(self._usable[index])

    def _read(self, index: int) -> Any:
        clip = self._kept.get(index)
        if clip is None:
            clip = self._make(self._clips[index])
            with self._lock:
                if index not in self._kept and clip.nbytes <= self._room:
                    self._room -= clip.nbytes
                    self._kept[index] = clip
        return clip
