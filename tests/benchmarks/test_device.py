"""The command for an accelerator keeps its limits and its rows, and judges them. No time of a network is asserted."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.device import __main__ as command
from benchmarks.device import pack
from benchmarks.device.goals import judge
from benchmarks.device.pieces import PIECES
from benchmarks.device.record import FAILED, FINISHED, LATE, Record, read

ROOT = Path(__file__).parents[2]

# A piece that reports a row, starts a process that would outlive it, and then does what its argument says.
PIECE = """
import json, os, subprocess, sys, time
rows = os.fdopen(int(sys.argv[-1]), "w")
other = subprocess.Popen(["sleep", "60"], close_fds=False, pass_fds=[int(sys.argv[-1])])
print(json.dumps({"row": "started", "value": other.pid}), file=rows, flush=True)
if sys.argv[1] == "hang":
    time.sleep(60)
if sys.argv[1] == "crash":
    os._exit(3)  # and the other keeps the descriptor open
said = {"failed": "ValueError: no such thing"} if sys.argv[1] == "fail" else {"done": True}
print(json.dumps(said), file=rows, flush=True)
time.sleep(60)  # of what ends in peace nobody waits for
"""


def measured(folder, does, limit=20.0):
    """The end of a piece that does so: the file's content, state, sentence, and the seconds it took."""
    record = Record(folder / "result.json", {"tiny": True})
    record.begin("piece")
    began = time.monotonic()
    with (folder / "log").open("w") as output:
        state, sentence = command.measure(
            "piece", record, [sys.executable, "-c", PIECE, does], limit, dict(os.environ), output
        )
    return read(folder / "result.json")["pieces"]["piece"], state, sentence, time.monotonic() - began


def ends(pid):
    """A process that was killed is gone a moment later, when the kernel has come to it."""
    status = Path(f"/proc/{pid}/status")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if "State:\tZ" in status.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_a_piece_is_ended_at_its_limit_with_all_that_it_started(tmp_path):
    """A compiler that takes long must not take the time of others; what was measured before is kept."""
    kept, state, sentence, seconds = measured(tmp_path, "hang", limit=3.0)
    assert (state, seconds < 10) == (LATE, True)
    assert "ended after 3 s" in sentence
    assert ends(kept["rows"]["started"])


@pytest.mark.parametrize(
    ("does", "state", "words"),
    [("end", FINISHED, ""), ("fail", FAILED, "ValueError: no such thing"), ("crash", FAILED, "has what it said")],
)
def test_a_piece_that_ends_is_recorded_with_its_sentence(tmp_path, does, state, words):
    kept, found, sentence, seconds = measured(tmp_path, does)
    assert found == state
    assert seconds < 15
    assert words in sentence
    assert bool(sentence) == bool(words)
    assert list(kept["rows"]) == ["started"]


def test_a_piece_ends_with_the_command():
    """Killed without a word, that cannot end it."""
    program = (
        "import os, subprocess, sys, time\n"
        "code = 'import os, time; from benchmarks.device.child import _die_with; _die_with(os.getppid());"
        " print(os.getpid(), flush=True); time.sleep(60)'\n"
        "subprocess.run([sys.executable, '-c', code])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    assert ends(child)


def test_a_record_is_gone_on_with(tmp_path):
    file = tmp_path / "result.json"
    record = Record(file, {"tiny": True})
    record.begin("first")
    record.add("first", "row", 1.5)
    record.end("first", FINISHED, 3.21)
    record.begin("second")
    record.add("second", "row", 2)  # and here the machine is taken away
    again = Record(file, {"tiny": True})
    assert again.finished("first")
    assert not again.finished("second")
    again.begin("second")
    assert again.pieces["second"]["rows"] == {"row": 2}, "until it is measured again"


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"settings": {"tiny": false}, "pieces": {}}'])
def test_another_file_is_refused_and_left(tmp_path, content):
    file = tmp_path / "result.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="name another"):
        Record(file, {"tiny": True})
    assert file.read_text() == content


