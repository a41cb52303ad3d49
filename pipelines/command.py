"""`kdtalker`: all command lines under one name. A command's module is imported when it is called."""

import importlib
import importlib.util
from difflib import get_close_matches
from importlib import metadata

import click

from kdtalker_jax.cli import Group, refused

# By name, the module whose `main` it is, and what it does, in the words that its own help begins with.
COMMANDS = {
    "sample": ("pipelines.sample", "Make a talking video from one portrait and one recording."),
    "animate": ("pipelines.animate", "Make the motion of a talking head from one portrait and one recording."),
    "edit": ("pipelines.edit", "Make a still picture of a portrait with another face."),
    "stream": ("pipelines.stream", "Make a video while the sound is still coming."),
    "dub": ("pipelines.dub", "Move the person in a video by a recording, or by another face."),
    "extract": ("pipelines.extract", "Make a data set for training from a folder of videos."),
    "train": ("pipelines.train", "Train a network of a model on a data set of clips."),
    "evaluate": ("pipelines.evaluate", "Measure how good talking videos are, and write a report."),
    "convert": ("convert.official", "Convert the published weights, once, into a folder for `--checkpoint`."),
    "export": ("pipelines.export", "Write a model with what a run has trained, and all else from another model."),
    "models": ("pipelines.models", "Models that have a name."),
    "doctor": ("pipelines.doctor", "Tell what is installed here and what is missing, as a bug report wants it."),
}

EPILOG = """
\b
Every command explains itself: kdtalker sample --help
Completion: eval "$(_KDTALKER_COMPLETE=bash_source kdtalker)" in bash; zsh_source and fish_source for those.
More commands: python -m pipelines.compile, .combine, .synthesize, .train_demo, .train_renderer;
python -m convert.verify, .export, .wav2vec2, .latent_diffusion
"""


class Commands(Group):
    """A group that knows its commands by name until one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (module, _) in COMMANDS.items() if importlib.util.find_spec(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return importlib.import_module(COMMANDS[cmd_name][0]).main

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str, click.Command, list[str]]:
        name, *rest = args
        command = self.get_command(ctx, name)
        if command is None:
            if ctx.resilient_parsing:  # while a shell completes
                return super().resolve_command(ctx, args)
            known = self.list_commands(ctx)
            nearest = get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}."
            raise refused(ctx.info_name, rest, f"There is no command {name!r}: {hint}")
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As of every group, without importing one of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _version() -> str:
    try:
        return metadata.version("kdtalker_jax")
    except metadata.PackageNotFoundError:  # run from a clone
        return "(a clone)"


@click.group(cls=Commands, epilog=EPILOG)
@click.version_option(_version(), prog_name="kdtalker")
def main() -> None:
    """Talking portraits: one photo and one recording in, a video of that person speaking out."""
