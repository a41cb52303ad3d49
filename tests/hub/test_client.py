"""What goes wrong beneath huggingface_hub, in words that fit it."""

import errno

import pytest

from kdtalker_jax.errors import OutputError
from kdtalker_jax.hub.client import UnreachableError, sentences


def said(error: Exception, cause: Exception | None = None) -> Exception:
    """What becomes of an error of a download."""
    with pytest.raises(Exception, match=r"me/mine|downloads") as caught, sentences("me/mine"):
        raise error from cause
    return caught.value


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (RuntimeError("Data processing error: File reconstruction error: No space left on device (os error 28)"), None),
        (RuntimeError("IO Error (os error 28)"), None),
        (RuntimeError("the download failed"), OSError("No space left on device")),
    ],
)
def test_a_full_disk_is_no_fault_of_the_network(error, cause):
    """hf_xet, written in Rust, has words for it and no number."""
    found = said(error, cause)
    assert isinstance(found, OutputError)
    assert "has no room left" in str(found) and "HF_HOME" in str(found)


@pytest.mark.parametrize(
    "error", [PermissionError("Permission denied"), PermissionError(errno.EACCES, "Permission denied")]
)
def test_a_folder_that_may_not_be_written(error):
    found = said(error)
    assert isinstance(found, OutputError)
    assert "cannot be written (Permission denied)" in str(found)


@pytest.mark.parametrize("cause", [None, ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")])
def test_what_else_it_is_is_looked_for_in_the_network(cause):
    assert isinstance(said(RuntimeError("no answer"), cause), UnreachableError)
