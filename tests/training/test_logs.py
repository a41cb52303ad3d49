"""Logs can be read while training goes on, and fit together after an interruption."""

import json
import time

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from kdtalker_jax.errors import OutputError
from kdtalker_jax.training.logs import Logs, Meter


def read_events(folder) -> list[Event]:
    """Of TensorBoard: records of a length, its checksum, the event, its checksum."""
    events = []
    for path in sorted(folder.glob("events.*")):
        data, place = path.read_bytes(), 0
        while place < len(data):
            length = int.from_bytes(data[place : place + 8], "little")
            events.append(Event.FromString(data[place + 12 : place + 12 + length]))
            place += 16 + length
    return events


def test_numbers_and_pictures_arrive_in_both_places(tmp_path):
    logs = Logs(tmp_path, 0, 10, progress=False)
    logs.numbers(3, {"train/loss": 0.5})
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 3, "train/loss": 0.5}], "at once, not when closed"
    logs.picture(3, "curves", np.zeros((8, 6, 3), np.uint8))
    logs.text("settings", "a=1")
    logs.close()
    values = {
        value.tag: (event.step, value)
        for event in read_events(tmp_path / "tensorboard")
        for value in event.summary.value
    }
    assert values["train/loss"][0] == 3
    assert values["train/loss"][1].simple_value == pytest.approx(0.5)
    picture = values["curves"][1].image
    assert (picture.height, picture.width) == (8, 6)
    assert "settings/text_summary" in values


def test_what_a_dead_run_logged_after_its_checkpoint_goes(tmp_path):
    """The steps are made and logged again; half a line may be left from a kill."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    logs = Logs(tmp_path, 2, 10, progress=False)
    logs.numbers(3, {"again": 1.0})
    logs.close()
    assert path.read_text().splitlines() == ['{"step": 1}', '{"step": 2}', '{"step": 3, "again": 1.0}']


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file cannot be written to"):
        Logs(tmp_path / "file", 0, 10, progress=False)


def test_the_meter_leaves_out_the_first_step_and_shares_out_the_rest():
    meter = Meter()
    assert meter.read() == {}
    meter.waited(100.0)  # compilation, say
    meter.done(8)
    began = time.perf_counter()
    time.sleep(0.02)
    meter.waited(0.01)
    meter.done(8)
    values = meter.read()
    elapsed = time.perf_counter() - began
    assert 8 / elapsed <= values["samples_per_second"] <= 8 / 0.02
    assert 0.01 / elapsed <= values["data_wait"] <= 0.5
    assert meter.read() == {}
