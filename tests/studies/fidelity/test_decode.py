"""Replays into recordings: events made by hand with outcomes worked by hand, then the same events as real
bytes."""

import json
from pathlib import Path
from typing import Any

import pytest

from fop_bench.studies.fidelity import decode, recordings
from fop_core.errors import FopError

MOVE, ATTACK, STOP = 42, 45, 40
Event = dict[str, Any]


def number(index: int, recycle: int) -> int:
    return (index << 18) + recycle


def born(loop: int, index: int, recycle: int, name: str, player: int, x: int, y: int) -> Event:
    return {
        "_event": "NNet.Replay.Tracker.SUnitBornEvent",
        "_gameloop": loop,
        "m_unitTagIndex": index,
        "m_unitTagRecycle": recycle,
        "m_unitTypeName": name.encode(),
        "m_controlPlayerId": player,
        "m_upkeepPlayerId": player,
        "m_x": x,
        "m_y": y,
        "m_creatorUnitTagIndex": None,
        "m_creatorUnitTagRecycle": None,
        "m_creatorAbilityName": None,
    }


def died(loop: int, index: int, recycle: int, killer: tuple[int, int, int] | None, x: int, y: int) -> Event:
    """`killer`: player, index, recycle."""
    player, killer_index, killer_recycle = killer or (None, None, None)
    return {
        "_event": "NNet.Replay.Tracker.SUnitDiedEvent",
        "_gameloop": loop,
        "m_unitTagIndex": index,
        "m_unitTagRecycle": recycle,
        "m_killerPlayerId": player,
        "m_killerUnitTagIndex": killer_index,
        "m_killerUnitTagRecycle": killer_recycle,
        "m_x": x,
        "m_y": y,
    }


def game(loop: int, kind: str, user: int = 0, **fields: Any) -> Event:
    return {"_event": f"NNet.Game.{kind}", "_gameloop": loop, "_userid": {"m_userId": user}, **fields}


def select(
    loop: int, *tags: tuple[int, int], mask: Event | None = None, group: int = 10, user: int = 0
) -> Event:
    """Selects units; all that were selected before go unless a mask says otherwise."""
    delta = {
        "m_subgroupIndex": 0,
        "m_removeMask": mask or {"ZeroIndices": []},
        "m_addSubgroups": [],
        "m_addUnitTags": [number(*tag) for tag in tags],
    }
    return game(loop, "SSelectionDeltaEvent", user, m_controlGroupId=group, m_delta=delta)


def point(x: float, y: float) -> Event:
    return {"x": int(x * 4096), "y": int(y * 4096), "z": 0}


def unit(tag: tuple[int, int], x: float, y: float) -> Event:
    return {
        "m_targetUnitFlags": 111,
        "m_timer": 0,
        "m_tag": number(*tag),
        "m_snapshotUnitLink": 72,
        "m_snapshotControlPlayerId": 2,
        "m_snapshotUpkeepPlayerId": 2,
        "m_snapshotPoint": point(x, y),
    }


def command(loop: int, link: int, data: Event | None = None, user: int = 0) -> Event:
    return game(
        loop,
        "SCmdEvent",
        user,
        m_cmdFlags=256,
        m_abil={"m_abilLink": link, "m_abilCmdIndex": 0, "m_abilCmdData": None},
        m_data=data or {"None": None},
        m_sequence=1,
        m_otherUnit=None,
        m_unitGroup=None,
    )


def again(loop: int, state: int = 1) -> Event:
    return game(loop, "SCommandManagerStateEvent", m_state=state, m_sequence=2)


def cheat(loop: int) -> Event:
    data = {"m_point": {"x": 0, "y": 0}, "m_time": 0, "m_verb": b"kill", "m_arguments": b""}
    return game(loop, "SGameCheatEvent", m_data=data)


