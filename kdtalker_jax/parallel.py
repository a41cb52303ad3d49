"""Devices and processes. The only file that knows them: mapping steps in another way is a change to this file.

A step is written for one device and takes the name of an axis to average over. There are two ways to map it over all
devices of all processes, behind the same functions; every process feeds its own devices:

    pmap    each device runs the step on its share of the batch, and means are taken over the named axis
    jit     one program for all devices, on arrays that say how they are split (`NamedSharding` over a mesh with one
            axis, for data); no axis is named, because a mean over the batch is a mean over all of it
    fsdp    the same, and parameters and the optimiser's numbers are split over the axis too: for networks of which
            one device cannot hold a training state
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, Literal

import jax
import numpy as np
from jax import lax
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from kdtalker_jax.errors import InputError

AXIS = "devices"

Tree = Any
Mapping = Literal["pmap", "jit", "fsdp"]
DEFAULT: Mapping = "pmap"  # `benchmarks.mappings` compares them
SMALLEST_SPLIT = 1 << 14  # numbers: below, splitting costs more than it saves

_shares: ContextVar[int] = ContextVar("shares", default=1)


def initialise(coordinator: str | None = None, processes: int | None = None, process: int | None = None) -> None:
    """Joins the processes of a run. Call it before anything else that touches a device.

    Args:
        coordinator: HOST:PORT of process 0. Without it the cluster is asked (Cloud TPU, Slurm, Open MPI,
            Kubernetes); where there is none, this process is alone.
        processes: how many there are.
        process: which of them this is.

    Raises:
        InputError: only some of the three are given, the others cannot be reached, or see `check_platform`.
    """
    _join(coordinator, processes, process)
    check_platform()


def check_platform() -> None:
    """Starts JAX on its devices.

    Raises:
        InputError: the environment names a platform that JAX cannot use here.
    """
    try:
        jax.devices()
    except Exception as error:  # RuntimeError, or AssertionError without a word
        names = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")
        settings = " and ".join(f"{name}={os.environ[name]}" for name in names if os.environ.get(name))
        if not settings:
            raise
        reason = str(error).partition("\n")[0].partition(" (set JAX_PLATFORMS")[0].rstrip(". ") or "no such device"
        raise InputError(
            f"{settings} names a platform that JAX cannot use here ({reason}): take it out of the environment, or set "
            "it to cpu."
        ) from error


def _join(coordinator: str | None, processes: int | None, process: int | None) -> None:
    given = (coordinator, processes, process)
    if any(value is not None for value in given):
        if any(value is None for value in given):
            raise InputError("`coordinator`, `processes` and `process` go together: give all three, or none.")
        if not 0 <= process < processes:
            raise InputError(f"`process` counts from 0 to {processes - 1}, so it cannot be {process}.")
        try:
            jax.distributed.initialize(coordinator, processes, process)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"Process {process} cannot join the others at {coordinator}: {error}") from error
        return
    try:
        jax.distributed.initialize()
    except (RuntimeError, ValueError) as error:
        no_cluster = "coordinator_address should be defined" in str(error)
        alone_so_far = "must be called before" in str(error)  # a notebook or test whose devices are in use already
        if not (no_cluster or alone_so_far):
            raise InputError(f"This looks like a cluster, but its processes cannot be joined: {error}") from error


def process_index() -> int:
    return jax.process_index()


def process_count() -> int:
    return jax.process_count()


def on_processor() -> bool:
    """Whether there is no accelerator."""
    return jax.default_backend() == "cpu"


def device_count() -> int:
    """Of all processes."""
    return jax.device_count()


def local_device_count() -> int:
    """Of this process."""
    return jax.local_device_count()


def is_main() -> bool:
    """Whether this process writes the logs."""
    return jax.process_index() == 0


def describe() -> str:
    """What the run has, in words."""
    kind = jax.local_devices()[0].device_kind
    devices = f"{jax.device_count()} device{'s' * (jax.device_count() > 1)} ({kind})"
    return devices if jax.process_count() == 1 else f"{devices} in {jax.process_count()} processes"


def wait_for_all(name: str) -> None:
    """Returns once every process has come to the line of this name."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def replicate(tree: Tree) -> Tree:
    """The same numbers on every device of this process.

    Without it, donation of a state that several processes share fails under pmap.
    """
    return jax.device_put(tree, NamedSharding(_local_mesh(), PartitionSpec()))


