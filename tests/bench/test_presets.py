import msgspec
import pytest

import fop_envs
from fop_algos.catalogue import CATALOGUE, entry
from fop_bench.arguments import UsageError
from fop_bench.records.plan import Budget, Plan
from fop_bench.run import presets, tasks
from fop_core.errors import UnknownName

SPEC = fop_envs.make("matrix").spec


def that_choose(kind: str) -> list[str]:
    """Algorithms that choose actions of a kind."""
    return [name for name, algorithm in CATALOGUE.items() if kind in algorithm.action_kinds]


def plan(preset: str = "paper", suite: str = "smac", **settings: str) -> Plan:
    return Plan(
        suite=suite,
        preset=preset,
        tasks=["3m"],
        algorithms=["fop", "vdn"],
        seeds=[0],
        budget=Budget(env_steps=1),
        test_every=1,
        test_episodes=1,
        settings={name.replace("__", "."): value for name, value in settings.items()},
    )


def test_the_papers_protocol() -> None:
    paper = presets.preset("smac", "paper")
    assert (paper.steps, paper.seeds, paper.test_every, paper.test_episodes) == (2_050_000, 5, 10_000, 32)
    with pytest.raises(UnknownName, match=r"unknown preset 'papper'; did you mean paper"):
        presets.preset("smac", "papper")


@pytest.mark.parametrize("algorithm", that_choose("discrete"))
def test_the_papers_preset_leaves_the_algorithms_own_settings(algorithm: str) -> None:
    spec = fop_envs.make("3m").spec
    assert presets.configure(plan(), algorithm, spec) == entry(algorithm).smac
    assert presets.configure(plan(suite="matrix"), algorithm, SPEC) == entry(algorithm).games


@pytest.mark.parametrize("algorithm", that_choose("continuous"))
def test_the_papers_preset_of_the_differential_game(algorithm: str) -> None:
    preset = presets.preset("differential", "paper")
    assert (preset.updates, preset.seeds) == (20_000, 20)
    spec = fop_envs.make("differential").spec
    own = entry(algorithm).form("continuous").games
    assert presets.configure(plan(suite="differential"), algorithm, spec) == own


@pytest.mark.parametrize("task", tasks.maps())
def test_the_quick_preset_fits_every_map(task: str) -> None:
    spec = fop_envs.make(task).spec
    config = presets.configure(plan("quick"), "fop", spec)
    assert 4 <= config.batch_episodes <= config.burn_in_episodes
    assert config.batch_episodes * spec.n_agents * spec.episode_limit <= max(
        presets.QUICK_BATCH, 4 * spec.n_agents * spec.episode_limit
    )


def test_settings_reach_their_fields() -> None:
    from fop_algos.algorithms.fop import FopConfig

    changed = plan(
        gamma="0.9", fop__hidden="32", epsilon__over="123", twin_critics="false", state_value_hidden="[8,4]"
    )
    changed = msgspec.structs.replace(changed, algorithms=["fop"])
    config = presets.configure(changed, "fop", SPEC)
    assert isinstance(config, FopConfig)
    assert (config.gamma, config.hidden, config.epsilon.over) == (0.9, 32, 123)
    assert (config.twin_critics, config.state_value_hidden) == (False, (8, 4))


def test_a_setting_of_one_algorithm_leaves_the_others() -> None:
    changed = plan(fop__gamma="0.5")
    assert presets.configure(changed, "fop", SPEC).gamma == 0.5
    assert presets.configure(changed, "vdn", SPEC).gamma == 0.99


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gama": "1"}, "unknown field of fop 'gama'; did you mean gamma"),
        ({"epsilon__ovr": "1"}, "unknown field of fop 'ovr'; did you mean over"),
        ({"gamma": "high"}, "gamma=high: expected float"),
        ({"gamma": "1.5"}, r"gamma is 1.5; it must be from 0 to 1"),
        ({"gamma": "nan"}, "gamma is nan; it must be from 0 to 1"),
        ({"td_lambda": "-0.1"}, "td_lambda is -0.1; it must be from 0 to 1"),
        ({"hidden": "1.5"}, "hidden=1.5: expected int"),
        ({"hidden": "0"}, "hidden is 0; at least 1 is needed"),
        ({"heads": "-4"}, "heads is -4; at least 1 is needed"),
        ({"state_value_hidden": "[8,0]"}, r"state_value_hidden is \(8, 0\); at least 1 is needed"),
        ({"learning_rate": "0"}, "learning_rate is 0.0; at least 1e-12 is needed"),
        ({"max_gradient_norm": "-1"}, "max_gradient_norm is -1.0; at least 1e-12 is needed"),
        ({"target_update_episodes": "0"}, "target_update_episodes is 0; at least 1 is needed"),
        ({"epsilon__start": "3"}, "epsilon.start is 3.0; it must be from 0 to 1"),
        ({"epsilon__over": "-3"}, "over is -3; a schedule needs 0 or more env_steps"),
        ({"batch_episodes": "200"}, "burn_in_episodes is 32, less than one batch"),
        ({"alpha__end": "0"}, r"alpha.end is 0.0; it must be from 0.001 to 1e\+06"),
        ({"optimiser": "sgd"}, "optimiser=sgd: expected adam or rmsprop"),
        ({"gamma__x": "1"}, "gamma of fop has no field 'x'"),
        ({"epsilon": "half"}, r"epsilon=half: set its parts \(epsilon.start, epsilon.end"),
        ({"epsilon": "3"}, r"epsilon=3: set its parts \(epsilon.start, epsilon.end"),
    ],
)
def test_a_setting_that_cannot_be(settings: dict[str, str], message: str) -> None:
    with pytest.raises((UsageError, UnknownName), match=message):
        presets.configure(plan(**settings), "fop", SPEC)