A, B, Z = (0, 1), (1, 1), (2, 1)
A2, B2, Z2 = (0, 2), (3, 1), (1, 2)  # after the restart: indices are used again, with a higher count
TRACKER = [
    born(0, 9, 1, "BeaconArmy", 1, 0, 0),
    born(0, 8, 1, "Rock", 0, 5, 5),
    born(0, *A, "Marine_RL", 1, 13, 12),
    born(0, *B, "Marine_RL", 1, 19, 12),
    born(0, *Z, "Zealot", 2, 16, 19),
    died(70, *A, (2, *Z), 14, 14),
    died(90, *Z, (1, *B), 15, 14),
    died(97, *B, None, 18, 12),
    born(98, *A2, "Marine_RL", 1, 13, 12),
    born(98, *B2, "Marine_RL", 1, 19, 12),
    born(98, *Z2, "Zealot", 2, 16, 19),
    died(150, *A2, (2, *Z2), 14, 14),
]
GAME = [
    select(0, A),
    command(0, MOVE, {"TargetPoint": point(15.0, 12.25)}),
    select(0, B),
    # The same ability with another target: a new target, then the command manager's word that it counts.
    game(0, "SCmdUpdateTargetPointEvent", m_target=point(17.0, 12.0)),
    again(0),
    select(8, A),
    command(8, ATTACK, {"TargetUnit": unit(Z, 16.0, 18.5)}),
    select(8, B),
    game(8, "SCmdUpdateTargetUnitEvent", m_target=unit(Z, 16.0, 18.5)),
    again(8),
    select(16, A),
    command(16, STOP),
    select(16, B),
    again(16),  # the same command once more
    again(16, state=0),  # not a repetition
    command(20, STOP, user=1),  # another user, who has nothing selected
    cheat(97),
    select(106, B2),
    command(106, ATTACK, {"TargetUnit": unit(Z2, 16.0, 17.25)}),
]


def test_episodes_births_and_deaths() -> None:
    first, second = decode.decode_events(TRACKER, GAME)
    assert first["births"] == [
        [0, 1, "Marine_RL", 1, 13, 12],
        [1, 1, "Marine_RL", 1, 19, 12],
        [2, 1, "Zealot", 2, 16, 19],
    ]
    assert (first["loop0"], first["first"], first["kill_cheats"]) == (0, True, [97])
    assert first["deaths"] == [
        [70, 0, 1, 2, 2, 14, 14],
        [90, 2, 1, 1, 1, 15, 14],
        [97, 1, 1, None, None, 18, 12],
    ]
    assert (second["loop0"], second["first"], second["kill_cheats"]) == (98, False, [])
    assert second["births"][0] == [0, 2, "Marine_RL", 1, 13, 12]
    assert second["deaths"] == [[52, 0, 2, 2, 1, 14, 14]]


def test_commands_go_to_who_is_selected() -> None:
    first, second = decode.decode_events(TRACKER, GAME)
    assert first["commands"] == [
        [0, [[0, 1]], [MOVE, 0], "P", 15.0, 12.25],
        [0, [[1, 1]], [MOVE, 0], "P", 17.0, 12.0],
        [8, [[0, 1]], [ATTACK, 0], "U", 2, 1, 16.0, 18.5],
        [8, [[1, 1]], [ATTACK, 0], "U", 2, 1, 16.0, 18.5],
        [16, [[0, 1]], [STOP, 0], "N"],
        [16, [[1, 1]], [STOP, 0], "N"],
    ]
    assert second["commands"] == [[8, [[3, 1]], [ATTACK, 0], "U", 1, 2, 16.0, 17.25]]


def test_the_last_order_of_a_loop_counts() -> None:
    # A state that comes before the new target, instead of after it, repeats the old one first.
    events = [
        select(0, A),
        command(0, MOVE, {"TargetPoint": point(15.0, 12.0)}),
        again(8),
        game(8, "SCmdUpdateTargetPointEvent", m_target=point(16.125, 12.0)),
    ]
    (episode, _) = decode.decode_events(TRACKER, events)
    assert [row[0:1] + row[4:] for row in episode["commands"]] == [[0, 15.0, 12.0], [8, 16.125, 12.0]]


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        ({"None": None}, [A, B]),
        ({"ZeroIndices": [1]}, [B]),  # those stay
        ({"OneIndices": [1]}, [A]),  # those go
        ({"Mask": (2, 0b01)}, [B]),  # places whose bit is set go
    ],
)
def test_deltas_of_a_selection(mask: Event, left: list[tuple[int, int]]) -> None:
    events = [
        select(0, A, B),
        select(0, mask=mask),
        command(0, STOP),
        select(8, A, group=3),
        command(8, STOP),
    ]
    (episode, _) = decode.decode_events(TRACKER, events)
    # One row for each unit; a control group that isn't the selection changes nothing.
    assert [(row[0], tuple(row[1][0])) for row in episode["commands"]] == [
        (loop, tag) for loop in (0, 8) for tag in left
    ]


def test_without_cheats_an_episode_ends_with_deaths_that_nobody_caused() -> None:
    first, second = decode.decode_events(TRACKER, [event for event in GAME if "Cheat" not in event["_event"]])
    assert (first["kill_cheats"], second["kill_cheats"]) == ([97], [])


