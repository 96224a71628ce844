"""Episode replay against a plain list of episodes; saving, damage, memory."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fop_core.errors import DamagedFile
from fop_core.replay import EpisodeReplay
from fop_core.types import Episodes, TaskSpec

DISCRETE = TaskSpec("tiny", n_agents=2, n_actions=5, obs_dim=3, state_dim=4, episode_limit=7)
CONTINUOUS = TaskSpec(
    "reach", n_agents=2, n_actions=0, obs_dim=3, state_dim=1, episode_limit=7, action_kind="continuous",
    action_dim=2, action_low=-1.0, action_high=1.0,
)  # fmt: skip
FIELDS = [field.name for field in dataclasses.fields(Episodes)]


def some_episodes(spec: TaskSpec, lengths: list[int], seed: int = 0, zeros: float = 0.4) -> Episodes:
    """Random episodes padded to the longest, with rubbish where a real batch has padding."""
    rng = np.random.default_rng(seed)
    n, steps = len(lengths), max(lengths)

    def numbers(*shape):
        return np.where(rng.random(shape) < zeros, 0.0, rng.normal(size=shape)).astype(np.float32)

    if spec.action_kind == "discrete":
        actions = rng.integers(0, spec.n_actions, (n, steps, spec.n_agents))
    else:
        actions = rng.uniform(-1, 1, (n, steps, spec.n_agents, spec.action_dim)).astype(np.float32)
    mask = np.arange(steps) < np.array(lengths)[:, None]
    last = np.arange(steps) == np.array(lengths)[:, None] - 1
    return Episodes(
        obs=numbers(n, steps + 1, spec.n_agents, spec.obs_dim),
        state=numbers(n, steps + 1, spec.state_dim),
        available=rng.random((n, steps + 1, spec.n_agents, spec.n_actions)) > 0.4,
        actions=actions,
        reward=numbers(n, steps),
        terminated=last & (rng.random((n, 1)) > 0.5),
        mask=mask,
        lengths=np.array(lengths, np.int64),
        label=rng.integers(-(2**40), 2**40, n),
    )


def split(batch: Episodes) -> list[dict[str, np.ndarray]]:
    """The episodes of a batch without padding: the oracle's plain list."""
    rows = []
    for b, length in enumerate(batch.lengths):
        ends = {"obs": length + 1, "state": length + 1, "available": length + 1}
        rows.append(
            {
                name: getattr(batch, name)[b][: ends.get(name, length)].copy()
                for name in FIELDS
                if name not in ("lengths", "label")
            }
            | {"label": batch.label[b : b + 1].copy()}
        )
    return rows


def assert_batch_is(batch: Episodes, expected: list[dict[str, np.ndarray]]) -> None:
    """`batch` holds exactly these episodes, padded with zeros to the longest."""
    lengths = [len(episode["reward"]) for episode in expected]
    assert batch.lengths.tolist() == lengths
    assert batch.reward.shape == (len(expected), max(lengths))
    assert batch.label.tolist() == [episode["label"].item() for episode in expected]
    for name in FIELDS[:-2]:
        got = getattr(batch, name)
        for b, episode in enumerate(expected):
            real = len(episode[name])
            assert got[b, :real].tobytes() == episode[name].tobytes(), name
            assert not got[b, real:].any(), name
    types = [getattr(batch, name).dtype for name in FIELDS]
    actions = expected[0]["actions"].dtype
    assert types == ["float32", "float32", "bool", actions, "float32", "bool", "bool", "int64", "int64"]
    assert all(getattr(batch, name).flags.c_contiguous for name in FIELDS)


def which(batch: Episodes, stored: list[dict[str, np.ndarray]]) -> list[int]:
    """The ages of a batch's episodes, found by their first observation."""
    first = {episode["obs"].tobytes(): age for age, episode in enumerate(stored)}
    assert len(first) == len(stored)
    return [first[batch.obs[b, : length + 1].tobytes()] for b, length in enumerate(batch.lengths)]


