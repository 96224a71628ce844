"""The recordings of StarCraft II themselves: readable, and of the armies that our maps have."""

from collections import Counter
from pathlib import Path

from fop_bench.studies.fidelity import recordings
from fop_envs.smac.maps import load_map


def test_armies_are_those_of_the_maps(real_recordings: Path) -> None:
    names = recordings.available(real_recordings)
    assert names
    for name in names:
        ours: Counter[tuple[int, str]] = Counter()
        for call in load_map(name).spawn_calls:
            ours[call.player - 1, call.unit] += call.count
        for episode in recordings.load(real_recordings, name).episodes:
            assert Counter((unit.player, unit.type) for unit in episode.units) == ours, name
