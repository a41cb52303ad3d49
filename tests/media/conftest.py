"""Small recordings and pictures, made anew for each test."""

import struct
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest


@pytest.fixture(scope="session")
def ffmpeg():
    """Runs the bundled ffmpeg and returns its messages; paths are those of tests, so plain arguments are safe."""

    def run(*arguments, check=True):
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
        return subprocess.run(command, check=check, capture_output=True, text=True).stderr

    return run


@pytest.fixture(scope="session")
def tone():
    """A chirp with a soft start: (seconds, rate, channels) -> float32 (samples, channels), each channel its own."""

    def make(seconds, rate, channels=1):
        time = np.arange(round(seconds * rate)) / rate
        waves = [np.sin(2 * np.pi * (200 + 60 * i + 100 * time) * time) * (0.4 - 0.05 * i) for i in range(channels)]
        return (np.stack(waves, axis=-1) * np.minimum(1, 20 * time)[:, None]).astype(np.float32)

    return make


class RgbSpace:
    """A colour space of three primaries and a power, by the formulas of its standard; no library of colours is used.

    Args:
        white: x, y.
        primaries: x, y of red, green and blue.
        gamma: light is the value to this power; None: the curve of sRGB.
    """

    D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
    BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

    def __init__(self, white, primaries, gamma):
        self.gamma = gamma
        columns = np.array([self._xyz(*xy) for xy in primaries]).T
        columns = columns * np.linalg.solve(columns, self._xyz(*white))
        cones = (self.BRADFORD @ self._xyz(*self.D50)) / (self.BRADFORD @ self._xyz(*white))
        self.to_d50 = np.linalg.inv(self.BRADFORD) @ np.diag(cones) @ self.BRADFORD @ columns  # (3, 3)

    @staticmethod
    def _xyz(x, y):
        return np.array([x / y, 1, (1 - x - y) / y])

    def light(self, values):
        if self.gamma is not None:
            return values**self.gamma
        return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)

    def shown(self, pixels):
        """Integers (..., 3) of this space as levels of sRGB, 0..255, not rounded."""
        most = np.iinfo(pixels.dtype).max
        srgb = RgbSpace(self.D65, ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), None)
        light = self.light(pixels / most) @ (np.linalg.solve(srgb.to_d50, self.to_d50)).T
        light = np.clip(light, 0, 1)
        return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)

    def profile(self, grey=False):
        """As ICC's version 2 writes it: a curve of 1024 points."""
        curve = np.round(65535 * self.light(np.arange(1024) / 1023)).astype(">u2")
        curve = struct.pack(">4sII", b"curv", 0, 1024) + curve.tobytes()
        tags = {b"wtpt": self._xyz(*self.D50), b"rXYZ": self.to_d50[:, 0], b"gXYZ": self.to_d50[:, 1]}
        tags |= {b"bXYZ": self.to_d50[:, 2]}
        tags = {
            name: struct.pack(">4sI3i", b"XYZ ", 0, *np.round(65536 * xyz).astype(int)) for name, xyz in tags.items()
        }
        tags |= {b"kTRC": curve} if grey else dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
        table, data = struct.pack(">I", len(tags)), b""
        for name, content in tags.items():
            table += name + struct.pack(">II", 132 + 12 * len(tags) + len(data), len(content))
            data += content
        kinds = (b"mntr", b"GRAY" if grey else b"RGB ", b"XYZ ", b"acsp")
        header = struct.pack(">I4xI4s4s4s12x4s28x", 128 + len(table) + len(data), 0x02100000, *kinds)
        return header + struct.pack(">3i48x", 63190, 65536, 54061) + table + data


@pytest.fixture(scope="session")
def spaces():
    """Colour spaces of cameras, phones and painters."""
    srgb, adobe = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
    prophoto = ((0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105))
    return {
        "sRGB": RgbSpace(RgbSpace.D65, srgb, None),
        "Display P3": RgbSpace(RgbSpace.D65, ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), None),
        "Adobe RGB": RgbSpace(RgbSpace.D65, adobe, 563 / 256),
        "ProPhoto": RgbSpace(RgbSpace.D50, prophoto, 1.8),
        "old Macintosh": RgbSpace(RgbSpace.D65, ((0.625, 0.34), (0.28, 0.595), (0.155, 0.07)), 1.8),
        "linear": RgbSpace(RgbSpace.D65, srgb, 1.0),
    }