@given(
    spec=st.sampled_from([DISCRETE, CONTINUOUS]),
    capacity=st.integers(1, 9),
    rounds=st.lists(st.lists(st.integers(1, 7), min_size=1, max_size=5), min_size=1, max_size=6),
    data=st.data(),
)
def test_replay_behaves_like_a_list_that_forgets_its_oldest(spec, capacity, rounds, data):
    replay, stored = EpisodeReplay(spec, capacity, seed=5), []
    for seed, lengths in enumerate(rounds):
        batch = some_episodes(spec, lengths, seed)
        replay.add(batch)
        stored = (stored + split(batch))[-capacity:]
        assert len(replay) == len(stored)
        n = data.draw(st.integers(1, len(stored)))
        assert_batch_is(replay.latest(n), stored[-n:])
        sample = replay.sample(n)
        ages = which(sample, stored)
        assert len(set(ages)) == n
        assert_batch_is(sample, [stored[age] for age in ages])


@pytest.mark.parametrize(("n_actions", "width"), [(256, 1), (257, 2), (65536, 2), (65537, 4)])
def test_actions_take_the_smallest_integer_that_holds_them(n_actions, width):
    spec = dataclasses.replace(DISCRETE, n_agents=1, n_actions=n_actions, episode_limit=3)
    batch = some_episodes(spec, [3], zeros=1.0)
    batch.actions[0, :, 0] = [0, n_actions - 1, n_actions // 2]
    replay = EpisodeReplay(spec, 1, 0)
    replay.add(batch)
    assert replay.latest(1).actions[0, :, 0].tolist() == [0, n_actions - 1, n_actions // 2]
    frames, table = 4, 48
    bits = sum(-(-frames * k // 8) for k in (spec.obs_dim, spec.state_dim, n_actions))
    assert replay.nbytes == table + 3 * 4 + bits + 3 * width


def test_sampling_is_a_function_of_seed_count_and_content():
    batch = some_episodes(DISCRETE, [2, 5, 1, 7, 3, 4])
    same, other = EpisodeReplay(DISCRETE, 6, 1), EpisodeReplay(DISCRETE, 6, 2)
    replay = EpisodeReplay(DISCRETE, 6, 1)
    for r in (replay, same, other):
        r.add(batch)
    stored = split(batch)
    drawn = [which(replay.sample(3), stored) for _ in range(20)]
    same.latest(4)  # no part of the random stream
    assert [which(same.sample(3), stored) for _ in range(20)] == drawn
    assert [which(other.sample(3), stored) for _ in range(20)] != drawn
    assert len({tuple(ages) for ages in drawn}) > 10
    # An overwritten ring draws by age, so where the ring happens to begin does not matter.
    late = EpisodeReplay(DISCRETE, 6, 1)
    late.add(some_episodes(DISCRETE, [4, 4], seed=9))
    late.add(batch)
    assert [which(late.sample(3), stored) for _ in range(20)] == drawn


def test_every_episode_is_drawn_equally_often():
    replay = EpisodeReplay(DISCRETE, 5, 3)
    batch = some_episodes(DISCRETE, [1, 2, 3, 4, 5])
    replay.add(batch)
    counts = np.zeros(5)
    for _ in range(1500):
        counts[which(replay.sample(2), split(batch))] += 1
    # 1500 draws with chance 2/5: standard deviation 19; five of them.
    assert np.abs(counts - 600).max() < 95


def test_buffers_are_used_again_unless_a_copy_is_asked_for():
    replay = EpisodeReplay(DISCRETE, 4, 0)
    replay.add(some_episodes(DISCRETE, [7, 7, 7]))
    kept = replay.sample(2, copy=True)
    before = {name: getattr(kept, name).copy() for name in FIELDS}
    first, newest = replay.sample(2), replay.latest(2)
    content = newest.obs.copy()
    second = replay.sample(2)
    assert np.shares_memory(first.obs, second.obs)
    assert not np.shares_memory(newest.obs, second.obs)
    np.testing.assert_array_equal(newest.obs, content)
    assert all(np.array_equal(getattr(kept, name), before[name]) for name in FIELDS)


@pytest.mark.parametrize("spec", [DISCRETE, CONTINUOUS], ids=lambda spec: spec.action_kind)
def test_saved_replay_goes_on_bit_for_bit(spec, tmp_path):
    from safetensors.numpy import load_file, save_file

    replay = EpisodeReplay(spec, 4, 11)
    for seed in range(3):
        replay.add(some_episodes(spec, [2, 7, 3], seed))
        replay.sample(2)
    save_file(replay.state(), tmp_path / "replay.safetensors")
    restored = EpisodeReplay(spec, 4, 11)
    restored.add(some_episodes(spec, [1], 77))
    restored.load_state(load_file(tmp_path / "replay.safetensors"))
    assert len(restored) == len(replay) == 4
    for seed in range(10, 16):
        for r in (replay, restored):
            r.add(some_episodes(spec, [seed % 7 + 1], seed))
        ours, theirs = replay.sample(3), restored.sample(3)
        assert all(getattr(ours, name).tobytes() == getattr(theirs, name).tobytes() for name in FIELDS)
    assert all(np.array_equal(replay.state()[name], value) for name, value in restored.state().items())


def test_an_empty_replay_can_be_saved():
    EpisodeReplay(DISCRETE, 4, 0).load_state(EpisodeReplay(DISCRETE, 4, 0).state())


def damage(change):
    replay = EpisodeReplay(DISCRETE, 4, 0)
    replay.add(some_episodes(DISCRETE, [2, 3]))
    state = {name: array.copy() for name, array in replay.state().items()}
    change(state)
    return state


def as_format_1(state):
    """Episodes had no labels."""
    state["identity"][0] = 1
    del state["label"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("lengths"), "lengths is missing"),
        (lambda s: s.update(lengths=s["lengths"].astype(np.int32)), "lengths is int32"),
        (lambda s: s.update(blocks=s["blocks"][:-1]), "checksum differs"),
        (lambda s: s["blocks"].__setitem__(0, s["blocks"][0] ^ 1), "checksum differs"),
        (lambda s: s["stream"].__setitem__(1, 9), "checksum differs"),
        (lambda s: s["stream"].__setitem__(0, 9), "seed is 9; here it is 0"),
        (lambda s: s["identity"].__setitem__(0, 9), "format is 9"),
        (as_format_1, "format is 1; here it is 2"),
        (lambda s: s["label"].__setitem__(0, 9), "checksum differs"),
        (lambda s: s.update(identity=s["identity"][:-1]), "identity or stream has the wrong length"),
        (lambda s: s["task"].__setitem__(0, ord("T")), "the task is 'Tiny'; here it is 'tiny'"),
    ],
)
def test_a_damaged_state_is_refused_and_changes_nothing(change, message):
    replay = EpisodeReplay(DISCRETE, 4, 0)
    replay.add(some_episodes(DISCRETE, [5], seed=3))
    before = replay.state()
    with pytest.raises(DamagedFile, match=message):
        replay.load_state(damage(change))
    assert all(np.array_equal(before[name], value) for name, value in replay.state().items())


@pytest.mark.parametrize("field", ["n_agents", "n_actions", "obs_dim", "state_dim", "episode_limit"])
def test_a_state_of_another_task_is_refused_by_name(field):
    other = dataclasses.replace(DISCRETE, **{field: getattr(DISCRETE, field) + 1})
    with pytest.raises(DamagedFile, match=f"{field} is {getattr(other, field)}; here it is"):
        EpisodeReplay(DISCRETE, 4, 0).load_state(EpisodeReplay(other, 4, 0).state())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"obs": lambda b: b.obs.astype(np.float64)}, r"obs is float64\(2, 4, 2, 3\); needed: float32"),
        ({"state": lambda b: b.state[:, :-1]}, r"state is float32\(2, 3, 4\); needed: float32\(2, 4, 4\)"),
        ({"actions": lambda b: b.actions.astype(np.int32)}, "actions is int32"),
        ({"actions": lambda b: b.actions + 5}, "actions of episode 0, step 0, agent 0 is .; allowed: 0 to 4"),
        ({"actions": lambda b: -1 - b.actions}, "actions of episode 0, step 0, agent 0 is -"),
        ({"lengths": lambda b: b.lengths + np.arange(2)}, "lengths of episode 1 is 4; allowed: 1 to 3"),
        ({"lengths": lambda b: b.lengths * 0}, "lengths of episode 0 is 0"),
        ({"label": lambda b: b.label[:1]}, r"label is int64\(1,\); needed: int64\(2,\)"),
        ({"lengths": lambda b: b.lengths[:, None]}, "lengths and reward have shapes"),
        ({"terminated": lambda b: b.mask}, "terminated of episode 0 is true at step 0 of 2"),
        ({"available": lambda b: b.available.view(np.uint8)}, "available is uint8"),
    ],
)
def test_what_cannot_be_an_episode_is_refused(change, message):
    replay = EpisodeReplay(DISCRETE, 4, 0)
    batch = some_episodes(DISCRETE, [2, 3])
    with pytest.raises(ValueError, match=message):
        replay.add(dataclasses.replace(batch, **{name: make(batch) for name, make in change.items()}))
    assert len(replay) == 0


