"""The loop of all trainings, with the toy's task: when it validates, saves and stops, and what it refuses."""

import signal
from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest

from configs.renderer import SMALL_RENDERER
from configs.training import SMALL_RUN
from kdtalker_jax import parallel, systems
from kdtalker_jax.checkpoints import load_item
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.seeds import random_key
from kdtalker_jax.training.loop import announce, is_validated, open_run, run_task
from tests.systems.toy.model import CONFIG as MODEL
from tests.systems.toy.networks import MOVER
from tests.systems.toy.training import ToyConfig, ToyTask, ToyValidation
from tests.training.metrics import read_metrics

CONFIG = ToyConfig()  # ten steps, a checkpoint every five
OFTEN = replace(CONFIG, checkpoints=replace(CONFIG.checkpoints, every=2), validation=ToyValidation(every=2))


@pytest.fixture(scope="module", autouse=True)
def registered():
    names = ("features:Loudness", "motion_model:Mover", "renderer:Painter", "configs:CONFIGS")
    families = {kind: f"tests.systems.toy.model:{name}" for kind, name in (each.split(":") for each in names)}
    systems.register(systems.System("toy", **families, trainings=("tests.systems.toy.training:KIND",)))
    yield
    del systems._SYSTEMS["toy"]


class Judged(ToyTask):
    """Validated with losses that are known beforehand."""

    def __init__(self, config, workdir, losses=()):
        super().__init__(config, workdir)
        self.losses, self.validated = dict(losses), []

    def validate(self, state, step, logs):
        assert int(np.ravel(jax.device_get(state.step))[0]) == step
        self.validated.append(step)
        return self.losses.get(step)


def train(workdir, config=CONFIG, kind=ToyTask):
    """The outcome, the task, and what was told."""
    tasks, told = [], []

    def make():
        tasks.append(kind(config, workdir))
        return tasks[0]

    return run_task(make, workdir, told.append, False), tasks[0], told


def params(run, which="latest"):
    _, tree, step = load_item(run, ("params",), which)
    return tree, step


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("toy") / "run"
    assert train(run)[0] == (10, True)
    return run


def test_it_validates_every_so_often_and_at_the_end(tmp_path):
    outcome, task, told = train(tmp_path / "run", replace(CONFIG, validation=ToyValidation(every=4)), Judged)
    assert outcome == (10, True)
    assert task.validated == [4, 8, 10]
    assert told[-1] == "Finished after 10 steps."


def test_the_last_step_is_logged_however_few_there_are(tmp_path):
    """A dry run tells its loss."""
    train(tmp_path / "run", replace(CONFIG, log_every=1_000))
    assert list(read_metrics(tmp_path / "run")) == [10]


def test_every_step_is_logged_and_learnt_from(finished):
    metrics = read_metrics(finished)
    assert all(np.isfinite(metrics[step]["train/loss"]) for step in range(1, 11))
    learnt, step = params(finished)
    assert step == 10
    given = np.random.default_rng(0).standard_normal((500, MODEL.mover.inputs)).astype(np.float32)

    def error(tree):
        return np.square(MOVER.build(MODEL).apply({"params": tree}, given) - given[:, -2:]).mean()

    assert error(learnt) < 0.95 * error(MOVER.initialise(MODEL, random_key(CONFIG.seed))["params"])


def test_a_finished_run_is_not_gone_on_with(finished):
    before, _ = params(finished)
    outcome, task, told = train(finished, kind=Judged)
    assert outcome == (10, True)
    assert task.validated == []
    assert "Going on after step 10." in told
    jax.tree.map(np.testing.assert_array_equal, params(finished)[0], before)


def test_the_best_checkpoint_is_that_of_the_least_loss(tmp_path):
    losses = {2: 3.0, 4: 1.0, 6: 2.0, 8: 2.0, 10: 4.0}
    train(tmp_path / "run", OFTEN, partial(Judged, losses=losses))
    assert params(tmp_path / "run", "best")[1] == 4
    assert params(tmp_path / "run")[1] == 10


def test_stopped_and_gone_on_with_is_the_same_as_never_stopped(finished, tmp_path):
    """A signal while step 4 is judged: what was made is kept, although no checkpoint was due."""

    class Stopped(Judged):
        def validate(self, state, step, logs):
            if step == 4:
                signal.raise_signal(signal.SIGTERM)
            return super().validate(state, step, logs)

    often = replace(CONFIG, validation=ToyValidation(every=2))
    outcome, _, told = train(tmp_path / "run", often, Stopped)
    assert 4 < outcome.step < 10
    assert not outcome.finished
    assert told[-1] == f"Stopped after {outcome.step} of 10 steps: run the same command to go on."
    assert params(tmp_path / "run")[1] == outcome.step
    again, task, told = train(tmp_path / "run", often, Judged)
    assert again == (10, True)
    assert f"Going on after step {outcome.step}." in told
    assert task.validated == [step for step in (6, 8, 10) if step > outcome.step]
    jax.tree.map(np.testing.assert_array_equal, params(tmp_path / "run")[0], params(finished)[0])


