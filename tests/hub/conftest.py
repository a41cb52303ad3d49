"""A hub of the tests' own, with small published files, and a user whose caches are empty.

There is one for each process, because huggingface_hub reads where it is when it is imported.
"""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from configs.published import PUBLISHED, SYNCNET
from kdtalker_jax.hub import registry
from tests.convert.conftest import small_states as small_states  # a fixture
from tests.convert.conftest import write_download
from tests.convert.torch_writer import legacy_file
from tests.hub.server import Hub, start

_, HUB = start()
os.environ |= {
    "HF_ENDPOINT": HUB.url,
    "HF_HUB_DISABLE_XET": "1",  # its storage is another protocol
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
}
import huggingface_hub.constants  # noqa: E402 - it reads the environment

ROOT = Path(__file__).resolve().parents[2]
KDTALKER, LIVE_PORTRAIT, LATENT_SYNC = "ChaolongYang/KDTalker", "KwaiVGI/LivePortrait", "ByteDance/LatentSync-1.6"


@pytest.fixture(scope="session")
def published_files(small_states, tmp_path_factory) -> dict[str, bytes]:
    """What KDTalker's repository holds, small, and files of it that nobody needs here."""
    folder = write_download(tmp_path_factory.mktemp("hub"), small_states)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return files | {"README.md": b"hello", "pretrained_weights/liveportrait/landmark.onnx": bytes(5000)}


@pytest.fixture(scope="session")
def syncnet_file(small_states) -> bytes:
    return legacy_file(small_states["syncnet"])


@pytest.fixture
def hub(published_files, syncnet_file, tmp_path, monkeypatch) -> Hub:
    """The hub that huggingface_hub asks, in this process and in those that it starts; nothing has been fetched yet."""
    HUB.reset()
    HUB.repository(KDTALKER).put(published_files)
    HUB.repository(LATENT_SYNC).put({"auxiliary/syncnet_v2.model": syncnet_file, "latentsync_unet.pt": bytes(9999)})
    home = tmp_path / "home"
    environment = {
        "HF_HOME": str(home / "huggingface"),
        "KDTALKER_CACHE": str(home / "kdtalker_jax"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "KDTALKER_ACCEPT_LICENCE"):
        monkeypatch.delenv(name, raising=False)
    # The same for this process, which reads its environment once.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(home / "huggingface" / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(home / "huggingface" / "token"))
    for model in (PUBLISHED, SYNCNET):
        monkeypatch.setitem(registry._REGISTERED, model.name, dataclasses.replace(model, config="small"))
    return HUB


@pytest.fixture
def offline(monkeypatch):
    """Call it to forbid requests, as HF_HUB_OFFLINE does."""

    def forbid() -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    return forbid


@pytest.fixture
def cache(hub, tmp_path) -> Path:
    """Of models."""
    return tmp_path / "home" / "kdtalker_jax"


@pytest.fixture
def downloads(hub, tmp_path) -> Path:
    """huggingface_hub's cache."""
    return tmp_path / "home" / "huggingface" / "hub"


def begin(*arguments: str, **options) -> subprocess.Popen:
    """A command of `tests.hub.command`, in a process of its own."""
    program = [sys.executable, "-m", "tests.hub.command", *arguments]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(program, **{**streams, **options})
