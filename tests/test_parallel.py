"""Training is the same on any number of devices and processes."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import get_args

import jax
import numpy as np
import pytest

from kdtalker_jax import parallel
from kdtalker_jax.errors import InputError

ROOT = Path(__file__).parents[1]
MAPPINGS = get_args(parallel.Mapping)
SPLITS = [(mapping, devices) for mapping in MAPPINGS for devices in ("one", "four", "two_by_two")]
PATIENCE = 1800  # seconds; one minute is enough, but other work may have the processors
SPLITS.remove(("pmap", "one"))  # what the others are compared with


def start(devices: int, *arguments: object) -> subprocess.Popen:
    """A process with so many virtual devices."""
    settings = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.parallel_worker", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes: subprocess.Popen) -> None:
    for process in processes:
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()  # where it has not ended
        assert process.returncode == 0, output


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, dict[str, np.ndarray]]:
    """What one device, four devices, and two processes of two devices come to."""
    folder = tmp_path_factory.mktemp("parallel")
    one, four, two_by_two = (folder / f"{name}.npz" for name in ("one", "four", "two_by_two"))
    mappings = ",".join(MAPPINGS)
    finish(start(1, one, mappings))
    finish(start(4, four, mappings))
    coordinator = f"localhost:{free_port()}"
    finish(*(start(2, two_by_two, mappings, coordinator, 2, process) for process in range(2)))
    return {path.stem: dict(np.load(path)) for path in (one, four, two_by_two)}


def test_the_processes_had_the_devices_they_should(results):
    found = {name: (int(r["devices"]), int(r["processes"])) for name, r in results.items()}
    assert found == {"one": (1, 1), "four": (4, 1), "two_by_two": (4, 2)}


def pairs(results: dict[str, dict[str, np.ndarray]], mapping: str, devices: str, what: str) -> dict[str, tuple]:
    """Results whose names begin so: by this mapping on these devices, and by pmap on one."""
    wanted = {name.removeprefix("pmap/"): value for name, value in results["one"].items() if name.startswith("pmap/")}
    return {
        name: (results[devices][f"{mapping}/{name}"], value) for name, value in wanted.items() if name.startswith(what)
    }


@pytest.mark.parametrize(("mapping", "devices"), SPLITS)
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_parameters_and_metrics_do_not_depend_on_the_devices(results, mapping, devices, optimizer):
    """Noise, times, audio noise and its statistics, gradients: all as on one device. SGD shows wrong scales."""
    found = pairs(results, mapping, devices, optimizer)
    assert len(found) > 20
    for name, (value, wanted) in found.items():
        np.testing.assert_allclose(value, wanted, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(("mapping", "devices"), SPLITS)
def test_validation_does_not_depend_on_the_devices(results, mapping, devices):
    found = pairs(results, mapping, devices, "validation")
    assert len(found) == 3
    for name, (value, wanted) in found.items():
        np.testing.assert_allclose(value, wanted, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize(("mapping", "devices"), SPLITS)
def test_frames_do_not_depend_on_the_devices(results, mapping, devices):
    ((value, wanted),) = pairs(results, mapping, devices, "rows").values()
    assert wanted.shape == (4, 64, 64, 3)
    np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("devices", ["four", "two_by_two"])
def test_only_fsdp_splits_a_state(results, devices):
    assert {mapping: bool(results[devices][f"{mapping}/split"]) for mapping in MAPPINGS} == {
        "pmap": False,
        "jit": False,
        "fsdp": True,
    }


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_a_state_that_will_be_split_is_made_by_the_host(mapping):
    with parallel.where_states_are_made(mapping):
        made_by = jax.config.jax_default_device
    assert (made_by is not None and made_by.platform == "cpu") == (mapping == "fsdp")


@pytest.mark.parametrize("split", ["one", "four", "two_by_two"])
def test_all_processes_hear_when_one_is_asked_to_stop(results, split):
    assert results[split]["someone asked"]
    assert not results[split]["nobody asked"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("localhost:1234",), "give all three"),
        ((None, 2, 0), "give all three"),
        (("localhost:1234", 2, 2), "counts from 0 to 1"),
    ],
)
def test_incomplete_descriptions_of_a_cluster_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        parallel.initialise(*arguments)


def test_a_single_machine_needs_no_description():
    """Neither at first, nor when its devices are in use."""
    parallel.initialise()
    assert parallel.device_count() >= 1
    parallel.initialise()
    assert (parallel.process_index(), parallel.process_count(), parallel.is_main()) == (0, 1, True)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_replicated_numbers_come_back_as_a_copy(mapping):
    """What is being saved must not change when the next step overwrites its input."""
    host = parallel.to_host(parallel.place({"a": np.arange(3.0)}, mapping))
    assert host["a"].flags.owndata
    assert host["a"].tolist() == [0, 1, 2]
