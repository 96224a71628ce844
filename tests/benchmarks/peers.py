"""Environment steps per second beside SMAClite and SMAX, in one process and on the same maps.

    python tests/benchmarks/peers.py --maps 3m,2s3z --smaclite DIR

SMAClite is measured if `--smaclite` names a checkout of it, SMAX if jaxmarl can be imported. All play random
available actions and begin anew when an episode ends; all outputs are consumed.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from test_bench_engine import N_ENVS, Player

SMAX_BATCHES = (64, 512, 4096)
Measure = Callable[[float], float]  # seconds -> environment steps per second


def ours(name: str) -> Measure:
    """One thread."""
    player = Player(name)
    player.play(player.env.spec.episode_limit)

    def measure(seconds: float) -> float:
        steps, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            player.play(10)
            steps += 10 * N_ENVS
        return steps / (time.perf_counter() - start)

    return measure


def smaclite(name: str, folder: Path) -> Measure:
    """One environment in this process, as its users run it; SMAC's step limit is applied from outside."""
    sys.path.insert(0, str(folder))
    from smaclite.env import SMACliteEnv
    from smaclite.env.maps.map import MapPreset

    from fop_envs.smac.maps import load_map

    limit = load_map(name).episode_limit
    preset = next(preset.value for preset in MapPreset if preset.value.name == name)
    env = SMACliteEnv(map_info=preset)

    def measure(seconds: float) -> float:
        steps, total, start = 0, 0.0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            env.reset()
            for _ in range(limit):
                masks = env.get_avail_actions()
                actions = [random.choice([a for a, flag in enumerate(mask) if flag]) for mask in masks]
                observations, reward, ended, *_ = env.step(actions)
                total += reward + float(env.get_state().sum()) + float(sum(o.sum() for o in observations))
                steps += 1
                if ended:
                    break
        assert total == total, "consumed"
        return steps / (time.perf_counter() - start)

    return measure


def smax(name: str, batch: int) -> Measure:
    """`batch` environments in one compiled scan; XLA may use all cores."""
    import jax
    import jax.numpy as jnp
    from jaxmarl.environments.smax import (
        HeuristicEnemySMAX,
        map_name_to_scenario,
    )

    env = HeuristicEnemySMAX(scenario=map_name_to_scenario(name))
    length = 50

    def one_step(carry, key):
        state, total = carry
        masks = env.get_avail_actions(state)
        keys = jax.random.split(key, env.num_agents + 1)
        actions = {
            agent: jax.random.categorical(k, jnp.where(masks[agent] > 0, 0.0, -jnp.inf))
            for agent, k in zip(env.agents, keys[1:], strict=True)
        }
        observations, state, rewards, _, _ = env.step(keys[0], state, actions)
        # Everything enters the result, so that XLA cannot leave it out.
        seen = sum(value.sum() for value in observations.values()) + sum(rewards.values())
        return (state, total + seen + sum(mask.sum() for mask in masks.values())), None

    def rollout(key, state):
        return jax.lax.scan(one_step, (state, 0.0), jax.random.split(key, length))[0]

    play = jax.jit(jax.vmap(rollout))
    keys = jax.random.split(jax.random.PRNGKey(0), batch)
    _, state = jax.jit(jax.vmap(env.reset))(keys)
    for _ in range(2):  # compiles, and once more for the types of a state that has been stepped
        state, total = play(keys, state)
        total.block_until_ready()

    def measure(seconds: float) -> float:
        nonlocal state, keys
        steps, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            keys = jax.vmap(lambda key: jax.random.split(key)[0])(keys)
            state, total = play(keys, state)
            total.block_until_ready()
            steps += batch * length
        return steps / (time.perf_counter() - start)

    return measure


def report(name: str, seconds: float, folder: Path | None) -> None:
    """Measures ours before and after each peer, and prints the ratio to the mean of both."""
    mine = ours(name)
    print(f"{name}: ours, one thread: {mine(seconds):,.0f} steps/s")
    peers: list[tuple[str, Callable[[], Measure]]] = []
    if folder is not None:
        peers.append(("SMAClite", lambda: smaclite(name, folder)))
    if importlib.util.find_spec("jaxmarl") is not None:
        peers += [
            (f"SMAX, batch {batch}, all cores", lambda b=batch: smax(name, b)) for batch in SMAX_BATCHES
        ]
    for label, make in peers:
        try:
            peer = make()
        except (KeyError, StopIteration):
            print(f"  {label}: has no map {name}")
            continue
        before, theirs, after = mine(seconds), peer(seconds), mine(seconds)
        print(f"  {label}: {theirs:,.0f} steps/s; ours is {(before + after) / 2 / theirs:,.1f} times that")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--maps", default="3m,2s3z,3s5z,MMM2,2c_vs_64zg,27m_vs_30m")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--smaclite", type=Path, help="folder of a checkout of uoe-agents/smaclite")
    arguments = parser.parse_args()
    if arguments.smaclite is None:
        print("SMAClite is left out: no checkout given (--smaclite DIR).")
    if importlib.util.find_spec("jaxmarl") is None:
        print("SMAX is left out: jaxmarl isn't installed.")
    for name in arguments.maps.split(","):
        report(name, arguments.seconds, arguments.smaclite)


if __name__ == "__main__":
    main()
