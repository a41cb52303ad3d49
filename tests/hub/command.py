"""`python -m tests.hub.command NAME ...`: runs pipelines.NAME, where the published models are small.

With STOP_AT=FILE in the environment a conversion stops in its middle, makes that file, and waits to be killed.
"""

import dataclasses
import importlib
import os
import sys
import time
from pathlib import Path

from configs.published import PUBLISHED, SYNCNET
from convert import official
from kdtalker_jax.hub.registry import PublishedModel, register


def small(model: PublishedModel) -> PublishedModel:
    return dataclasses.replace(model, config="small")


def of_two_parts(model: PublishedModel) -> PublishedModel:
    """The published model is more of the same."""
    parts = {"appearance": "appearance_feature_extractor.pth", "retargeting": "stitching_retargeting_module.pth"}
    files = tuple(file for file in model.files if file.file.rpartition("/")[2] in parts.values())
    return dataclasses.replace(model, name="two", files=files, parts=tuple(parts), config="small")


def stop_at(file: Path) -> None:
    convert_part = official._convert_part

    def stopping(*arguments) -> str:
        done = convert_part(*arguments)
        file.touch()
        time.sleep(600)
        return done

    official._convert_part = stopping


if __name__ == "__main__":
    for model in (small(PUBLISHED), small(SYNCNET), of_two_parts(PUBLISHED)):
        register(model)
    if file := os.environ.get("STOP_AT"):
        stop_at(Path(file))
    _, name, *sys.argv[1:] = sys.argv
    importlib.import_module(f"pipelines.{name}").main()