def test_orders_that_smac_does_not_give_are_refused() -> None:
    with pytest.raises(FopError, match=r"loop 8: ability 99 is none of SMAC's orders in build 75689"):
        decode.decode_events(TRACKER, [select(8, A), command(8, 99)])


def test_the_map_is_known_by_its_armies() -> None:
    episodes = decode.decode_events(TRACKER, GAME)
    assert decode.map_of(episodes[0]["births"], Path("x")) == "2m_vs_1z"
    with pytest.raises(FopError, match="no SMAC map has 1 Marine of player 1, 1 Zealot of player 2"):
        decode.map_of(episodes[0]["births"][1:], Path("x"))


# ---- the same events as bytes of build 75689, read by s2protocol ----


class Bits:
    """Writes what s2protocol's bit-packed decoder reads: bytes filled from the low bit, high bits of a
    value first."""

    def __init__(self, typeinfos: Any) -> None:
        self._types = typeinfos
        self._bits: list[int] = []

    def bits(self, value: int, count: int) -> None:
        while count:
            room = 8 - len(self._bits) % 8
            some = min(room, count)
            part = value >> (count - some) & (1 << some) - 1
            self._bits += [part >> place & 1 for place in range(some)]
            count -= some

    def align(self) -> None:
        self._bits += [0] * (-len(self._bits) % 8)

    def done(self) -> bytes:
        self.align()
        octets = [self._bits[start : start + 8] for start in range(0, len(self._bits), 8)]
        return bytes(sum(bit << place for place, bit in enumerate(octet)) for octet in octets)

    def value(self, typeid: int, value: Any) -> None:
        kind, info = self._types[typeid]
        if kind == "_int":
            self.bits(value - info[0][0], info[0][1])
        elif kind == "_bool":
            self.bits(int(value), 1)
        elif kind == "_optional":
            self.bits(int(value is not None), 1)
            if value is not None:
                self.value(info[0], value)
        elif kind == "_struct":
            for field in info[0]:
                self.value(field[1], value[field[0]])
        elif kind == "_choice":
            ((name, inner),) = value.items()
            tag = next(tag for tag, field in info[1].items() if field[0] == name)
            self.bits(tag - info[0][0], info[0][1])
            self.value(info[1][tag][1], inner)
        elif kind in ("_array", "_blob", "_bitarray"):
            length = value[0] if kind == "_bitarray" else len(value)
            self.bits(length - info[0][0], info[0][1])
            if kind == "_array":
                for item in value:
                    self.value(info[1], item)
            elif kind == "_blob":
                self.align()
                for byte in value:
                    self.bits(byte, 8)
            else:
                self.bits(value[1], length)
        else:
            assert kind == "_null", kind


class Tagged:
    """Writes what s2protocol's versioned decoder reads: every value behind a byte that names its kind."""

    def __init__(self, typeinfos: Any) -> None:
        self._types = typeinfos
        self.bytes = bytearray()

    def vint(self, value: int) -> None:
        sign, value = int(value < 0), abs(value)
        octet = sign | (value & 0x3F) << 1
        value >>= 6
        while value:
            self.bytes.append(octet | 0x80)
            octet = value & 0x7F
            value >>= 7
        self.bytes.append(octet)

    def value(self, typeid: int, value: Any) -> None:
        kind, info = self._types[typeid]
        if kind == "_int":
            self.bytes.append(9)
            self.vint(value)
        elif kind == "_bool":
            self.bytes += bytes([6, int(value)])
        elif kind == "_optional":
            self.bytes += bytes([4, int(value is not None)])
            if value is not None:
                self.value(info[0], value)
        elif kind == "_blob":
            self.bytes.append(2)
            self.vint(len(value))
            self.bytes += value
        elif kind == "_choice":
            ((name, inner),) = value.items()
            tag = next(tag for tag, field in info[1].items() if field[0] == name)
            self.bytes.append(3)
            self.vint(tag)
            self.value(info[1][tag][1], inner)
        else:
            assert kind == "_struct", kind
            present = [field for field in info[0] if field[0] in value]
            self.bytes.append(5)
            self.vint(len(present))
            for field in present:
                self.vint(field[2])
                self.value(field[1], value[field[0]])