def test_an_episode_longer_than_the_limit_is_refused():
    replay = EpisodeReplay(dataclasses.replace(DISCRETE, episode_limit=3), 4, 0)
    with pytest.raises(ValueError, match="lengths of episode 0 is 4; allowed: 1 to 3"):
        replay.add(some_episodes(DISCRETE, [4]))


def test_arrays_that_are_not_contiguous_are_taken_as_they_look():
    batch = some_episodes(DISCRETE, [3, 2])
    strided = dataclasses.replace(
        batch, obs=np.asfortranarray(batch.obs), reward=batch.reward[:, ::-1][:, ::-1]
    )
    replay = EpisodeReplay(DISCRETE, 4, 0)
    replay.add(strided)
    assert_batch_is(replay.latest(2), split(batch))


@pytest.mark.parametrize("n", [0, -1, 3])
def test_n_must_be_among_what_is_held(n):
    replay = EpisodeReplay(DISCRETE, 4, 0)
    replay.add(some_episodes(DISCRETE, [1, 1]))
    for draw in (replay.sample, replay.latest):
        with pytest.raises(ValueError, match=f"n is {n}; the replay holds 2 episodes"):
            draw(n)


def test_capacity_and_seed_are_checked():
    with pytest.raises(ValueError, match="capacity is 0"):
        EpisodeReplay(DISCRETE, 0, 0)
    with pytest.raises(ValueError, match="seed is -1"):
        EpisodeReplay(DISCRETE, 1, -1)


@pytest.mark.parametrize(
    ("name", "shape", "steps", "padded"),
    [("3m", (3, 9, 30, 48, 60), 25, 805), ("MMM2", (10, 18, 176, 322, 180), 60, 9861)],
)
def test_memory_is_at_most_a_quarter_of_a_padded_one_hot_layout(name, shape, steps, padded):
    """`padded` bytes a step, all steps up to the limit and one more: measured on PyMARL's buffer.

    Episodes here hold as many zeros as random play on these maps (half; see docs/replay.md).
    """
    spec = TaskSpec(name, *shape)
    replay = EpisodeReplay(spec, 1000, 0)
    assert replay.nbytes == 0
    replay.add(some_episodes(spec, [steps] * 20, zeros=0.5))
    assert replay.nbytes / 20 <= padded * (spec.episode_limit + 1) / 4
