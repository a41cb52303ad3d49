"""Uploads a model directory to the hub, with a model card, as `hf:owner/name` fetches it."""

import re
from collections.abc import Iterable
from pathlib import Path

from kdtalker_jax.checkpoints import CONFIG_FILE, SLIDERS_FILE, Checkpoint
from kdtalker_jax.errors import InputError
from kdtalker_jax.hub.client import sentences
from kdtalker_jax.hub.inspection import inspect
from kdtalker_jax.hub.names import split_hub_name
from kdtalker_jax.hub.registry import PublishedModel, published_models

CARD_FILE = "README.md"
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")


def push(directory: Path, name: str, *, licence: str | None = None, private: bool = False) -> str:
    """Uploads a model, whole: what the repository has of an older one and this does not is removed there.

    The landmark file stays here: it was trained on data for non-commercial use, and a package has it.

    Args:
        directory: of the model. name: "hf:owner/name".
        licence: as the hub calls it ("mit", "cc-by-nc-4.0"); by default that of the published weights, where all parts
            are those.
        private: make the repository private, where there is none yet.

    Returns:
        The address of the repository.

    Raises:
        InputError: the name or the licence cannot be; then nothing has been made on the hub. CheckpointError: the model
            is damaged or takes parts from another directory, or the hub refuses.
    """
    repository, revision = split_hub_name(name)
    checkpoint = inspect(directory)
    if checkpoint.base:
        raise InputError(
            f"{directory} takes parts from {checkpoint.base.directory}, which nobody else has: make one of both first "
            f"(python -m pipelines.combine --system {checkpoint.config.system} --model {directory} --out NEW)."
        )
    card = model_card(checkpoint, repository, licence)

    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    files = _files_of(checkpoint)
    with sentences(repository, revision):
        _check_card(card)  # before there is a repository, which would stay empty
        api = HfApi(library_name="kdtalker_jax")
        address = api.create_repo(repository, private=private or None, exist_ok=True)
        before = api.list_repo_files(repository, revision=revision)
        operations = [CommitOperationAdd(CARD_FILE, card.encode())]
        operations += [CommitOperationAdd(name, path) for name, path in files.items()]
        operations += [CommitOperationDelete(name) for name in before if _is_ours(name) and name not in files]
        message = f"{checkpoint.config.name}, of {checkpoint.config.system}"
        api.create_commit(repository, operations, commit_message=message, revision=revision)
    return str(address)


def _check_card(card: str) -> None:
    """Asks the hub, which alone knows all licences: HF_ENDPOINT, as `ModelCard.validate` does from version 2.2 on."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session, hf_raise_for_status

    asked = {"repoType": "model", "content": card}
    answer = get_session().post(f"{constants.ENDPOINT}/api/validate-yaml", json=asked, headers={"Accept": "text/plain"})
    if answer.status_code == 400:
        raise InputError(
            "The hub refuses the model's card, most likely for its `licence`: name one as the hub calls it (mit, "
            "apache-2.0, cc-by-nc-4.0, other)."
        )
    hf_raise_for_status(answer)


def _files_of(checkpoint: Checkpoint) -> dict[str, Path]:
    """What is uploaded, by the names that it has there."""
    folders = [checkpoint.directory / "networks" / name for name in checkpoint.parts]
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    paths.append(checkpoint.directory / CONFIG_FILE)
    if checkpoint.own_sliders:
        paths.append(checkpoint.directory / SLIDERS_FILE)
    return {path.relative_to(checkpoint.directory).as_posix(): path for path in paths}


def _is_ours(name: str) -> bool:
    return name.startswith("networks/") or name == SLIDERS_FILE


def model_card(checkpoint: Checkpoint, repository: str, licence: str | None = None) -> str:
    """README.md of a repository: what it is, how it is used, what each part was made of."""
    sources = list(_sources(checkpoint))
    if licence is None:
        if not all(checkpoint.parts.values()) or not sources:
            raise InputError(
                f"{checkpoint.directory} has parts that were trained here: say under which `licence` they are handed "
                "on, as the hub calls it (mit, apache-2.0, cc-by-nc-4.0)."
            )
        licence = "cc-by-nc-4.0"
    if not _LICENCE.fullmatch(licence):
        raise InputError(
            f"{licence!r:.80} is no `licence` as the hub calls it: it is in small letters, like mit, apache-2.0, "
            "cc-by-nc-4.0."
        )
    origins = [repo for model in sources for repo in model.repositories]
    front = ["---", f"license: {licence}", "library_name: kdtalker_jax", "tags:", "- talking-head", "- jax"]
    front += ["base_model:", *(f"- {repo}" for repo in dict.fromkeys(origins))] if origins else []
    rows = [
        f"| {name} | {f'`{origin.file}`, SHA-256 `{origin.sha256}`' if origin else 'trained'} |"
        for name, origin in checkpoint.parts.items()
    ]
    terms = [f"- {text}" for model in sources for text in model.licences]
    return "\n".join(
        [
            *front,
            "---",
            "",
            f"# {repository.partition('/')[2]}",
            "",
            f"A model of kdtalker_jax ({checkpoint.config.name}, of the system {checkpoint.config.system}): one photo",
            "and one recording go in, a video of that person speaking comes out.",
            "",
            "```",
            f"python -m pipelines.sample --checkpoint hf:{repository} "
            "--source_image face.jpg --driven_audio speech.mp3",
            "```",
            "",
            "| part | made of |",
            "|---|---|",
            *rows,
            *(["", "Licences of what it was made of:", "", *terms] if terms else []),
            "",
        ]
    )


def _sources(checkpoint: Checkpoint) -> Iterable[PublishedModel]:
    """The published models that parts were converted from."""
    for model in published_models():
        if any(checkpoint.parts.get(name) for name in model.parts):
            yield model
