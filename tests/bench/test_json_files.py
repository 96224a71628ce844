from pathlib import Path

import pytest

from fop_bench.records.json_files import LineWriter, read_json, write_json
from fop_bench.records.plan import Budget
from fop_bench.records.run_records import End, Train, read_records
from fop_core.errors import DamagedFile, FopError


def train(steps: int) -> Train:
    return Train(
        env_steps=steps,
        episodes=steps // 10,
        updates=steps // 20,
        elapsed=steps / 100,
        steps_per_second=100.0,
        episode_return=1.5,
        episode_length=10.0,
        win_rate=None,
        metrics={"td_loss": 0.25},
    )


END = End(outcome="finished", env_steps=30, episodes=3, updates=1, elapsed=0.3)


def write(path: Path, *records: Train | End) -> None:
    writer = LineWriter(path)
    for record in records:
        writer.write(record)
    assert writer.bytes == path.stat().st_size
    writer.close()


def test_records_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write(path, train(10), train(20), END)
    assert read_records(path) == [train(10), train(20), END]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "records.jsonl"
    write(path, train(10), train(20))
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_records(path) == [train(10)]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write(path, train(10), train(20), END)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second.replace(b'"env_steps":20', b'"env_steps":"x"') + third)
    with pytest.raises(DamagedFile, match="line 2, is not a record"):
        read_records(path)


def test_going_on_cuts_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write(path, train(10))
    kept = path.stat().st_size
    write_more = LineWriter(path, kept)
    write_more.write(train(20))
    write_more.close()
    path.write_bytes(path.read_bytes() + b'{"event":"tra')
    again = LineWriter(path, kept)
    again.write(END)
    again.close()
    assert read_records(path) == [train(10), END]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full, which Linux has")
def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path) -> None:
    writer = LineWriter(tmp_path / "records.jsonl")
    writer.close()
    with Path("/dev/full").open("ab", buffering=0) as full:
        writer._file = full
        with pytest.raises(FopError, match=r"cannot write .*records.jsonl: No space left on device"):
            writer.write(END)


def test_json_files_are_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    write_json(path, Budget(env_steps=5))
    assert read_json(path, Budget) == Budget(env_steps=5)
    assert [p.name for p in tmp_path.iterdir()] == ["budget.json"]
    path.write_text('{"env_steps": "many"}')
    with pytest.raises(DamagedFile, match=r"cannot read .*budget.json"):
        read_json(path, Budget)


def test_two_processes_cannot_write_the_same_records(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    first = LineWriter(path)
    first.write(train(10))
    with pytest.raises(FopError, match=r"records\.jsonl is being written by another process"):
        LineWriter(path)
    assert read_records(path) == [train(10)]
    first.close()
    LineWriter(path, path.stat().st_size).close()
    assert read_records(path) == [train(10)]