def on_first_device(replicated: Tree) -> Tree:
    """What `replicate` has put on the first device, without a copy."""
    return jax.tree.map(lambda leaf: leaf.addressable_shards[0].data, replicated)


def where_states_are_made(mapping: Mapping) -> AbstractContextManager:
    """Around what makes a state that `place` is to place: where it is split, no device need ever hold it whole, so it
    is made in the host's memory."""
    if mapping == "fsdp":
        with suppress(RuntimeError):  # JAX was told to leave the host's processors alone
            return jax.default_device(jax.local_devices(backend="cpu")[0])
    return nullcontext()


def place(tree: Tree, mapping: Mapping = DEFAULT) -> Tree:
    """A state, the same on all processes, where `map_step` and `map_sums` of this mapping want it."""
    if mapping == "pmap":
        return replicate(tree)

    def put(leaf: Any) -> jax.Array:
        array = np.asarray(leaf)
        sharding = NamedSharding(_mesh(), _split_over_devices(array.shape) if mapping == "fsdp" else PartitionSpec())
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    return jax.tree.map(put, tree)


def to_host(tree: Tree) -> Tree:
    """A placed tree as NumPy arrays, copied: the original may be donated to the next step. All processes take part."""

    def fetch(leaf: jax.Array) -> np.ndarray:
        if leaf.sharding.is_fully_replicated:
            return np.array(leaf.addressable_shards[0].data)
        if leaf.is_fully_addressable:
            return np.array(leaf)
        return np.array(multihost_utils.process_allgather(leaf, tiled=True))

    return jax.tree.map(fetch, tree)


def on_own_devices(tree: Tree) -> Tree:
    """A placed tree whole on every device of this process, as `map_rows` takes it. All processes take part."""
    placed_so = all(leaf.is_fully_addressable and leaf.is_fully_replicated for leaf in jax.tree.leaves(tree))
    return tree if placed_so else replicate(to_host(tree))


def map_step(step: Callable[..., tuple], mapping: Mapping = DEFAULT) -> Callable[..., tuple]:
    """Maps a training step over all devices.

    Args:
        step: (state, batch, *, axis_name) -> state, metrics, values per sample. It averages over `axis_name`, where one
            is named, what has to be the same on all devices: the state and the metrics.

    Returns:
        The same without `axis_name`. The batch and the values per sample are this process's share; the state is one
        that `place` has placed, and given away to the step.
    """
    if mapping == "pmap":
        mapped = jax.pmap(
            partial(step, axis_name=AXIS),
            axis_name=AXIS,
            in_axes=(None, 0),
            out_axes=(None, None, 0),
            donate_argnums=0,
        )
        return lambda state, batch: mapped(state, split(batch))

    def of_all(state: Tree, batch: Tree) -> tuple:
        token = _shares.set(jax.device_count())
        try:
            return step(state, batch)
        finally:
            _shares.reset(token)

    programs: dict[Any, Callable] = {}  # one for each layout of a state: a run has one

    def call(state: Tree, batch: Tree) -> tuple:
        layout = jax.tree.map(lambda leaf: leaf.sharding, state)
        key = tuple(jax.tree.leaves(layout)), jax.tree.structure(layout)
        if key not in programs:
            everywhere, shares = (NamedSharding(_mesh(), spec) for spec in (PartitionSpec(), PartitionSpec(AXIS)))
            programs[key] = jax.jit(of_all, donate_argnums=0, out_shardings=(layout, everywhere, shares))
        state, metrics, values = programs[key](state, _from_all_processes(batch))
        return state, metrics, jax.tree.map(_own_share, values)

    return call


def shares() -> int:
    """How many devices' rows lie one after the other in the batch of the step that is being traced."""
    return _shares.get()


def map_sums(function: Callable[..., Tree], mapping: Mapping = DEFAULT) -> Callable[..., Tree]:
    """Maps (params, batch) -> sums over the batch; returns the sums over all devices of all processes."""
    if mapping != "pmap":
        summed = jax.jit(function, out_shardings=NamedSharding(_mesh(), PartitionSpec()))
        return lambda params, batch: summed(params, _from_all_processes(batch))

    def share(params: Tree, batch: Tree) -> Tree:
        return lax.psum(function(params, batch), AXIS)

    mapped = jax.pmap(share, axis_name=AXIS, in_axes=(None, 0), out_axes=None)
    return lambda params, batch: mapped(params, split(batch))


