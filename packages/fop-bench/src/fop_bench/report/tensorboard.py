"""The records' numbers as TensorBoard scalars, written as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fop_bench.records.run_records import Record, Test, Train


class Scalars:
    """A TensorBoard event file in `folder`, without torch."""

    def __init__(self, folder: Path, resumed_at: int | None = None) -> None:
        """
        Args:
            folder: made if missing.
            resumed_at: environment steps where a resumed run goes on: later points of older files are hidden.
        """
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event: Any = Event
        self._writer = EventFileWriter(str(folder))
        if resumed_at is not None:
            start = Event(step=resumed_at + 1, session_log=SessionLog(status=SessionLog.START))
            self._writer.add_event(start)

    def add(self, record: Record) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        values: dict[str, float | None] = {}
        if isinstance(record, Train):
            values = {
                "train/episode_return": record.episode_return,
                "train/episode_length": record.episode_length,
                "train/win_rate": record.win_rate,
                "train/steps_per_second": record.steps_per_second,
                **{f"update/{name}": value for name, value in record.metrics.items()},
            }
        elif isinstance(record, Test):
            values = {
                "test/episode_return": sum(record.returns) / len(record.returns),
                "test/win_rate": None if record.won is None else sum(record.won) / len(record.won),
            }
        points = [
            Summary.Value(tag=tag, simple_value=value) for tag, value in values.items() if value is not None
        ]
        if points:
            event = self._event(step=record.env_steps, summary=Summary(value=points))
            self._writer.add_event(event)

    def close(self) -> None:
        self._writer.close()
