"""Recordings of StarCraft II played into the embedded engine and into SMAX, both compared by the same code.

    python tests/benchmarks/peers_on_recordings.py --maps 3m,8m,2s3z,corridor

SMAX's units start where the engine's stand at the first orders, so that only the rules differ. An agent
gets at each step the action that its recorded order stands for; the enemy is SMAX's own heuristic. The rows
`SMAX` are the game as published. The rows `SMAX, adapted` take away two differences that an open-loop play
suffers most from: a loop lasts 1/22.4 s instead of 1/16 s, since SMAX's speeds and periods (all but the
Stalker's period) are those of the clock Faster; and agents walk towards targets out of range, whom SMAX's
attack leaves alone.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fop_bench.report.text_tables import as_markdown
from fop_bench.studies.fidelity import measures, recordings, replay_blocks
from fop_bench.studies.fidelity.captioned_tables import percent
from fop_bench.studies.fidelity.comparison import Comparison
from fop_bench.studies.fidelity.fidelity_records import Record
from fop_bench.studies.fidelity.map_summary import summarise
from fop_bench.studies.fidelity.measures import STEP, Known
from fop_bench.studies.fidelity.medians import short
from fop_bench.studies.fidelity.playback import Playback, Player
from fop_bench.studies.fidelity.recordings import Episode
from fop_core.errors import FopError
from fop_envs.smac.skirmish import ENGINE_VERSION

DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Cells along x and y of SMAX's actions 0 to 3."""
STAND, FIRST_ATTACK = 4, 5
"""SMAX's action of standing still, and an agent's attack on the first enemy; the others follow in order."""

FASTER = 1 / 22.4
"""Seconds of a loop on the clock of SMAX's figures."""

Places = npt.NDArray[np.float32]


