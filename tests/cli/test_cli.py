"""The command line, run as a user would: in a process of its own, in an empty folder."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import fop_envs
from fop_algos.catalogue import CATALOGUE
from fop_bench.cli import COMMANDS, main

COMMAND = [sys.executable, "-m", "fop_bench"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
TINY = ["matrix", "--algos", "fop", "--updates", "60", "--seeds", "1", "--test-every", "20", "--workers", "1"]
ON_3M = ["smac", "--maps", "3m", "--algos", "fop,vdn", "--steps", "800", "--test-every", "300"]
ON_3M += ["--test-episodes", "4", "--workers", "2", "--set", "episodes_per_round=1"]
ON_3M += ["--set", "updates_per_round=1", "--set", "batch_episodes=4", "--set", "burn_in_episodes=4"]
TIMES = {"elapsed", "steps_per_second"}


def bench(*words: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], cwd=cwd, capture_output=True, text=True, env=ENVIRONMENT, timeout=300, **options
    )


def numbers(folder: Path) -> list[dict[str, object]]:
    """A run's records without times."""
    lines = (folder / "records.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


def written(folder: Path) -> int:
    """Records that FOP's run below `folder` has written so far."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("runs/*/3m/fop/*/records.jsonl"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a finished run in `out`, and what the command printed."""
    folder = tmp_path_factory.mktemp("finished")
    done = bench(*TINY, "--out", "out", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_a_run_says_what_it_does_and_what_came_out(finished: tuple[Path, str]) -> None:
    folder, printed = finished
    assert "matrix game (paper payoff)" in printed
    assert "60 updates per run" in printed
    assert "--preset paper  (10,000 learning steps, 20 seeds" in printed
    header = next(line for line in printed.splitlines() if line.startswith("task "))
    for column in ("greedy", "q_tot optimum", "at optimum", "steps", "updates", "steps/s"):
        assert column in header
    records = numbers(folder / "out" / "matrix" / "fop" / "seed-0")
    assert [r["env_steps"] for r in records if r["event"] == "test"] == [0, 20, 40, 60, 80, 91]
    assert records[-1] == {
        "event": "end",
        "outcome": "finished",
        "env_steps": 91,
        "episodes": 91,
        "updates": 60,
        "message": "",
    }
    manifest = json.loads((folder / "out" / "matrix" / "fop" / "seed-0" / "manifest.json").read_text())
    assert manifest["seed"] == 0
    assert manifest["engine"] == "matrix game (paper payoff)"
    assert manifest["config"]["batch_episodes"] == 32
    assert {"torch", "numpy", "python", "fop-core"} <= manifest["versions"].keys()


def test_report_makes_the_same_table_again(finished: tuple[Path, str]) -> None:
    folder, printed = finished
    before = (folder / "out" / "results.md").read_text()
    done = bench("report", "out", cwd=folder)
    table = done.stdout.split("\n\n")[0]
    assert table in printed
    assert (folder / "out" / "results.md").read_text() == before
    assert (folder / "out" / "figures" / "matrix.svg").exists()


def test_a_second_start_does_not_overwrite(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    before = (folder / "out" / "matrix" / "fop" / "seed-0" / "records.jsonl").read_bytes()
    done = bench(*TINY, "--out", "out", cwd=folder)
    assert done.returncode == 2
    assert done.stderr == (
        "fop-bench: out holds a run already: add --resume to go on with it, or choose another --out\n"
    )
    again = bench(*TINY, "--out", "out", "--resume", cwd=folder)
    assert again.returncode == 0
    assert "1 done before" in again.stdout
    assert (folder / "out" / "matrix" / "fop" / "seed-0" / "records.jsonl").read_bytes() == before


def test_evaluate_plays_a_trained_team(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    done = bench("evaluate", "out/matrix/fop/seed-0", "--episodes", "5", cwd=folder)
    assert done.returncode == 0
    assert (
        "fop on matrix (matrix game (paper payoff)), trained for 91 steps (60 updates), seed 0" in done.stdout
    )
    assert "5 greedy" in done.stdout


GAMES = ["matrix", "--games", "penalty-50,random-3x4-0", "--payoff", "my_game.json", "--algos", "fop,vdn"]
GAMES += ["--updates", "40", "--seeds", "1", "--test-every", "20", "--workers", "2", "--out", "out"]
PAYOFF = "[[0, 0, 0], [0, 0, 0], [0, 0, 5]]"


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with finished runs of three games in `out`, one of them from a file, and what was printed."""
    folder = tmp_path_factory.mktemp("games")
    (folder / "my_game.json").write_text(PAYOFF)
    done = bench(*GAMES, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_each_game_is_a_task_of_its_own(games: tuple[Path, str]) -> None:
    folder, printed = games
    tasks = {"penalty-50": 10, "random-3x4-0": 8, "my_game": 5}
    assert "matrix game (penalty-50 payoff) and 2 more\n" in printed
    assert (
        "--games penalty-50,random-3x4-0 --payoff my_game.json --algos fop,vdn --preset paper  (" in printed
    )
    rows = [line.split() for line in printed.splitlines() if line.startswith(tuple(f"{t} " for t in tasks))]
    assert [row[:3] for row in rows] == [[task, name, "1"] for task in tasks for name in ("fop", "vdn")]
    for task, optimum in tasks.items():
        run = folder / "out" / task / "fop" / "seed-0"
        manifest = json.loads((run / "manifest.json").read_text())
        assert manifest["task"] == task
        assert manifest["payoff"] == (json.loads(PAYOFF) if task == "my_game" else None)
        tests = [record for record in numbers(run) if record["event"] == "test"]
        for test in tests:
            extra, returns = test["extra"], test["returns"]
            assert extra["optimum"] == optimum
            reached = set(returns) == {optimum}
            assert extra["is_optimal"] is reached
        assert len(tests) == 5
        assert (folder / "out" / "figures" / f"{task}.svg").exists()


def test_a_game_from_a_file_is_played_again_without_the_file(tmp_path: Path, games: tuple[Path, str]) -> None:
    shutil.copytree(games[0] / "out" / "my_game" / "vdn" / "seed-0", tmp_path / "run")
    last = numbers(tmp_path / "run")[-2]
    done = bench("evaluate", "run", "--episodes", "3", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "vdn on my_game (matrix game (own payoff, my_game)), trained for " in done.stdout
    assert f"return        {last['returns'][0]:.3f}  (" in done.stdout
    (tmp_path / "run" / "manifest.json").unlink()
    without = bench("evaluate", "run", cwd=tmp_path)
    assert (without.returncode, without.stdout) == (2, "")
    assert without.stderr.startswith("fop-bench: unknown payoff 'my_game'")


def test_games_are_resumed_with_the_payoffs_they_had(tmp_path: Path, games: tuple[Path, str]) -> None:
    shutil.copytree(games[0] / "out", tmp_path / "out")
    (tmp_path / "my_game.json").write_text(PAYOFF)
    cut = [tmp_path / "out" / task / "fop" / "seed-0" for task in ("my_game", "random-3x4-0")]
    whole = [numbers(run) for run in cut]
    for run in cut:  # as if it was killed after its last checkpoint
        lines = (run / "records.jsonl").read_bytes().splitlines(keepends=True)
        (run / "records.jsonl").write_bytes(b"".join(lines[:-2]))
    (tmp_path / "my_game.json").write_text(PAYOFF.replace("5", "6"))
    other = bench(*GAMES, "--resume", cwd=tmp_path)
    assert (other.returncode, other.stdout) == (2, "")
    assert "out was started with another plan: the payoff of my_game changed; give the same" in other.stderr
    (tmp_path / "my_game.json").write_text(PAYOFF)
    again = bench(*GAMES, "--resume", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert "4 done before" in again.stdout
    assert [numbers(run) for run in cut] == whole


def test_the_differential_game_tells_who_ends_at_its_optimum(tmp_path: Path) -> None:
    words = ["differential", "--algos", "maddpg,masql", "--updates", "30", "--seeds", "1", "--workers", "1"]
    done = bench(*words, "--test-every", "50", "--set", "masql.particles=4", "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--algos maddpg,masql --preset paper  (20,000 learning steps, 20 seeds" in done.stdout
    assert "seeds whose greedy joint action earns more than 9 of 10" in done.stdout
    for name in ("maddpg", "masql"):
        row = next(
            line.split() for line in done.stdout.splitlines() if line.startswith(f"differential  {name}")
        )
        tests = [
            r for r in numbers(tmp_path / "out" / "differential" / name / "seed-0") if r["event"] == "test"
        ]
        assert [r["env_steps"] for r in tests] == [0, 50, 93]
        last = tests[-1]
        u1, u2 = (int(x) for x in last["extra"]["joint_action"].strip("()").split(","))
        assert -10 <= min(u1, u2) <= max(u1, u2) <= 10
        assert row[2:7] == ["1", f"({u1},{u2})", "10", f"{last['extra']['q_tot_optimum']:.2f}", "0/1"]
        assert len(set(last["returns"])) == 1
    again = bench("evaluate", "out/differential/masql/seed-0", "--episodes", "2", cwd=tmp_path)
    assert f"return        {last['returns'][0]:.3f}  (" in again.stdout


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of FOP and VDN on 3m that nobody stopped, in `whole`."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    done = bench(*ON_3M, "--out", "whole", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "whole"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_resuming_gives_the_run_that_was_never_stopped(
    tmp_path: Path, uninterrupted: Path, stop: signal.Signals
) -> None:
    often = ["--checkpoint-minutes", "0.001"] if stop == signal.SIGKILL else []
    process = subprocess.Popen(
        [*COMMAND, *ON_3M, *often],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while written(tmp_path) < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, stop)  # as a terminal does with Ctrl-C: every process of the group gets it
    printed, errors = process.communicate(timeout=60)
    (folder,) = (tmp_path / "runs").iterdir()
    run = folder / "3m" / "fop" / "seed-0"
    before = numbers(run)
    assert all(record["event"] != "end" for record in before), "it was stopped before its end"
    if stop == signal.SIGINT:
        assert (process.returncode, errors) == (130, "")
        assert f"--out runs/{folder.name} --resume" in printed
    else:
        with safe_open(run / "checkpoint.safetensors", framework="numpy") as checkpoint:
            assert json.loads(checkpoint.metadata()["header"])["clock"]["updates"] > 0
        # Where it is killed is chance. This is the worst: records that no checkpoint knows, and half a one.
        lines = (run / "records.jsonl").read_bytes().splitlines(keepends=True)
        with (run / "records.jsonl").open("ab") as records:
            records.write(lines[-1] + lines[-1][:20])
    again = bench(*ON_3M, "--resume", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    for algorithm in ("fop", "vdn"):
        resumed, whole = (top / "3m" / algorithm / "seed-0" for top in (folder, uninterrupted))
        assert numbers(resumed) == numbers(whole)
        assert {file.name for file in resumed.iterdir()} == {file.name for file in whole.iterdir()}
        ours, theirs = (load_file(top / "checkpoint.safetensors") for top in (resumed, whole))
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            assert array.tobytes() == theirs[name].tobytes(), name
    assert numbers(run)[: len(before)] == before, "nothing recorded was lost or doubled"


def test_nan_stops_one_run_and_keeps_its_checkpoint(tmp_path: Path) -> None:
    done = bench(*TINY, "--algos", "vdn,fop", "--set", "vdn.learning_rate=1e38", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("fop-bench: matrix vdn seed 0: ")
    assert "at update" in line
    assert numbers(tmp_path / "out" / "matrix" / "vdn" / "seed-0")[-1]["outcome"] == "failed"
    assert numbers(tmp_path / "out" / "matrix" / "fop" / "seed-0")[-1]["outcome"] == "finished"
    assert (tmp_path / "out" / "matrix" / "vdn" / "seed-0" / "checkpoint.safetensors").exists()


FULL_DISK = """
mount -t tmpfs -o size=$1 tmpfs disk || exit 77
shift
"$@" --out disk/out; first=$?
cp -r disk/out copy
mount -o remount,size=64m disk
"$@" --out disk/out --resume >&2; second=$?
cp -r disk/out resumed
exit $((10 * first + second))
"""


@pytest.mark.parametrize(("kilobytes", "file"), [(220, "records.jsonl"), (400, "checkpoint.safetensors")])
def test_a_full_disk_loses_nothing_that_was_saved(
    tmp_path: Path, finished: tuple[Path, str], kilobytes: int, file: str
) -> None:
    """On a small disk of its own, full at a record or at the last checkpoint; then it gets room again."""
    (tmp_path / "disk").mkdir()
    script = ["unshare", "--mount", "--map-root-user", "sh", "-c", FULL_DISK, "sh", f"{kilobytes}k"]
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, to mount a small disk")
    done = subprocess.run(
        [*script, *COMMAND, *TINY], cwd=tmp_path, capture_output=True, text=True, env=ENVIRONMENT, timeout=300
    )
    if done.returncode == 77 or done.stderr.startswith("unshare"):
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    assert done.returncode == 10, "1, then 0 with --resume"
    first = done.stderr.splitlines()[0]
    assert first.startswith("fop-bench: matrix fop seed 0: cannot write ")
    assert f"{file}: " in first
    assert "No space left on device" in first
    assert "Traceback" not in done.stderr
    run = Path("matrix") / "fop" / "seed-0"
    kept = (tmp_path / "copy" / run / "records.jsonl").read_bytes().rpartition(b"\n")[0]
    (tmp_path / "copy" / run / "records.jsonl").write_bytes(kept)  # without a line that was cut off
    whole = numbers(finished[0] / "out" / run)
    until_full = [record for record in numbers(tmp_path / "copy" / run) if record["event"] != "end"]
    assert len(until_full) > 10
    assert until_full == whole[: len(until_full)]
    assert numbers(tmp_path / "resumed" / run) == whole


def test_a_damaged_checkpoint_is_told_and_left_alone(tmp_path: Path, finished: tuple[Path, str]) -> None:
    shutil.copytree(finished[0] / "out", tmp_path / "out")
    run = tmp_path / "out" / "matrix" / "fop" / "seed-0"
    content = bytearray((run / "checkpoint.safetensors").read_bytes())
    content[-100] ^= 255
    (run / "checkpoint.safetensors").write_bytes(content)
    lines = (run / "records.jsonl").read_bytes().splitlines(keepends=True)
    (run / "records.jsonl").write_bytes(b"".join(lines[:-1]))  # not finished any more
    before = (run / "records.jsonl").read_bytes()
    for words in (["evaluate", str(run)], [*TINY, "--out", "out", "--resume"]):
        done = bench(*words, cwd=tmp_path)
        assert done.returncode == 1
        assert "checkpoint.safetensors is damaged" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert (run / "records.jsonl").read_bytes() == before


def test_smac_trains_on_a_map(tmp_path: Path) -> None:
    words = ["smac", "--maps", "2m_vs_1z", "--steps", "300", "--envs", "3", "--test-episodes", "4"]
    done = bench(*words, "--set", "burn_in_episodes=8", "--set", "batch_episodes=8", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("2m_vs_1z  "))
    assert row[1:3] == ["fop", "1"]
    assert 0 <= float(row[3]) <= 1
    assert "--maps 2m_vs_1z --algos fop --preset paper  (2,050,000 steps, five seeds" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["smca"], 2, "unknown command 'smca'; did you mean smac?"),
        (["--verison"], 2, "unknown option '--verison'; did you mean --version?"),
        (["smac"], 2, "the following arguments are required: --maps"),
        (["smac", "--maps", "3mm"], 2, "unknown map '3mm'; did you mean 3m"),
        (["smac", "--maps", "3m", "--algos", "fob"], 2, "unknown algorithm 'fob'; did you mean fop?"),
        (["smac", "--maps", "3m", "--step", "9"], 2, "unknown option '--step'; did you mean --steps"),
        (["smac", "--maps", "3m", "MMM"], 2, "unexpected argument 'MMM' (lists are separated by commas"),
        (["smac", "--maps", "3m", "--steps", "0"], 2, "argument --steps: '0' is not a positive whole number"),
        (
            ["smac", "--maps", "3m", "--minutes", "nan"],
            2,
            "argument --minutes: 'nan' is not a positive number",
        ),
        (["smac", "--maps", "3m", "--preset", "papr"], 2, "unknown preset 'papr'; did you mean paper?"),
        (["smac", "--maps", "3m", "--seeds", "0"], 2, "--seeds 0: give how many"),
        (["smac", "--maps", "3m", "--set", "gama=1"], 2, "unknown field of fop 'gama'; did you mean gamma?"),
        (["matrix", "--set", "gamma"], 2, "argument --set: 'gamma' is not of the form field=value"),
        (["matrix", "--games", "climbin"], 2, "unknown payoff 'climbin'; did you mean climbing?"),
        (["matrix", "--games", "random-5x3-0"], 2, "unknown payoff 'random-5x3-0'; known: random-NxA-I ("),
        (["matrix", "--games", ","], 2, "no game given; known: paper, climbing, penalty-K, random-NxA-I"),
        (
            ["matrix", "--games", "paper", "--payoff", "nowhere.json"],
            2,
            "--payoff: nowhere.json can't be used as a payoff: there is no such file; needed: .json (nested",
        ),
        (["matrix", "--payoff", ""], 2, "--payoff: . can't be used as a payoff: its name has no ending"),
        (["smac", "--maps", "3m", "--games", "paper"], 2, "unknown option '--games'"),
        (["matrix", "--algos", "maddpg"], 2, "maddpg chooses continuous actions; matrix has discrete"),
        (["differential", "--algos", "vdn"], 2, "vdn chooses discrete actions; differential has continuous"),
        (["differential", "--set", "noise=1"], 2, "unknown field of "),
        (
            ["differential", "--algos", "maac", "--set", "heads=3"],
            2,
            "the settings of maac don't fit: heads is 3",
        ),
        (["matrix", "--resume"], 2, "nothing to resume: no run below runs/"),
        (["matrix", "--out", ""], 2, "argument --out: the name of the folder is empty"),
        (["matrix", "--out", "/dev/null/x"], 1, "cannot write into /dev/null/x: Not a directory"),
        (["evaluate", "x", "--seed", "-1"], 2, "argument --seed: '-1' is not a whole number from 0"),
        (
            ["smac", "--maps", "3m", "--set", "gamma=1.5"],
            2,
            "the settings of fop don't fit: gamma is 1.5; it must",
        ),
        (
            ["matrix", "--set", "fop.weight_net=attention"],
            2,
            "the settings of fop don't fit matrix: attention",
        ),
        (["evaluate", "nowhere"], 1, "there is no checkpoint at nowhere"),
        (["report", "nowhere"], 1, "no runs in nowhere"),
        (["list", "fip"], 2, "unknown algorithm 'fip'; did you mean fop?"),
    ],
)
def test_bad_input_is_one_clear_sentence(
    words: list[str], status: int, sentence: str, tmp_path: Path
) -> None:
    done = bench(*words, cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"fop-bench: {sentence}")
    assert (done.returncode, done.stdout) == (status, "")
    assert not list(tmp_path.iterdir()), "nothing was written"


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = bench("report", "nowhere", "--debug", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def modules_after(words: list[str], cwd: Path) -> tuple[str, set[str]]:
    """What a command prints, and the modules that it imported."""
    code = (
        "import sys\n"
        "from fop_bench.cli import main\n"
        "try:\n"
        f"    main({words!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd, env=ENVIRONMENT
    )
    return done.stdout, set(done.stderr.split())


@pytest.mark.parametrize("words", [["--help"], []])
def test_help_imports_no_command(words: list[str], tmp_path: Path) -> None:
    printed, modules = modules_after(words, tmp_path)
    assert "fop-bench smac --maps all" in printed
    for name, place in COMMANDS.items():
        assert f"\n  {name:<12}  {place.summary}\n" in printed
    heavy = {"torch", "matplotlib", "scipy", "numpy", "msgspec", "fop_envs", "fop_algos"}
    assert not heavy & modules
    rooms = {name.split(".")[1] for name in modules if name.startswith("fop_bench.")}
    assert rooms == {"cli", "arguments"}


def test_a_command_imports_no_study_but_its_own(tmp_path: Path) -> None:
    for words, studies in (
        (["smac", "--help"], set()),
        (["list"], set()),
        (["fidelity", "--help"], {"fidelity"}),
        (["reproduce", "--help"], {"paper"}),
    ):
        _, modules = modules_after(words, tmp_path)
        found = {name.split(".")[2] for name in modules if name.startswith("fop_bench.studies.")}
        assert found == studies, words
        assert "torch" not in modules or words[0] in ("reproduce", "list")


def test_every_command_and_part_has_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name, place in COMMANDS.items():
        command = getattr(import_module(f"fop_bench.{place.module}"), place.name)
        for part in ([], *([part] for part in command.parts)):
            with pytest.raises(SystemExit) as leaving:
                main([name, *part, "--help"])
            assert leaving.value.code == 0
            printed = capsys.readouterr().out
            assert printed.startswith(f"usage: {' '.join(['fop-bench', name, *part])} [-h] [--debug]")
            if command.examples and not part:
                assert f"examples:\n  fop-bench {name}" in printed
            for other, its in command.parts.items():
                assert part or re.search(rf"^  {other} +{re.escape(its.summary)}$", printed, re.MULTILINE)


def test_list_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for name in (*CATALOGUE, *fop_envs.CATALOGUE):
        assert f"\n  {name} " in printed


@pytest.mark.parametrize("name", CATALOGUE)
def test_list_explains_every_field_of_an_algorithm(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", name]) == 0
    printed = capsys.readouterr().out
    entry = CATALOGUE[name]
    assert printed.startswith(f"{name}: {entry.summary}")
    for kind in entry.action_kinds:
        for field in dataclasses.fields(entry.form(kind).smac):
            assert re.search(rf"^{field.name} = .+\n    \S", printed, re.MULTILINE), field.name
    continuous = "for continuous actions (fop-bench differential):" in printed
    assert continuous is ("continuous" in entry.action_kinds)


@pytest.mark.parametrize("game", ["matrix", "differential"])
def test_every_algorithm_trains_from_the_command_line(game: str, tmp_path: Path) -> None:
    spec = fop_envs.make(game).spec
    words = [game, "--algos", "all", "--updates", "2", "--seeds", "1", "--test-every", "1000"]
    words += ["--test-episodes", "1", "--workers", "2", "--out", "out"]
    done = bench(*words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    able = {name for name, entry in CATALOGUE.items() if entry.plays(spec)}
    expected = {name for name in able if CATALOGUE[name].variant_of is None}
    assert expected
    assert {path.name for path in (tmp_path / "out" / game).iterdir()} == expected
    for name in expected:
        assert numbers(tmp_path / "out" / game / name / "seed-0")[-1]["outcome"] == "finished", name
