"""The command line, run as a user would: in a process of its own, in an empty folder."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "fop_bench"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
TINY = ["matrix", "--algos", "fop", "--updates", "60", "--seeds", "1", "--test-every", "20", "--workers", "1"]
TIMES = {"elapsed", "steps_per_second"}


def bench(*words: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [*COMMAND, *words], cwd=cwd, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, **options
    )


def numbers(folder: Path) -> list[dict[str, object]]:
    """A run's records without times."""
    lines = (folder / "records.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


def written(folder: Path) -> int:
    """Records that FOP's run below `folder` has written so far."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("runs/*/matrix/fop/*/records.jsonl"))


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


def test_stop_and_resume_gives_the_numbers_of_a_run_never_stopped(tmp_path: Path) -> None:
    words = ["matrix", "--algos", "fop,vdn", "--updates", "250", "--seeds", "1", "--test-every", "50"]
    whole = bench(*words, "--workers", "1", "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0
    process = subprocess.Popen(
        [*COMMAND, *words, "--workers", "2"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while written(tmp_path) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: every process of the group gets it
    printed, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"--out runs/{folder.name} --resume" in printed
    stopped = numbers(folder / "matrix" / "fop" / "seed-0")
    assert all(record["event"] != "end" for record in stopped), "it was stopped before its end"
    again = bench(*words, "--resume", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    for algorithm in ("fop", "vdn"):
        run = Path("matrix") / algorithm / "seed-0"
        assert numbers(folder / run) == numbers(tmp_path / "whole" / run)


def test_nan_stops_one_run_and_keeps_its_checkpoint(tmp_path: Path) -> None:
    done = bench(*TINY, "--algos", "vdn,fop", "--set", "vdn.learning_rate=1e38", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("fop-bench: matrix vdn seed 0: ")
    assert "at update" in line
    assert numbers(tmp_path / "out" / "matrix" / "vdn" / "seed-0")[-1]["outcome"] == "failed"
    assert numbers(tmp_path / "out" / "matrix" / "fop" / "seed-0")[-1]["outcome"] == "finished"
    assert (tmp_path / "out" / "matrix" / "vdn" / "seed-0" / "checkpoint.safetensors").exists()


def test_a_full_disk_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    done = bench(*TINY, "--out", "out", cwd=tmp_path, preexec_fn=little_room)
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    again = bench(*TINY, "--out", "out", "--resume", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")


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
        (["matrix", "--resume"], 2, "nothing to resume: no run below runs/"),
        (["matrix", "--out", "/dev/null/x"], 1, "cannot write into /dev/null/x: Not a directory"),
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


def test_help_and_list_teach_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from fop_bench.cli import main; "
        "main(['list']); sys.exit(9 if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "27m_vs_30m" in done.stdout
    assert "qmix" in done.stdout
    assert "fop-bench smac --maps all" in bench("--help", cwd=tmp_path).stdout
    fields = bench("list", "fop", cwd=tmp_path).stdout
    assert "gamma = 0.99" in fields
    assert "Discount." in fields
