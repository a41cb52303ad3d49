"""What a bare machine lacks, as wheels to carry to it: `python -m benchmarks.device.pack --out FOLDER`.

`python -m benchmarks.device --wheels FOLDER` installs them there, for its own processes alone.
"""

import argparse
import subprocess
import sys
from pathlib import Path

# Beside JAX, Flax, NumPy, OpenCV, Pillow and PyTorch, for the way from files to file. imageio-ffmpeg from 0.7 on
# carries a binary of twice the size. Faces are not looked for, clips not read: no dlib, no TFDS, no grain.
PACKAGES = ("click", "tqdm", "soundfile", "cffi", "pycparser", "soxr", "imageio-ffmpeg==0.6.0")
LARGEST = 60_000_000  # bytes, all together
PYTHON = "3.12"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    command.add_argument("--out", type=Path, required=True, help="Folder for the wheels.")
    return command


def main() -> None:
    command = parser()
    out = command.parse_args().out
    if found := sorted(out.glob("*.whl")):
        command.error(f"{out} holds wheels already ({found[0].name}): two versions of one package cannot be installed.")
    out.mkdir(parents=True, exist_ok=True)
    if subprocess.run(download(out)).returncode:
        command.error("pip could not download the wheels: see above.")
    size = sum(wheel.stat().st_size for wheel in out.glob("*.whl"))
    print(f"{len(list(out.glob('*.whl')))} wheels, {size / 1e6:.0f} MB, in {out}")
    if size > LARGEST:
        command.error(f"These are more than the {LARGEST / 1e6:.0f} MB that are to be carried.")


def download(out: Path) -> list[str]:
    """The command that fetches the wheels for that machine, and no others that they name."""
    platforms = [part for platform in PLATFORMS for part in ("--platform", platform)]
    target = ["--python-version", PYTHON, "--implementation", "cp", *platforms, "--only-binary=:all:", "--no-deps"]
    return [sys.executable, "-m", "pip", "download", "--quiet", *target, "--dest", str(out), *PACKAGES]


def install(wheels: Path, target: Path) -> list[str]:
    """The command that unpacks them into a folder for PYTHONPATH."""
    quiet = ["--quiet", "--no-index", "--no-deps", "--no-compile", "--upgrade"]
    return [
        sys.executable,
        "-m",
        "pip",
        "install",
        *quiet,
        "--target",
        str(target),
        *map(str, sorted(wheels.glob("*.whl"))),
    ]


if __name__ == "__main__":
    main()
