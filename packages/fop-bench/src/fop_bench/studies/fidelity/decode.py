"""`.SC2Replay` files of SMAC maps, decoded into recordings (see `recordings`; docs/fidelity.md has the
format).

A replay holds the tracker's events (births and deaths, with cells and killers) and the players' (selections
and commands). SMAC orders one unit at a time: the client selects it and commands the selection, so that whom
a command was for has to be followed through the selections.

Tested on events made by hand, never on a file that StarCraft II wrote: none could be had.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fop_core.errors import FopError
from fop_envs.smac.maps import load_map, map_names

from .recordings import ABILITIES

Event = dict[str, Any]
Tag = tuple[int, int]
"""Index and recycle count of a unit: the index is used again after a death."""

ACTIVE = 10
"""The control group that means the selection itself."""
CELL = 4096
"""The game's fixed point: positions of commands in a cell."""
REPEATED = 1
"""State of the command manager: the last command is given again."""
FORMAT = (
    "births: [tag_index,recycle,type,player,x_cell,y_cell]; deaths: [loop_in_episode,tag_index,recycle,"
    "killer_player(None=nobody),killer_index,x_cell,y_cell]; commands: "
    "[loop_in_episode,[[tag_index,recycle]],"
    "[abil_link,cmd_index],kind, ...] kind P=target point x,y, U=target unit index,recycle,x,y (its position "
    "then), N=no target"
)


def decode_files(files: Sequence[Path], out: Path) -> list[Path]:
    """Decodes replays into `out`, one file `<map>.json.gz` a map; replays of one map follow each other.

    Raises:
        FopError: a file can't be read or is no replay of a SMAC map; s2protocol isn't installed; `out` has a
            recording of the map already.
    """
    by_map: dict[str, dict[str, Any]] = {}
    for file in files:
        recording = decode_file(file)
        earlier = by_map.setdefault(recording["map"], recording)
        if earlier is not recording:
            earlier["episodes"] += recording["episodes"]
            earlier["source"] += f", {recording['source']}"
    paths = {name: out / f"{name}.json.gz" for name in by_map}
    for name, path in paths.items():
        if path.exists():
            raise FopError(f"{path} exists already: choose another folder, or remove the recording of {name}")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            path.write_bytes(gzip.compress(json.dumps(by_map[name]).encode(), mtime=0))
    except OSError as error:
        raise FopError(f"cannot write into {out}: {error.strerror or error}") from error
    return list(paths.values())


def decode_file(path: Path) -> dict[str, Any]:
    """One replay as a recording.

    Raises:
        FopError: see `decode_files`.
    """
    try:
        import mpyq
    except ImportError as error:
        raise FopError("decoding replays needs s2protocol: pip install 'fop-bench[replays]'") from error
    try:
        archive = mpyq.MPQArchive(str(path))
        header = _protocol(None).decode_replay_header(archive.header["user_data_header"]["content"])
        build = header["m_version"]["m_baseBuild"]
        protocol = _protocol(build)
        tracker = list(protocol.decode_replay_tracker_events(archive.read_file("replay.tracker.events")))
        game = list(protocol.decode_replay_game_events(archive.read_file("replay.game.events")))
    except FopError:
        raise
    except Exception as error:  # mpyq and s2protocol raise whatever they stumble over
        raise FopError(f"{path} is no replay that can be read: {type(error).__name__}: {error}") from error
    episodes = decode_events(tracker, game)
    if not episodes:
        raise FopError(f"{path} has no units of two players: is it of a SMAC map?")
    return {
        "map": map_of(episodes[0]["births"], path),
        "file": path.name,
        "source": path.name,
        "base_build": build,
        "elapsed_loops": header["m_elapsedGameLoops"],
        "format": FORMAT,
        "episodes": episodes,
    }