def test_goals_are_judged_by_what_was_measured():
    """By hand: 1 TFLOP a frame in 1/400 s of a ceiling of 800 TFLOP a second is half of it."""
    times = {"JAX": {"median": 0.02}, "torch.compile": {"median": 0.04}}
    rows = {
        "frames": {
            "products": {"executed": 1e12},
            "bfloat16, batch 8, on the device": {"seconds": 8 / 400},
            "bfloat16, batch 1, on the device": {"seconds": 1 / 100},
            "bfloat16, batch 8, compiled": times,
            "bfloat16, batch 1, compiled": {"JAX": {"median": 0.01}, "torch.compile": {"median": 0.004}},
        },
        "ceiling": {"product, bfloat16, JAX": {"per_second": 7e14}, "product, bfloat16, PyTorch": {"per_second": 8e14}},
        "files": {"batch default, second call": {"frames_per_second": 150.0}},
        "motion": {"8 s": {"JAX": {"ratio": 0.2}}},
        "training": {"bfloat16": {"seconds": {"JAX": 0.1, "torch.compile": 0.2}}},
    }
    verdicts = judge({name: {"rows": found} for name, found in rows.items()})
    assert [(verdict.value, verdict.reached) for verdict in verdicts] == [
        (pytest.approx(0.5), True),
        (pytest.approx(0.02 / 8 / 0.004), False),  # each at the batch that it likes best
        (150, False),
        (0.2, False),
        (pytest.approx(0.5), True),
        (None, None),
        (None, None),
    ]
    assert all(verdict.reached is None for verdict in judge({}))


def test_pieces_are_listed_and_wrong_requests_are_one_sentence(tmp_path, capsys):
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [piece.name for piece in PIECES]
    file = str(tmp_path / "result.json")
    numbers_alone = tmp_path / "numbers"
    numbers_alone.mkdir()
    (numbers_alone / "expected_seed0.npz").touch()
    for arguments, words in (
        ([], "--json"),
        (["--json", file, "--minutes", "0"], "--minutes"),
        (["--json", file, "--only", "nothing"], "There is no piece nothing"),
        (["--json", file, "--wheels", str(tmp_path)], "holds no wheels"),
        (["--json", file, "--recorded", str(tmp_path)], "holds no recorded numbers"),
        (["--json", file, "--recorded", str(numbers_alone)], "lacks make_checkpoints.py"),
    ):
        with pytest.raises(SystemExit, match="2"):
            command.main(arguments)
        assert words in capsys.readouterr().err
    assert not Path(file).exists()


def test_the_command_itself_leaves_the_device_alone():
    """Memory that it took would be missing for what is measured."""
    program = "import sys, benchmarks.device.__main__\nassert not {'jax', 'torch', 'numpy', 'click'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


ON_THE_MACHINE = (
    "jax>=0.11", "flax", "optax", "orbax-checkpoint", "chex", "numpy", "scipy", "opencv-python-headless", "pillow",
    "safetensors",
)  # fmt: skip
TORCH = (["torch", "--index-url", "https://download.pytorch.org/whl/cpu"], ["torch"])  # the first is much smaller


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """An interpreter that has what such a machine has; KDTALKER_BARE_PYTHON may name one that is there."""
    if "KDTALKER_BARE_PYTHON" in os.environ:
        return Path(os.environ["KDTALKER_BARE_PYTHON"])
    candidates = [*Path.home().glob(".pyenv/versions/3.12*/bin/python"), *filter(None, [shutil.which("python3.12")])]
    works = [path for path in candidates if not subprocess.run([path, "-V"], capture_output=True).returncode]
    python = next(iter(works), None)
    if python is None:
        pytest.skip("needs Python 3.12 beside this one")
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([python, "-m", "venv", folder], check=True)
    install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, *ON_THE_MACHINE], check=True)
    if all(subprocess.run([*install, "--retries", "0", *choice]).returncode for choice in TORCH):
        pytest.skip("PyTorch cannot be installed here")
    return folder / "bin" / "python"


@pytest.mark.slow
def test_a_bare_machine_measures_everything(bare, tmp_path):
    """With nothing but that machine's packages and the wheels that are carried to it."""
    wheels, file = tmp_path / "wheels", tmp_path / "result.json"
    subprocess.run([sys.executable, "-m", "benchmarks.device.pack", "--out", wheels], check=True, cwd=ROOT)
    assert sum(wheel.stat().st_size for wheel in wheels.iterdir()) <= pack.LARGEST
    arguments = ["--tiny", "--minutes", "20", "--json", file, "--cache", tmp_path / "cache", "--wheels", wheels]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([bare, "-m", "benchmarks.device", *arguments], check=True, cwd=ROOT, env=environment)
    pieces = json.loads(file.read_text())["pieces"]
    assert {name: (piece["state"], piece["sentence"]) for name, piece in pieces.items()} == {
        piece.name: (FINISHED, "") for piece in PIECES
    }
    assert all(piece["rows"] for piece in pieces.values())