def actions(episode: Episode, places: Known, steps: int) -> npt.NDArray[np.int32]:
    """`[steps, agents]` of SMAX: what the recorded orders stand for.

    An agent without an order (it was dead by then, or the recording is over) goes on attacking or standing;
    after a move it stands, since SMAC's moves end after 2 cells.
    """
    n_agents = sum(birth.player == 0 for birth in episode.units)
    start = {(seen.loop, seen.unit): seen for seen in places.moves}
    given: dict[tuple[int, int], int] = {}
    for order in episode.orders:
        if order.loop % STEP or order.kind == "heal":
            raise FopError(
                f"SMAX has no action for the order {order}: it knows no healing, and steps of {STEP}"
            )
        action = STAND
        if order.kind == "move" and order.x is not None and order.y is not None:
            seen = start[order.loop, order.unit]
            action = DIRECTIONS.index(
                (int(np.sign(round(order.x - seen.x))), int(np.sign(round(order.y - seen.y))))
            )
        elif order.kind == "attack" and order.target is not None:
            action = FIRST_ATTACK + order.target - n_agents
        given[order.loop // STEP, order.unit] = action
    result = np.full((steps, n_agents), STAND, np.int32)
    for step in range(steps):
        for unit in range(n_agents):
            kept = result[step - 1, unit] if step and result[step - 1, unit] >= STAND else STAND
            result[step, unit] = given.get((step, unit), kept)
    return result


def playback(tracks: Places, alive: npt.NDArray[np.bool_], loops: int) -> Playback:
    """What became of an episode, from `[at least loops, units, 2]` places and `[.., units]` who lived. SMAX
    doesn't tell who killed whom."""
    dead = ~alive[:loops]
    death_loop = np.where(dead.any(axis=0), dead.argmax(axis=0), -1)
    return Playback(death_loop, np.full_like(death_loop, -1), tracks[:loops])


def smax(
    episode: Episode, orders: npt.NDArray[np.int32], starts: Places, seeds: int, adapted: bool
) -> tuple[Places, npt.NDArray[np.bool_]]:
    """Plays many episodes with the armies of `episode`.

    Args:
        episode: any of them.
        orders: `[episodes, steps, agents]` actions of SMAX.
        starts: `[episodes, units, 2]`.
        seeds: plays of each episode.
        adapted: on the clock of its figures, and agents go towards targets out of range.

    Returns:
        `[episodes, seeds, 8 steps + 1, units, 2]` places and `[.., units]` who lived, before each loop.
    """
    import jax
    import jax.numpy as jnp
    from jaxmarl.environments.smax import SMAX, HeuristicEnemySMAX
    from jaxmarl.environments.smax.smax_env import Scenario

    n_agents = orders.shape[2]
    names = SMAX().unit_type_names
    types = jnp.array([names.index(birth.type.lower()) for birth in episode.units], jnp.uint8)
    scenario = Scenario(types, n_agents, len(types) - n_agents, False, False)
    settings = {"scenario": scenario} | ({"time_per_step": FASTER} if adapted else {})
    env, game = HeuristicEnemySMAX(**settings), SMAX(**settings)
    assert game.world_steps_per_env_step == STEP
    reach = game.unit_type_attack_ranges[types[:n_agents]]

    def approach(state, action):
        target = jnp.maximum(n_agents + action - FIRST_ATTACK, 0)
        way = state.unit_positions[target] - state.unit_positions[:n_agents]
        far = (action >= FIRST_ATTACK) & state.unit_alive[target] & (jnp.linalg.norm(way, axis=1) >= reach)
        return jnp.where(far, (way @ jnp.array(DIRECTIONS).T).argmax(axis=1), action)

    def one_step(carry, action):
        state, memory, key = carry
        key, step_key = jax.random.split(key)
        if adapted:
            action = approach(state, action)
        seen = game.get_obs_unit_list(state)
        # Keys are split as HeuristicEnemySMAX does it; that class keeps the states within a step to itself.
        enemies, memory = env.get_enemy_actions(
            jax.random.split(step_key)[1], memory, jnp.array([seen[enemy] for enemy in env.enemy_agents])
        )
        joint = dict(zip(env.agents, action, strict=True)) | enemies
        states = game.step_env(step_key, state, joint, True)
        last = jax.tree.map(lambda values: values[-1], states)
        return (last.replace(step=state.step + 1), memory, key), (states.unit_positions, states.unit_alive)

    def play(order, start, key):
        _, state = game.reset(key)
        memory = env.get_enemy_policy_initial_state(key)
        _, (ways, alive) = jax.lax.scan(one_step, (state.replace(unit_positions=start), memory, key), order)
        ways = ways.reshape(-1, *start.shape)
        alive = alive.reshape(-1, len(start))
        return jnp.concatenate([start[None], ways]), jnp.concatenate([jnp.ones_like(alive[:1]), alive])

    keys = jax.random.split(jax.random.PRNGKey(0), (len(orders), seeds))
    batched = jax.jit(jax.vmap(jax.vmap(play, (None, None, 0)), (0, 0, 0)))
    ways, alive = batched(jnp.array(orders), jnp.array(starts), keys)
    return np.asarray(ways), np.asarray(alive)


def by_smax(map_name: str, episodes: Sequence[Episode], seeds: int, adapted: bool) -> Comparison:
    player = Player(map_name)
    known = [measures.known(episode, player.spawns(episode)) for episode in episodes]
    loops = [episode.end + 1 + replay_blocks.grace(map_name, episode) for episode in episodes]
    steps = -(-max(loops) // STEP)
    ways, alive = smax(
        episodes[0],
        np.stack([actions(*pair, steps) for pair in zip(episodes, known, strict=True)]),
        np.stack([player.start(episode) for episode in episodes]),
        seeds,
        adapted,
    )
    records: list[Record] = []
    for i, (episode, places) in enumerate(zip(episodes, known, strict=True)):
        reference = measures.reference(map_name, episode, places, "SMAX")
        records.append(reference)
        for seed in range(seeds):
            played = playback(ways[i, seed], alive[i, seed], loops[i])
            records.append(measures.play(reference, episode, places, played, seed))
    return summarise(records)[map_name].recording


def by_engine(map_name: str, episodes: Sequence[Episode], seeds: int) -> Comparison:
    records = [
        record for episode in episodes for record in replay_blocks.ReplayBlock(map_name, episode, seeds, 0)()
    ]
    return summarise(records)[map_name].recording


HEADER = [
    "map",
    "engine",
    "agents until attack",
    "enemies first",
    "first kill",
    "all deaths %",
    "same winner %",
    "same survivors %",
    "agents lost",
    "enemies lost",
]


def row(map_name: str, engine: str, seen: Comparison) -> list[str]:
    """Places: median / 90th percentile in cells. First kill (loops) and deaths: median difference."""
    return [
        map_name,
        engine,
        str(seen.allies_until_attack),
        str(seen.enemies_first),
        short(seen.first_kill.median),
        short(100 * seen.deaths.median),
        percent(seen.same_winner),
        percent(seen.same_survivors),
        *(f"{seen.losses[side]:.1f} / {seen.plays_losses[side]:.1f}" for side in (0, 1)),
    ]


def run(maps: Sequence[str], seeds: int, folder: Path | None) -> None:
    if importlib.util.find_spec("jaxmarl") is None:
        raise FopError("SMAX can't be played: jaxmarl isn't installed (pip install jaxmarl)")
    from jaxmarl.environments.smax import SMAX

    types = {name.capitalize() for name in SMAX().unit_type_names}
    source = recordings.folder(folder)
    rows = [HEADER]
    for map_name in maps:
        episodes = recordings.load(source, map_name).episodes
        if lacking := {birth.type for birth in episodes[0].units} - types:
            print(f"{map_name} is left out: SMAX has no {' or '.join(sorted(lacking))}.", file=sys.stderr)
            continue
        rows += [
            row(map_name, ENGINE_VERSION, by_engine(map_name, episodes, seeds)),
            row(map_name, "SMAX", by_smax(map_name, episodes, seeds, adapted=False)),
            row(map_name, "SMAX, adapted", by_smax(map_name, episodes, seeds, adapted=True)),
        ]
    print(as_markdown(rows, {"map", "engine"}))
    version = importlib.metadata.version("jaxmarl")
    print(f"\njaxmarl {version}; {seeds} plays of each episode. Lost: recorded / played.")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--maps", default="3m,8m,2s3z,corridor")
    parser.add_argument("--seeds", type=int, default=8, help="plays of each episode")
    parser.add_argument("--recordings", type=Path, help="folder of recordings (else FOP_RECORDINGS)")
    arguments = parser.parse_args()
    try:
        run(arguments.maps.split(","), arguments.seeds, arguments.recordings)
    except FopError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