def _protocol(build: int | None) -> Any:
    """s2protocol's module of a build, of the newest one without. Its own loader needs a module that Python
    3.12 dropped.
    """
    package = importlib.util.find_spec("s2protocol")
    if package is None or not package.submodule_search_locations:
        raise FopError("decoding replays needs s2protocol: pip install 'fop-bench[replays]'")
    folder = Path(next(iter(package.submodule_search_locations))) / "versions"
    known = sorted(folder.glob("protocol*.py"))
    file = known[-1] if build is None else folder / f"protocol{build:05d}.py"
    if file not in known:
        raise FopError(f"s2protocol doesn't know build {build}; the newest that it knows is {known[-1].stem}")
    spec = importlib.util.spec_from_file_location(f"fop_bench_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def map_of(births: Sequence[Sequence[Any]], path: Path) -> str:
    """The map with these armies: no two of the 23 have the same.

    Raises:
        FopError: none has.
    """
    seen = Counter((row[3], row[2].removesuffix("_RL")) for row in births)
    for name in map_names():
        army: Counter[tuple[int, str]] = Counter()
        for call in load_map(name).spawn_calls:
            army[call.player, call.unit] += call.count
        if army == seen:
            return name
    units = ", ".join(f"{count} {kind} of player {player}" for (player, kind), count in sorted(seen.items()))
    raise FopError(f"{path}: no SMAC map has {units}")


def decode_events(tracker: Iterable[Event], game: Iterable[Event]) -> list[dict[str, Any]]:
    """Episodes of a replay's events, in the form of `FORMAT`. Loops count from the episode's births.

    An episode ends with the cheats that kill who is left, or, where a replay has none, with the first death
    that nobody caused and that new births follow; the last one may be cut off, and then has no end.
    """
    episodes = _births_and_deaths(tracker)
    starts = [episode["loop0"] for episode in episodes]

    def episode_at(loop: int) -> dict[str, Any] | None:
        begun = [place for place, start in enumerate(starts) if start <= loop]
        return episodes[begun[-1]] if begun else None

    game = list(game)
    for event in game:
        if _kind(event) == "SGameCheatEvent" and (episode := episode_at(event["_gameloop"])):
            episode["kill_cheats"].append(event["_gameloop"] - episode["loop0"])
    for episode in episodes[:-1]:
        last = episode["deaths"][-1:]
        if not episode["kill_cheats"] and last and last[0][3] is None:
            episode["kill_cheats"] = [last[0][0]]
    for loop, tags, ability, form, arguments in _commands(game):
        episode = episode_at(loop)
        if episode is None:
            continue
        own = {(row[0], row[1]) for row in episode["births"] if row[3] == 1}
        ours = [list(tag) for tag in tags if tag in own]
        if ours:
            episode["commands"].append([loop - episode["loop0"], ours, list(ability), form, *arguments])
    for episode in episodes:
        episode["commands"] = _last_of_each_loop(episode["commands"])
    return episodes


def _kind(event: Event) -> str:
    return str(event["_event"]).rpartition(".")[2]


def _births_and_deaths(tracker: Iterable[Event]) -> list[dict[str, Any]]:
    episodes: list[dict[str, Any]] = []
    alive: set[Tag] = set()
    for event in tracker:
        kind, loop = _kind(event), event["_gameloop"]
        if kind == "SUnitBornEvent":
            name = event["m_unitTypeName"].decode()
            if event["m_controlPlayerId"] not in (1, 2) or name.startswith("Beacon"):
                continue
            if not episodes or episodes[-1]["loop0"] < loop:
                episodes.append(
                    {
                        "loop0": loop,
                        "first": not episodes,
                        "births": [],
                        "deaths": [],
                        "commands": [],
                        "kill_cheats": [],
                    }
                )
            tag = (event["m_unitTagIndex"], event["m_unitTagRecycle"])
            alive.add(tag)
            where = [event["m_x"], event["m_y"]]
            episodes[-1]["births"].append([*tag, name, event["m_controlPlayerId"], *where])
        elif kind == "SUnitDiedEvent":
            tag = (event["m_unitTagIndex"], event["m_unitTagRecycle"])
            if tag in alive:
                alive.remove(tag)
                killer = [event["m_killerPlayerId"], event["m_killerUnitTagIndex"]]
                where = [event["m_x"], event["m_y"]]
                episodes[-1]["deaths"].append([loop - episodes[-1]["loop0"], *tag, *killer, *where])
    return episodes


def _commands(game: Iterable[Event]) -> Iterator[tuple[int, list[Tag], tuple[int, int], str, list[Any]]]:
    """Loop, units, ability, form and its arguments of each command.

    The client writes a command of the same ability as the last one as a new target alone, and the same
    command again as a state of its command manager. A new target is followed by that state, too: it is one
    command, and the state then only confirms it.
    """
    users: dict[Any, _User] = {}
    for event in game:
        kind, loop = _kind(event), event["_gameloop"]
        user = users.setdefault((event.get("_userid") or {}).get("m_userId"), _User())
        if kind == "SSelectionDeltaEvent":
            user.select(event["m_controlGroupId"], event["m_delta"])
            continue
        if kind == "SCmdEvent":
            user.command(event["m_abil"], event["m_data"])
        elif kind == "SCmdUpdateTargetPointEvent":
            user.aim({"TargetPoint": event["m_target"]})
        elif kind == "SCmdUpdateTargetUnitEvent":
            user.aim({"TargetUnit": event["m_target"]})
        elif kind != "SCommandManagerStateEvent" or event["m_state"] != REPEATED or user.aimed == loop:
            continue
        user.aimed = loop if kind.startswith("SCmdUpdate") else -1
        if user.ability is not None and user.form and user.selection:
            yield loop, list(user.selection), user.ability, user.form, user.arguments


class _User:
    """What one player has selected, and its last command."""

    def __init__(self) -> None:
        self._groups: dict[int, list[Tag]] = {}
        self.ability: tuple[int, int] | None = None
        self.form = ""
        self.arguments: list[Any] = []
        self.aimed = -1

    @property
    def selection(self) -> list[Tag]:
        return self._groups.get(ACTIVE, [])

    def select(self, group: int, delta: Event) -> None:
        before = self._groups.get(group, [])
        removed = _removed(delta["m_removeMask"], len(before))
        kept = [tag for place, tag in enumerate(before) if place not in removed]
        added = [_tag(number) for number in delta["m_addUnitTags"]]
        self._groups[group] = kept + [tag for tag in added if tag not in kept]
        self.aimed = -1

    def command(self, ability: Event | None, data: Event) -> None:
        self.ability = None if ability is None else (ability["m_abilLink"], ability["m_abilCmdIndex"])
        self.aim(data)

    def aim(self, data: Event) -> None:
        ((kind, target),) = data.items()
        if kind == "TargetPoint":
            self.form, self.arguments = "P", [target["x"] / CELL, target["y"] / CELL]
        elif kind == "TargetUnit":
            point = target["m_snapshotPoint"]
            self.form = "U"
            self.arguments = [*_tag(target["m_tag"]), point["x"] / CELL, point["y"] / CELL]
        else:
            self.form, self.arguments = ("N" if kind == "None" else ""), []


def _removed(mask: Event, count: int) -> set[int]:
    """Places in a selection of `count` units that a delta removes. Bit 0 of a mask is taken for place 0."""
    ((kind, value),) = mask.items()
    if kind == "Mask":
        length, bits = value
        return {place for place in range(length) if bits >> place & 1}
    if kind == "OneIndices":
        return set(value)
    if kind == "ZeroIndices":
        return set(range(count)) - set(value)
    return set()


def _tag(number: int) -> Tag:
    """A unit's tag from its number: 14 bits of index above 18 of recycle."""
    return number >> 18 & 0x3FFF, number & 0x3FFFF


def _last_of_each_loop(rows: list[list[Any]]) -> list[list[Any]]:
    """The orders that counted: SMAC gives a unit one in a loop."""
    last: dict[tuple[int, Tag], list[Any]] = {}
    for loop, tags, ability, *rest in rows:
        if ability[0] not in ABILITIES:
            known = ", ".join(f"{name} {link}" for link, name in ABILITIES.items())
            raise FopError(
                f"loop {loop}: ability {ability[0]} is none of SMAC's orders in build 75689 ({known}); "
                "other builds number abilities in their own way"
            )
        for tag in tags:
            last.pop((loop, tuple(tag)), None)
            last[loop, tuple(tag)] = [loop, [tag], ability, *rest]
    return list(last.values())