def game_bytes(protocol: Any, events: list[Event]) -> bytes:
    packed, now = Bits(protocol.typeinfos), 0
    ids = {name: (eventid, typeid) for eventid, (typeid, name) in protocol.game_event_types.items()}
    for event in events:
        eventid, typeid = ids[event["_event"]]
        packed.value(protocol.svaruint32_typeid, {"m_uint14": event["_gameloop"] - now})
        now = event["_gameloop"]
        packed.value(protocol.replay_userid_typeid, event["_userid"])
        packed.value(protocol.game_eventid_typeid, eventid)
        packed.value(typeid, event)
        packed.align()
    return packed.done()


def tracker_bytes(protocol: Any, events: list[Event]) -> bytes:
    packed, now = Tagged(protocol.typeinfos), 0
    ids = {name: (eventid, typeid) for eventid, (typeid, name) in protocol.tracker_event_types.items()}
    for event in events:
        eventid, typeid = ids[event["_event"]]
        packed.value(protocol.svaruint32_typeid, {"m_uint6": event["_gameloop"] - now})
        now = event["_gameloop"]
        packed.value(protocol.tracker_eventid_typeid, eventid)
        packed.value(typeid, event)
    return bytes(packed.bytes)


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An archive reader that finds the events above in every file, and writes their header for `build`."""
    mpyq = pytest.importorskip(
        "mpyq", reason="mpyq comes with s2protocol, which the extra [replays] installs"
    )
    pytest.importorskip("s2protocol", reason="s2protocol isn't installed; the extra [replays] does it")

    def install(build: int) -> None:
        protocol = decode._protocol(75689)
        version = {"m_flags": 1, "m_major": 4, "m_minor": 10, "m_revision": 0}
        header = Tagged(protocol.typeinfos)
        header.value(
            protocol.replay_header_typeid,
            {
                "m_version": version | {"m_build": build, "m_baseBuild": build},
                "m_elapsedGameLoops": 160,
            },
        )
        files = {
            "replay.game.events": game_bytes(protocol, GAME),
            "replay.tracker.events": tracker_bytes(protocol, TRACKER),
        }

        class Archive:
            def __init__(self, path: str) -> None:
                if Path(path).read_bytes() != b"replay":
                    raise ValueError("no archive")
                self.header = {"user_data_header": {"content": bytes(header.bytes)}}

            def read_file(self, name: str) -> bytes:
                return files[name]

        monkeypatch.setattr(mpyq, "MPQArchive", Archive)

    return install


def test_files_become_recordings_that_the_harness_reads(replays: Any, tmp_path: Path) -> None:
    replays(75689)
    for name in ("a.SC2Replay", "b.SC2Replay"):
        (tmp_path / name).write_bytes(b"replay")
    out = tmp_path / "recordings"
    files = [tmp_path / "a.SC2Replay", tmp_path / "b.SC2Replay"]
    assert decode.decode_files(files, out) == [out / "2m_vs_1z.json.gz"]
    assert recordings.available(out) == ["2m_vs_1z"]
    recording = recordings.load(out, "2m_vs_1z")
    assert recording.source == "a.SC2Replay, b.SC2Replay"
    # The second episode of each file is cut off and left out; both that remain followed a launch.
    assert [(e.number, e.first, e.end, e.won) for e in recording.episodes] == [
        (0, True, 97, True),
        (2, True, 97, True),
    ]
    episode = recording.episodes[1]
    assert [(o.loop, o.unit, o.kind, o.target, o.x, o.y) for o in episode.orders] == [
        (0, 0, "move", None, 15.0, 12.25),
        (0, 1, "move", None, 17.0, 12.0),
        (8, 0, "attack", 2, 16.0, 18.5),
        (8, 1, "attack", 2, 16.0, 18.5),
        (16, 0, "stop", None, None, None),
        (16, 1, "stop", None, None, None),
    ]
    assert [(d.loop, d.unit, d.killer, d.by_reset) for d in episode.deaths] == [
        (70, 0, 2, False),
        (90, 2, 1, False),
        (97, 1, None, True),
    ]
    with pytest.raises(FopError, match="exists already"):
        decode.decode_files(files, out)


def test_files_that_are_no_replays_are_told_in_one_sentence(replays: Any, tmp_path: Path) -> None:
    replays(75689)
    (tmp_path / "x.SC2Replay").write_bytes(json.dumps({}).encode())
    with pytest.raises(FopError, match=r"x.SC2Replay is no replay that can be read: ValueError: no archive"):
        decode.decode_file(tmp_path / "x.SC2Replay")
    replays(75688)
    (tmp_path / "y.SC2Replay").write_bytes(b"replay")
    with pytest.raises(FopError, match="s2protocol doesn't know build 75688"):
        decode.decode_file(tmp_path / "y.SC2Replay")
