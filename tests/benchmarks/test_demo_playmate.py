"""What judges heads that feel is right itself, on drawings and models whose truth is known."""

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.demo.actors import make_actor
from benchmarks.demo.judge import EmotionJudge, Judgement, Lesson, shares_of
from benchmarks.demo.playmate import Tally, confusion_table
from benchmarks.demo.probe import SIZE, FaceProbe, places_of
from benchmarks.demo.rows import Row
from benchmarks.demo.turning import LIMITS, leak_row, pose_row
from benchmarks.demo.unseen import as_portrait, take, unseen_people, unseen_performances
from benchmarks.demo_quality import main
from configs import SMALL
from configs.playmate import SMALL as SMALL_PLAYMATE
from kdtalker_jax.checkpoints import save_checkpoint
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.motion_models.playmate.parts import PARTS
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.feelings import Felt, random_feelings, shown, unfelt
from kdtalker_jax.synthetic.performance import random_states
from kdtalker_jax.synthetic.state import Expression


def test_a_weak_emotion_is_a_blend_of_neutral_and_it():
    felt = Felt(None, np.int8([0, 5, 5]), np.float32([0, 1, 0.25]))
    shares = shares_of(felt)
    np.testing.assert_array_equal(shares[:, 0], [1, 0, 0.75])
    np.testing.assert_array_equal(shares[:, EMOTIONS.index("happy")], [0, 1, 0.25])
    np.testing.assert_array_equal(shares.sum(axis=1), 1)


def test_frames_are_judged_together():
    """A video is what all its frames say, not what most of them do."""
    found = Judgement(np.zeros((3, 8)), np.zeros((3, 8)))
    found.scores[:2, 1], found.scores[2, 4] = 1, 5
    assert found.of_frames.tolist() == [1, 1, 4] and found.of_video == 4
    tally = Tally()
    tally.add(1, found)
    assert tally.right("videos")[1] == 0 and tally.right("frames")[1] == 2 / 3


def test_where_parts_are_does_not_depend_on_what_is_felt():
    """The judge must see corners that rise, not a cut that rises with them."""
    person, states = unseen_people(1)[0], random_states(np.random.default_rng(0), 4)
    felt = shown(np.random.default_rng(1), states, np.full(4, EMOTIONS.index("sad")), np.ones(4, np.float32)).states
    calm = unfelt(states).states
    assert any(np.ptp(getattr(felt, name)) for name in Expression._fields)
    np.testing.assert_allclose(places_of(person, felt), places_of(person, calm), atol=1e-6)


def test_confusion_is_shown_in_shares_of_what_was_asked():
    counts = np.eye(len(EMOTIONS), dtype=int) * 3
    counts[2, 0] = 1
    rows = list(confusion_table(Row("", "", "", None, {"asked_by_judged": {"videos": counts.tolist()}})))
    assert rows[2] == ("contempt", "0.25", "0.00", "0.75", *["0.00"] * 5)


@pytest.fixture(scope="module")
def felt_lesson():
    """Of somebody of the plain world, whose drawing compiles sooner: what people feel is seen there too."""
    person, rng = unseen_people(1)[0], np.random.default_rng(0)
    calm = random_states(rng, 480)
    small = {name: np.float32(0.3) * getattr(calm, name) for name in ("yaw", "pitch", "roll", "x", "y", "brows")}
    felt = random_feelings(rng, as_portrait(calm._replace(**small, size=np.ones_like(calm.size))))
    chosen = np.flatnonzero((felt.emotion == 0) | (felt.intensity > 0.6))
    felt = Felt(take(felt.states, chosen), felt.emotion[chosen], felt.intensity[chosen])
    return person, Lesson(felt, draw_frames(person, felt.states, SIZE))


@pytest.mark.slow
def test_the_judge_knows_emotions_of_drawings_that_it_has_not_seen(felt_lesson):
    person, (felt, pictures) = felt_lesson
    known, unseen = (slice(None, -40), slice(-40, None))

    def part(frames: slice) -> Lesson:
        states = type(felt.states)(*(field[frames] for field in felt.states))
        return Lesson(Felt(states, felt.emotion[frames], felt.intensity[frames]), pictures[frames])

    lesson, asked = part(known), part(unseen)
    probe = FaceProbe(person, drawn=(lesson.felt.states, lesson.pictures))
    judge = EmotionJudge(person, lesson, probe)
    found = judge(asked.pictures)
    assert (found.of_frames == asked.felt.emotion).mean() > 0.6, "chance is 0.13"
    soft = judge([cv2.GaussianBlur(picture, (0, 0), 1.0) for picture in asked.pictures])
    assert (soft.of_frames == asked.felt.emotion).mean() > 0.6, "what a small generator makes is out of focus"
    shown = shares_of(asked.felt)
    assert np.corrcoef(found.shares[:, 1:].ravel(), shown[:, 1:].ravel())[0, 1] > 0.6


@pytest.fixture(scope="module")
def model():
    """One that has learnt to turn heads: that of the package."""
    return TalkingPortrait.load()


@pytest.fixture(scope="module")
def actors(model):
    people, performances = unseen_people(2), unseen_performances(2, 100)
    return [make_actor(model, *pair, 3) for pair in zip(people, performances, strict=True)]


@pytest.mark.slow
def test_a_drivers_poses_are_read_back_and_a_renderer_leaks_as_much_as_itself(model, actors):
    row = pose_row(model, actors)
    assert max(row.numbers["read"]) < 4, "degrees"
    assert row.reached == all(error <= limit for error, limit in zip(row.numbers["read"], LIMITS, strict=True))
    row = leak_row(model, actors, model)
    assert row.numbers["shares"] == (1.0, 1.0) and row.reached is False
    assert 0 < row.numbers["expression"] < 2 and 0 < row.numbers["pose"] < 4
    assert leak_row(model, actors, None).reached is None


@pytest.fixture(scope="module")
def small_playmate(small_checkpoint, tmp_path_factory):
    directory = tmp_path_factory.mktemp("playmate") / "model"
    networks = {part.name: random_variables(part.name, SMALL_PLAYMATE) for part in PARTS}
    assert SMALL_PLAYMATE.generator == SMALL.generator
    save_checkpoint(directory, networks, SMALL_PLAYMATE, based_on=small_checkpoint)
    return directory


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--system", "dreamhead", "--checkpoint", "SMALL"], "is a model of kdtalker"),
        (["--beside", "other"], "are of --system playmate"),
        (["--system", "playmate", "--checkpoint", "SMALL"], "is a model of kdtalker"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, sentence, small_checkpoint):
    arguments = [str(small_checkpoint) if argument == "SMALL" else argument for argument in arguments]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2 and sentence in result.output


@pytest.mark.slow
def test_command_measures_every_quantity(small_playmate, small_checkpoint, tmp_path):
    """With a model that was never trained: all rows are there, and it is not praised for what it cannot know."""
    file = tmp_path / "quality.json"
    arguments = ["--system", "playmate", "--checkpoint", str(small_playmate), "--beside", str(small_checkpoint)]
    arguments += ["--quick", "--json", str(file), "--pictures", str(tmp_path)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = {row["quantity"]: row for row in json.loads(file.read_text())["rows"]}
    assert len(rows) == 19
    assert rows["emotion of generated videos as judged (Emo-A)"]["reached"] is False
    assert rows["same seed"]["reached"] is True
    assert "| neutral |" in result.output, "the confusion matrix"
    assert {path.stem for path in tmp_path.glob("*.png")} == {"emotions", "speech", "silence"}
