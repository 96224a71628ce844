"""`fop-bench fidelity`, run as a user would, on a recording made by hand."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fop_bench.studies.fidelity import forced_playback

COMMAND = [sys.executable, "-m", "fop_bench", "fidelity"]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "FOP_RECORDINGS"} | {"COLUMNS": "200"}
WORDS = ["replays", "--recordings", "recordings", "--seeds", "3", "--floors", "1"]


def bench(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], cwd=cwd, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False
    )


def recorded(deaths: list[list[Any]]) -> dict[str, Any]:
    """An episode of 3m: everybody goes east for four steps and then attacks; 80 steps, both sides' cells
    exact."""
    places = [(9.0, 16.0), (9.0, 15.3115234375), (9.6884765625, 16.0)]
    commands: list[list[Any]] = [
        [loop, [[unit, 1]], [42, 0], "P", x + 2 + loop * 0.140625, y]
        for loop in range(0, 32, 8)
        for unit, (x, y) in enumerate(places)
    ]
    commands += [[32, [[unit, 1]], [45, 0], "U", unit + 3, 1, 18.5, 16.0] for unit in range(3)]
    return {
        "loop0": 0,
        "births": [[unit, 1, "Marine_RL", 1, int(x), int(y)] for unit, (x, y) in enumerate(places)]
        + [[3, 1, "Marine", 2, 23, 16], [4, 1, "Marine", 2, 23, 15], [5, 1, "Marine", 2, 23, 16]],
        "deaths": deaths,
        "unit_positions": [[98, [[0, 13, 16], [1, 13, 15], [4, 18, 15]]]],
        "commands": commands,
        "kill_cheats": [129],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fidelity")
    (path / "recordings").mkdir()
    won = [[90 + 10 * k, 3 + k, 1, 1, 0, 18, 16] for k in range(3)]
    content = {"map": "3m", "source": "made by hand", "episodes": [recorded(won), recorded(won[:1])]}
    (path / "recordings" / "3m.json").write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def whole(folder: Path) -> subprocess.CompletedProcess[str]:
    return bench(*WORDS, "--out", "whole", cwd=folder)


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_replays_measure_every_episode_and_seed(
    folder: Path, whole: subprocess.CompletedProcess[str]
) -> None:
    assert (whole.returncode, whole.stderr) == (0, "")
    found = records(folder / "whole" / "replays.jsonl")
    plays = {(r["episode"], r["source"], r["seed"]) for r in found if r["event"] == "play"}
    assert plays == {(e, s, k) for e in (0, 1) for s in ("recording", "engine") for k in range(3)}
    # The engine's Marines walk the recorded way: 1.125 cells in each step of 8 loops.
    errors = [r["move_errors"] for r in found if r["event"] == "play" and r["source"] == "recording"]
    assert errors == [[0.0] * 12] * 6
    references = [r for r in found if r["event"] == "reference"]
    first = next(r for r in references if r["source"] == "recording" and r["episode"] == 0)
    assert first["outcome"]["deaths"] == [[], [90, 100, 110]]
    assert first["outcome"]["winner"] == "agents"
    assert first["spawns"]["exact_agree"] == first["spawns"]["exact"] == 3
    assert first["fights"] == [{"loop": 98, "fought": 1, "alive": 2}]
    assert {r["engine"] for r in references} == {first["engine"]}


def test_replays_print_and_write_tables_and_figures(
    folder: Path, whole: subprocess.CompletedProcess[str]
) -> None:
    assert "3m (2)" in whole.stdout
    row = next(line for line in whole.stdout.splitlines() if line.startswith("3m "))
    assert row.split()[:4] == ["3m", "2", "12/12", "6/6"]
    text = (folder / "whole" / "results.md").read_text()
    for title in (
        "Places",
        "Deaths",
        "Outcomes",
        "Quantiles",
        "Where the engine first leaves",
        "Enemies in the fight",
        "Goals",
    ):
        assert f"### {title}" in text
    summary = json.loads((folder / "whole" / "summary.json").read_text())
    assert summary["maps"]["3m"]["recording"]["allies_until_attack"]["p90"] == 0
    for name in ("tracks-3m", "deaths-3m", "errors", "quantiles"):
        for suffix in ("png", "svg"):
            assert (folder / "whole" / "figures" / f"{name}.{suffix}").stat().st_size > 3000


def test_a_torn_run_is_completed_and_equals_a_whole_one(
    folder: Path, whole: subprocess.CompletedProcess[str]
) -> None:
    assert whole.returncode == 0
    torn = folder / "torn"
    torn.mkdir()
    (torn / "plan.json").write_bytes((folder / "whole" / "plan.json").read_bytes())
    content = (folder / "whole" / "replays.jsonl").read_bytes()
    (torn / "replays.jsonl").write_bytes(content[: len(content) * 2 // 3])
    refused = bench(*WORDS, "--out", "torn", cwd=folder)
    assert refused.returncode == 2
    assert refused.stderr == (
        "fop-bench: torn holds a run already: add --resume to go on with it, or choose another --out\n"
    )
    other = bench(*WORDS, "--set", "scan_interval=5", "--out", "torn", "--resume", cwd=folder)
    assert other.returncode == 2
    assert "settings was {}, now it is {'scan_interval': '5'}" in other.stderr
    again = bench(*WORDS, "--out", "torn", "--resume", cwd=folder)
    assert (again.returncode, again.stderr) == (0, "")

    def lines(name: str) -> set[str]:
        return set((folder / name / "replays.jsonl").read_text().splitlines())

    assert lines("torn") == lines("whole")
    tables = [printed.stdout.split("Places\n")[1].split("wrote")[0] for printed in (again, whole)]
    assert tables[0] == tables[1]


def test_ctrl_c_keeps_what_is_done(folder: Path) -> None:
    words = [
        "heuristic",
        "--maps",
        "2c_vs_64zg,27m_vs_30m,corridor",
        "--episodes",
        "2000",
        "--out",
        "stopped",
    ]
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    path, deadline = folder / "stopped" / "heuristic.jsonl", time.monotonic() + 60
    while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: every process of the group gets it
    printed, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert "--out stopped --resume" in printed
    found = records(path)
    assert 0 < len(found) < 24
    assert all(len(record["won"]) == 250 for record in found)


def test_the_heuristic_policy_plays_both_modes(folder: Path) -> None:
    done = bench(
        "heuristic", "--maps", "3m,2s3z", "--episodes", "30", "--rest", "--out", "policy", cwd=folder
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = records(folder / "policy" / "heuristic.jsonl")
    assert {(r["map"], r["rest"], len(r["won"])) for r in found} == {
        (name, rest, 30) for name in ("3m", "2s3z") for rest in (False, True)
    }
    assert "quoted from memory" in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.startswith("2s3z  attack"))
    assert row.split()[2] == "30"
    assert " 90 " in row


def test_forced_playback_tries_every_combination_of_rules(folder: Path) -> None:
    one, other = forced_playback.rules(None)[:2]
    words = [
        "forced-playback",
        "--vary",
        f"{one},{other}",
        "--recordings",
        "recordings",
        "--seeds",
        "2",
        "--until",
        "40",
        "--out",
        "forced",
    ]
    done = bench(*words, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    found = records(folder / "forced" / "forced_playback.jsonl")
    rules = [f"{first}, {second}" for first in (one, f"no {one}") for second in (other, f"no {other}")]
    assert {(r["episode"], r["options"], r["loops"]) for r in found} == {
        (episode, options, 40) for episode in (0, 1) for options in rules
    }
    # Nobody can have fallen by loop 40: the first shots come after loop 28, and it takes three volleys.
    assert {(r["agreeing"], r["seeds"]) for r in found} == {(2, 2)}
    for options in rules:  # log(2/2 + 0.5/2) = .22
        assert f"\n{options:<{max(map(len, rules))}}  0.22 / 0.22\n" in done.stdout
    assert "Forced playback" in (folder / "forced" / "results.md").read_text()
    path = folder / "forced" / "forced_playback.jsonl"
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:3]))
    again = bench(*words, "--resume", cwd=folder)
    assert (again.returncode, again.stderr) == (0, "")
    assert sorted(path.read_text().splitlines()) == sorted(whole.splitlines())
    longer = bench(*words[:-4], "--until", "70", "--out", "forced", "--resume", cwd=folder)
    assert longer.returncode == 2
    assert "until was 40, now it is 70" in longer.stderr


def episodes_with_health(path: Path) -> None:
    """Two episodes of 3m: enemies walk towards agents that stand and are shot at; a row before, one falls."""
    rows = 12
    ally = np.array([(9, 16), (9, 15.3115234375), (9.6884765625, 16)])
    enemy = np.array([(22.859375, 16), (22.859375, 15.3115234375), (23.5478515625, 16)])
    steps = np.minimum(np.arange(rows), 8)[:, None] * 1.125
    hp = np.full((2, rows, 3), 45, np.int8)
    hp[:, -1, 0] = 0
    np.savez(
        path,
        ally_hp=hp,
        enemy_hp=np.full((2, rows, 3), 45, np.int8),
        ally_x=np.broadcast_to(ally[:, 0] * 4096, (2, rows, 3)).astype(np.int32),
        ally_y=np.broadcast_to(ally[:, 1] * 4096, (2, rows, 3)).astype(np.int32),
        enemy_x=np.broadcast_to((enemy[:, 0] - steps) * 4096, (2, rows, 3)).astype(np.int32),
        enemy_y=np.broadcast_to(enemy[:, 1] * 4096, (2, rows, 3)).astype(np.int32),
        action=np.ones((2, rows, 3), np.int8),
        length=np.array([rows, rows - 1], np.int16),
    )


def test_health_counts_and_goes_on(folder: Path) -> None:
    episodes_with_health(folder / "health.npz")
    words = ["health", "--data", "health.npz", "--seeds", "2", "--out", "health"]
    done = bench(*words, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    (record,) = records(folder / "health" / "health.jsonl")
    assert (record["episodes"], record["seeds"]) == ([0, 1], 2)
    assert record["recorded_times"][1] == {"hits": 0, "first": None, "rows": 0, "together": 0}
    assert len(record["played_times"][0]) == 2
    assert "first hits, nobody has attacked yet, one ally is the nearest to all" in done.stdout
    for title in ("Whom an enemy shoots at", "When hits fall", "Likelihood of the recorded hits"):
        assert f"### {title}" in (folder / "health" / "results.md").read_text()
    (folder / "health" / "health.jsonl").write_text("")
    again = bench(*words, "--resume", cwd=folder)
    assert (again.returncode, again.stderr) == (0, "")
    assert records(folder / "health" / "health.jsonl") == [record]
    page = bench("page", "health", "--out", "docs/fidelity.md", cwd=folder)
    assert (page.returncode, page.stderr) == (0, "")
    assert "### When hits fall" in (folder / "docs" / "fidelity" / "health.md").read_text()


def test_agreement_feeds_the_acting_net_with_our_battles(
    folder: Path, write_net: Callable[..., Path]
) -> None:
    words = ["agreement", "--recordings", "recordings", "--nets", "nets", "--seeds", "2", "--out", "agreed"]
    refused = bench(*words, cwd=folder)
    assert refused.returncode == 1
    assert refused.stderr.startswith("fop-bench: nets is no folder of nets; name one with --nets")
    # Whatever the net sees, it goes east as long as it may: so did the recorded agents for four steps.
    write_net(folder / "nets" / "3m__qmix__2025-04-17_13-04-03__2000122.safetensors", "3m", 42, 9, {4: 1.0})
    done = bench(*words, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    found = sorted(records(folder / "agreed" / "agreement.jsonl"), key=lambda record: record["episode"])
    assert [(r["episode"], r["agreed"][:6], r["decisions"]) for r in found] == [
        # The attack of step 5 is folded afterwards: nothing is on record then.
        (episode, [3, 3, 3, 3, 0, 0], [3] * 5 + [0] * 11)
        for episode in (0, 1)
    ]
    assert all(r["evidence"] < 12 * math.log(0.98) + 3 * math.log(0.02) + 0.001 for r in found)
    assert "Agreement: do the recordings' nets decide as recorded?" in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.startswith("3m "))
    assert row.split()[:5] == ["3m", "2", "30", "100", "0"]
    assert "Agreement" in (folder / "agreed" / "results.md").read_text()
    path = folder / "agreed" / "agreement.jsonl"
    whole = path.read_text()
    path.write_text(whole.splitlines(keepends=True)[0])
    again = bench(*words, "--resume", cwd=folder)
    assert (again.returncode, again.stderr) == (0, "")
    assert sorted(path.read_text().splitlines()) == sorted(whole.splitlines())


def test_transfer_plays_every_net_of_a_folder_and_goes_on(
    folder: Path, write_net: Callable[..., Path]
) -> None:
    words = ["transfer", "--nets", "trained", "--episodes", "40", "--json", "rows.json", "--out", "transfer"]
    refused = bench(*words, cwd=folder)
    assert refused.returncode == 1
    assert refused.stderr.startswith("fop-bench: trained is no folder of nets; name one with --nets")
    # East, and then at the enemies in the order of their ids; the other one stays where it is.
    real = {
        "0": {"battle_won": 0.5, "n": 100, "low": 0.3, "high": 0.6},
        "0.05": {"battle_won": 0.25, "n": 64},
    }
    write_net(folder / "trained" / "3m__a.safetensors", "3m", 42, 9, {4: 1, 6: 4, 7: 3, 8: 2}, real=real)
    write_net(folder / "trained" / "8m__b.safetensors", "8m", 102, 14, {1: 1}, real={"0": {"battle_won": 0}})
    wrong = write_net(folder / "trained" / "wrong.safetensors", "8m", 42, 9, {1: 1})
    refused = bench(*words, cwd=folder)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"fop-bench: {Path('trained', 'wrong.safetensors')} takes 42 inputs; 8m gives 102: observation 80, "
        "last action 14, agent 8\n"
    )
    assert not (folder / "transfer").exists(), "nothing was played"
    wrong.unlink()
    done = bench(*words, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    path = folder / "transfer" / "transfer.jsonl"
    found = {(r["file"], r["epsilon"]): r for r in records(path)}
    assert found.keys() == {(f"{n}.safetensors", e) for n in ("3m__a", "8m__b") for e in (0.0, 0.05)}
    rows = json.loads((folder / "rows.json").read_text())
    assert [(row["file"], row["epsilon"], row["real"]) for row in rows] == [
        ("3m__a.safetensors", 0.0, 0.5),
        ("3m__a.safetensors", 0.05, 0.25),
        ("8m__b.safetensors", 0.0, 0.0),
        ("8m__b.safetensors", 0.05, None),
    ]
    assert set(rows[0]) == {"file", "map", "epsilon", "real", "ours", "low", "high", "episodes"}
    assert rows[1]["ours"] == found["3m__a.safetensors", 0.05]["won"] / 40
    assert rows[1]["low"] <= rows[1]["ours"] <= rows[1]["high"]
    apart = [100 * (rows[k]["ours"] - rows[k]["real"]) for k in (1, 2)]
    assert done.stdout.splitlines()[-1] == (
        f"all: 2 nets, mean absolute difference {sum(map(abs, apart)) / 2:.1f} points, mean difference "
        f"{sum(apart) / 2:+.1f}"
    )
    assert (folder / "transfer" / "figures" / "transfer.png").stat().st_size > 3000
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:2]) + '{"event":')
    again = bench(*words, "--resume", cwd=folder)
    assert (again.returncode, again.stderr) == (0, "")
    assert sorted(path.read_text().splitlines()) == sorted(whole.splitlines())
    other = bench(*words, "--epsilon", "0", "--resume", cwd=folder)
    assert "epsilons was 0.0,0.05, now it is 0.0" in other.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["replay"], "unknown part of fidelity 'replay'; did you mean replays"),
        (["replays"], "recordings is no folder of recordings; name one with --recordings or the variable"),
        (["heuristic", "--seeds", "3"], "unknown option '--seeds'"),
        (["heuristic", "--maps", "3mm"], "unknown map '3mm'; did you mean 3m"),
        (["heuristic", "--set", "scan=3"], "unknown option 'scan'"),
        (["forced-playback", "--floors", "1"], "unknown option '--floors'"),
        (
            ["health", "--data", "none.npz"],
            "none.npz is missing: health needs this file of recorded episodes",
        ),
    ],
)
def test_mistakes_are_told_in_one_sentence(tmp_path: Path, words: list[str], message: str) -> None:
    done = bench(*words, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith(f"fop-bench: {message}")
    assert done.stderr.count("\n") == 1
