"""The same work spread over machines by Apache Beam, with any of its runners. Needs the extra `beam`.

All workers need the videos, the checkpoint and the data set's folder under the same paths.
"""

from collections.abc import Sequence

import apache_beam as beam
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions

from kdtalker_jax.data.work import ClipMaker, Task, carry_out
from kdtalker_jax.errors import InputError


class CarryOut(beam.DoFn):
    """`work.carry_out`, with a maker that each worker loads once."""

    def __init__(self, make: ClipMaker) -> None:
        self._make = make

    def process(self, task: Task) -> None:
        carry_out(task, self._make)


def pipeline_options(runner: str, arguments: Sequence[str]) -> PipelineOptions:
    """Options of a pipeline from a command line in Beam's own spelling."""
    try:
        return PipelineOptions([f"--runner={runner}", *arguments])
    except SystemExit as error:  # what argparse does
        raise InputError(f"Beam does not understand {' '.join(arguments)}.") from error


def carry_out_all(tasks: Sequence[Task], make: ClipMaker, options: PipelineOptions) -> None:
    """`work.carry_out` for every task, on all workers; returns when all are done."""
    with beam.Pipeline(options=options) as pipeline:
        _ = pipeline | beam.Create(tasks) | beam.Reshuffle() | beam.ParDo(CarryOut(make))


def writing_config(options: PipelineOptions) -> tfds.download.DownloadConfig:
    """Has TFDS write with the same options."""
    return tfds.download.DownloadConfig(beam_options=options)