def map_rows(function: Callable[[Tree, Tree], Tree], mapping: Mapping = DEFAULT) -> Callable[[Tree, Tree], Tree]:
    """Maps (params, rows) -> results for each row over the devices of this process; others need not take part.

    Args:
        function: the result of a row depends on that row alone.

    Returns:
        The same for a replicated tree of parameters and a multiple of `local_device_count` rows, with NumPy results.
    """
    mapped = spread_rows(function, mapping)
    return lambda params, rows: join(mapped(params, rows), mapping)


def spread_rows(function: Callable[[Tree, Tree], Tree], mapping: Mapping = DEFAULT) -> Callable[[Tree, Tree], Tree]:
    """`map_rows` that does not wait: the results are still on the devices, perhaps in the making; see `join`."""
    if mapping == "pmap":
        mapped = jax.pmap(function, in_axes=(None, 0), devices=jax.local_devices())
        return lambda params, rows: mapped(params, split(rows))
    everywhere, shares = (NamedSharding(_local_mesh(), spec) for spec in (PartitionSpec(), PartitionSpec(AXIS)))
    program = jax.jit(function, in_shardings=(everywhere, shares), out_shardings=shares)
    # Of several processes none may give a program NumPy arrays to split.
    return lambda params, rows: program(params, jax.device_put(rows, shares))


def join(results: Tree, mapping: Mapping = DEFAULT) -> Tree:
    """Waits for the results of `spread_rows`: (B, ...) as NumPy arrays."""
    if mapping == "pmap":
        return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, *leaf.shape[2:]), results)
    return jax.tree.map(np.asarray, results)


def split(batch: Tree) -> Tree:
    """(B, ...) arrays of this process -> (devices, B / devices, ...)."""
    devices = jax.local_device_count()
    return jax.tree.map(lambda array: array.reshape(devices, len(array) // devices, *array.shape[1:]), batch)


def anywhere(flag: bool) -> Callable[[], bool]:
    """Starts asking all processes whether one of them has the flag set; call the result for the answer.

    All processes have to ask, and get the same answer. The devices work on meanwhile.
    """
    if jax.process_count() == 1:
        return lambda: flag
    answer = _maximum(np.full(jax.local_device_count(), flag, np.int32))
    return lambda: bool(answer)


@partial(jax.pmap, axis_name=AXIS, out_axes=None)
def _maximum(flag: jax.Array) -> jax.Array:
    return lax.pmax(flag, AXIS)


def _local_mesh() -> Mesh:
    return Mesh(np.array(jax.local_devices()), (AXIS,))


def _mesh() -> Mesh:
    """All devices of all processes."""
    return Mesh(np.array(jax.devices()), (AXIS,))


def _split_over_devices(shape: tuple[int, ...]) -> PartitionSpec:
    """Over the longest side that the devices divide; small arrays and those without one are everywhere whole."""
    devices = jax.device_count()
    sides = [side if side % devices == 0 else 0 for side in shape]
    if not sides or not max(sides) or int(np.prod(shape)) < SMALLEST_SPLIT:
        return PartitionSpec()
    longest = sides.index(max(sides))
    return PartitionSpec(*[AXIS if axis == longest else None for axis in range(len(shape))])


def _from_all_processes(batch: Tree) -> Tree:
    """This process's share of a batch -> the whole, which lies on the devices of all processes."""
    sharding = NamedSharding(_mesh(), PartitionSpec(AXIS))
    return jax.tree.map(lambda array: jax.make_array_from_process_local_data(sharding, np.asarray(array)), batch)


def _own_share(array: jax.Array) -> jax.Array:
    """The rows of an array (B, ...) over all devices that lie on this process's, without waiting for them."""
    if jax.process_count() == 1:
        return array
    shards = sorted(array.addressable_shards, key=lambda shard: shard.index[0].start or 0)
    rows = sum(len(shard.data) for shard in shards)
    mesh = Mesh(np.array([shard.device for shard in shards]), (AXIS,))
    sharding = NamedSharding(mesh, PartitionSpec(AXIS))
    return jax.make_array_from_single_device_arrays(
        (rows, *array.shape[1:]), sharding, [shard.data for shard in shards]
    )