def test_the_last_step_is_validated_although_someone_asks_to_stop(tmp_path):
    class Stopped(Judged):
        def step(self, state, batch):
            self.made = getattr(self, "made", 0) + 1
            if self.made == self.config.steps:
                signal.raise_signal(signal.SIGTERM)
            return super().step(state, batch)

    rare = replace(CONFIG, validation=ToyValidation(every=20))
    outcome, task, _ = train(tmp_path / "run", rare, partial(Stopped, losses={10: 1.0}))
    assert outcome == (10, True)
    assert task.validated == [10]
    assert params(tmp_path / "run", "best")[1] == 10


def test_a_loss_that_is_not_finite_names_the_samples_and_spoils_nothing(tmp_path):
    class Spoilt(ToyTask):
        def _batch(self, number):
            batch = super()._batch(number)
            if number == 6:
                batch.given[2] = np.nan
            return batch

    run = tmp_path / "run"
    with pytest.raises(InputError, match=r"Step 7 has loss nan .* from window 2\. .* learnt until step 5\.$") as error:
        train(run, kind=Spoilt)
    way_out = f"in a new workdir with a lower learning rate, or without these clips. With {run} as init,"
    assert way_out in str(error.value)
    tree, step = params(run)
    assert step == 5
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))


def test_where_nothing_is_saved_yet_there_is_nothing_to_begin_with(tmp_path):
    class Spoilt(ToyTask):
        def _batch(self, number):
            return super()._batch(number)._replace(wanted=np.full((4, 2), np.inf, np.float32))

    with pytest.raises(InputError, match=r"or without these clips\.$"):
        train(tmp_path / "run", kind=Spoilt)


def test_another_run_is_not_gone_on_with(finished):
    with pytest.raises(InputError, match=r"is another run \(steps is 11, not 10\)"):
        train(finished, replace(CONFIG, steps=11))
    assert train(finished, replace(CONFIG, log_every=5))[0] == (10, True), "what changes no result may change"


def test_how_pictures_reach_the_devices_may_change_and_which_may_not(tmp_path):
    def begin(**frames):
        config = replace(SMALL_RENDERER, frames=replace(SMALL_RENDERER.frames, **frames))
        return open_run(tmp_path / "run", "renderer", config, None, 4)

    begin()
    assert begin(threads=7, prefetch=3, cache_gb=0.5).config.frames.threads == 7
    with pytest.raises(InputError, match=r"is another run \(frames.cross is 0.5, not 0.0\)"):
        begin(cross=0.5)


def test_a_first_model_is_the_same_by_any_of_its_paths_and_where_it_was_moved_with_the_run(tmp_path, monkeypatch):
    def begin(run, init):
        return open_run(run, "renderer", SMALL_RENDERER, init and str(init), 4).init

    work = tmp_path / "work"
    for name in ("networks", "others"):
        (work / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert begin(work / "run", "work/networks") == str(work / "networks")
    monkeypatch.chdir(work)
    for init in ("networks", work / "networks", None):
        assert begin(work / "run", init) == str(work / "networks")
    with pytest.raises(InputError, match=rf"init is others, not {work / 'networks'}"):
        begin(work / "run", "others")
    moved = work.rename(tmp_path / "moved")
    assert begin(moved / "run", moved / "networks") == str(moved / "networks")
    with pytest.raises(InputError, match=r"init is .*others, not"):
        begin(moved / "run", moved / "others")


def test_a_first_model_that_is_named_stays_a_name(tmp_path):
    for _ in range(2):
        assert open_run(tmp_path / "run", "renderer", SMALL_RENDERER, "published", 4).init == "published"


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds other things \(notes.txt\) and no run"):
        train(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_the_main_process_does_not_share_is_noticed(tmp_path, monkeypatch):
    """As another host sees one of its own: the record is written elsewhere."""
    monkeypatch.setattr(parallel, "is_main", lambda: False)
    with pytest.raises(OutputError, match="is not the same folder for all processes"):
        open_run(tmp_path / "run", "toy_mover", CONFIG, None, 1)


def test_validation_that_cannot_be_is_missed_aloud(tmp_path, recwarn):
    assert is_validated(tmp_path, "validation", True, 4)
    assert not is_validated(tmp_path, "validation", False, 0), "nobody asked for it"
    assert not recwarn.list
    with pytest.warns(UserWarning, match="no clip in its validation split"):
        assert not is_validated(tmp_path, "validation", False, 4)


def test_a_laptop_is_told_of_recipes_that_are_not_for_it():
    for size, accumulate, told in ((256, 1, True), (256, 8, False), (8, 1, False)):
        said = []
        announce(replace(SMALL_RUN, batch_size=size, accumulate=accumulate), said.append)
        assert any("the recipe small is a dry run" in sentence for sentence in said) == told
