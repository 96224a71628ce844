"""One run inside a worker process: trains, tests, records, saves; stops when asked and loses nothing.

A checkpoint says how much of the records was written before it. Going on means: load it, cut the records
there, train. So a run that was stopped or cut off has the same records as one that
never was, apart from times.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fop_bench.jobs.processes import Order, Outcome, serve_orders
from fop_bench.jobs.progress import Progress
from fop_bench.report.tensorboard import Scalars
from fop_core.errors import DamagedFile, FopError, sentence

from . import presets
from .manifest import manifest
from .records import CHECKPOINT, MANIFEST, RECORDS, End, Record, RunState, Test, Train, Writer, write_json

if TYPE_CHECKING:
    from fop_algos.training.evaluate import EvaluationResult
    from fop_algos.training.train import Trained

TEST_SEED = 1_000_003  # test environments draw other battles than training does
FINAL_TEST = 10**9  # number of the final test's first episode: no test on the way plays it
TEST_ENVS = 32
TRAIN_RECORDS = 200  # of a run with a budget in steps or updates, about
PROGRESS_SECONDS = 0.25
OPTIMUM_TOLERANCE = 1e-6


def main(pipe: Connection, debug: bool) -> None:
    """Takes orders until the pipe closes."""
    import torch

    torch.set_num_threads(1)
    serve_orders(pipe, debug, lambda order: Session(order, pipe).run())


class Session:
    """One run from its start or its checkpoint to its end or a stop."""

    def __init__(self, order: Order, pipe: Connection) -> None:
        from fop_algos.catalogue import build
        from fop_algos.training.train import TrainState
        from fop_core.replay import EpisodeReplay

        from .tasks import environment

        self.order, self.pipe, self.folder = order, pipe, order.folder
        job, plan = order.job, order.plan
        spec = environment(job.task, plan.payoffs).spec
        config = presets.configure(plan, job.algorithm, spec)
        n_envs = order.n_envs or min(config.episodes_per_round, TEST_ENVS)
        self.env = environment(job.task, plan.payoffs, n_envs, job.seed)
        self.test_env = environment(
            job.task, plan.payoffs, min(TEST_ENVS, plan.test_episodes), job.seed + TEST_SEED
        )
        self.state = TrainState(
            build(job.algorithm, spec, config, job.seed),
            EpisodeReplay(spec, config.buffer_episodes, seed=job.seed),
        )
        self.window: list[list[float]] = []  # return, length, won of each episode that no train record tells
        self.recent: deque[list[float]] = deque(maxlen=100)
        self.last_logged = 0
        self.winnable = False
        self.win_rate: float | None = None  # of the newest test
        self.spent_before = 0.0
        self.told_at = 0.0
        kept = self._resume() if (self.folder / CHECKPOINT).exists() else None
        if kept is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / MANIFEST, manifest(order, config, n_envs, spec.engine))
        self.writer = Writer(self.folder / RECORDS, kept or 0)
        self.scalars = Scalars(self.folder / "tensorboard", self.state.clock.env_steps if kept else None)
        self.began = self.saved_at = time.perf_counter()
        if kept is None:
            self._save()

    def run(self) -> Outcome:
        with contextlib.closing(self.writer), contextlib.closing(self.scalars):
            try:
                return self._run()
            except Exception as error:
                with contextlib.suppress(FopError):  # a full disk has no room for this either
                    self._write(End(outcome="failed", message=sentence(error), **self._when()))
                raise

    def _run(self) -> Outcome:
        from fop_algos.training.evaluate import evaluate
        from fop_algos.training.train import Evaluated, train

        plan = self.order.plan
        limit = plan.budget.env_steps
        if limit is None and plan.budget.updates is None:
            limit = 2**62  # minutes alone
        for event in train(
            self.state,
            self.env,
            env_steps=limit,
            updates=plan.budget.updates,
            test_env=self.test_env,
            test_every=plan.test_every,
            test_episodes=plan.test_episodes,
        ):
            if isinstance(event, Evaluated):
                self._write(self._test(event.result, final=False))
            else:
                self._trained(event)
            self._tell()
            if self._asked_to_stop():
                self._save()
                return Outcome("stopped")
            if self._time_is_up():
                break
            if time.perf_counter() - self.saved_at > self.order.checkpoint_seconds:
                self._save()
        self._save()
        self._tell("final test")
        result = evaluate(self.state.algorithm, self.test_env, plan.test_episodes, FINAL_TEST)
        self._write(self._test(result, final=True))
        self._write(End(outcome="finished", **self._when()))
        self._tell("finished")
        return Outcome("finished")

    def _elapsed(self) -> float:
        return self.spent_before + time.perf_counter() - self.began

    def _when(self) -> dict[str, Any]:
        clock = self.state.clock
        return {
            "env_steps": clock.env_steps,
            "episodes": clock.episodes,
            "updates": clock.updates,
            "elapsed": round(self._elapsed(), 3),
        }

    def _write(self, record: Record) -> None:
        self.writer.write(record)
        self.scalars.add(record)

    def _trained(self, event: Trained) -> None:
        self.winnable = event.won is not None
        won = np.zeros(len(event.returns)) if event.won is None else event.won
        rows = [[float(x) for x in row] for row in zip(event.returns, event.lengths, won, strict=True)]
        self.window += rows
        self.recent += rows
        position = self._position()
        if position == self.last_logged:
            return
        self.last_logged = position
        returns, lengths, wins = np.mean(self.window, axis=0)
        self.window = []
        self._write(
            Train(
                **self._when(),
                steps_per_second=event.clock.env_steps / max(self._elapsed(), 1e-9),
                episode_return=float(returns),
                episode_length=float(lengths),
                win_rate=float(wins) if self.winnable else None,
                metrics={name: float(value) for name, value in event.metrics.items()},
            )
        )

    def _position(self) -> int:
        """Changes whenever a train record is due: a function of the clock, so a resumed run keeps step."""
        clock, budget = self.state.clock, self.order.plan.budget
        if budget.env_steps is not None:
            return clock.env_steps * TRAIN_RECORDS // budget.env_steps
        if budget.updates is not None:
            return clock.updates * TRAIN_RECORDS // budget.updates
        return clock.env_steps * 4 // self.order.plan.test_every

    def _test(self, result: EvaluationResult, final: bool) -> Test:
        self.win_rate = result.win_rate
        return Test(
            **self._when(),
            returns=[float(x) for x in result.returns],
            lengths=[int(n) for n in result.lengths],
            won=None if result.won is None else [bool(w) for w in result.won],
            final=final,
            extra=optimum(self.state.algorithm, self.test_env, self.state.clock),
        )

    def _fraction(self) -> float:
        clock, budget = self.state.clock, self.order.plan.budget
        parts = [0.0]
        if budget.env_steps is not None:
            parts.append(clock.env_steps / budget.env_steps)
        if budget.updates is not None:
            parts.append(clock.updates / budget.updates)
        if budget.minutes is not None:
            spent = self._elapsed() / (60 * budget.minutes)
            parts.append(min(spent, clock.updates / budget.min_updates) if budget.min_updates else spent)
        return min(1.0, max(parts))

    def _time_is_up(self) -> bool:
        budget = self.order.plan.budget
        if budget.minutes is None or self.state.clock.updates < budget.min_updates:
            return False
        return self._elapsed() >= 60 * budget.minutes

    def _tell(self, phase: str = "training") -> None:
        now = time.perf_counter()
        if phase == "training" and now - self.told_at < PROGRESS_SECONDS:
            return
        self.told_at = now
        clock = self.state.clock
        returns = np.mean([row[0] for row in self.recent]) if self.recent else 0.0
        progress = Progress(
            fraction=self._fraction(),
            env_steps=clock.env_steps,
            updates=clock.updates,
            steps_per_second=clock.env_steps / max(self._elapsed(), 1e-9),
            win_rate=self.win_rate,
            episode_return=float(returns),
            phase=phase,
        )
        with contextlib.suppress(ConnectionError):
            self.pipe.send(progress)

    def _asked_to_stop(self) -> bool:
        """True after `stop`, and when the parent process is gone."""
        try:
            return self.pipe.poll() and self.pipe.recv() == "stop"
        except (EOFError, ConnectionError):
            return True

    def _save(self) -> None:
        from fop_algos.training import checkpoint

        extra = RunState(
            records_bytes=self.writer.bytes,
            elapsed=self._elapsed(),
            window=self.window,
            last_logged=self.last_logged,
            win_rate=self.win_rate,
        )
        checkpoint.save(self.folder / CHECKPOINT, self.state, msgspec.to_builtins(extra))
        self.saved_at = time.perf_counter()

    def _resume(self) -> int:
        """Loads the checkpoint; returns how many bytes of the records belong to it."""
        from fop_algos.training import checkpoint

        path, records = self.folder / CHECKPOINT, self.folder / RECORDS
        try:
            saved = msgspec.convert(checkpoint.load(path, self.state), RunState)
        except msgspec.ValidationError as error:
            raise DamagedFile(f"the checkpoint {path} was not written by fop-bench: {error}") from error
        if not records.exists() or records.stat().st_size < saved.records_bytes:
            raise DamagedFile(f"{records} is shorter than when its checkpoint was written")
        self.window, self.last_logged = saved.window, saved.last_logged
        self.spent_before, self.win_rate = saved.elapsed, saved.win_rate
        return saved.records_bytes


def optimum(algorithm: Any, env: Any, clock: Any) -> dict[str, Any]:
    """For games whose optimum is known: the greedy joint action, the largest reward, whether the action earns
    it (others may, too), and `q_tot` of the action if it does, else of the first that does (if the algorithm
    has one).

    With a payoff tensor actions are letters (`AA`). In the differential game they are whole numbers
    (`(5,5)`), and a reward above 9 counts (the best is 10, the other hill's is 0).
    """
    if hasattr(env, "payoff"):
        played = greedy_play(algorithm, env, clock)
        greedy, best = tuple(int(a) for a in played), float(env.payoff.max())
        is_optimal = bool(env.payoff[greedy] >= best - OPTIMUM_TOLERANCE)
        first = greedy if is_optimal else np.unravel_index(int(env.payoff.argmax()), env.payoff.shape)
        named = joint_action(greedy)
        q_tot = joint_value(algorithm, env, clock, [int(a) for a in first])
    elif env.spec.name == "differential":
        from fop_envs.games.differential import reward_surface

        u1, u2 = (float(u) for u in greedy_play(algorithm, env, clock))
        best, is_optimal = 10.0, bool(reward_surface(u1, u2) > 9)
        named, q_tot = f"({round(u1)},{round(u2)})", joint_value(algorithm, env, clock, [[5.0], [5.0]])
    else:
        return {}
    found = {"joint_action": named, "is_optimal": is_optimal, "optimum": best}
    return found if q_tot is None else found | {"q_tot_optimum": q_tot}


def greedy_play(algorithm: Any, env: Any, clock: Any) -> Any:
    """What a one-step game's team plays without exploring, one number for each agent."""
    import torch

    obs, _, available = _first_look(env)
    noise = torch.zeros(1, env.spec.n_agents, 2)
    with torch.inference_mode():
        actions, _ = algorithm.act(obs, available, algorithm.start(1), noise, clock, explore=False)
    return actions.flatten().numpy()


def joint_value(algorithm: Any, env: Any, clock: Any, actions: list[Any]) -> float | None:
    """`q_tot` of a joint action in a one-step game; None of an algorithm that has none."""
    import torch

    from fop_algos.algorithm import HasJointValue

    if not isinstance(algorithm, HasJointValue):
        return None
    obs, state, available = _first_look(env)
    return float(algorithm.joint_value(obs, state, available, torch.as_tensor([actions]), clock)[0])


def _first_look(env: Any) -> tuple[Any, ...]:
    import torch

    env.reset(np.arange(1), np.arange(1))
    return tuple(torch.as_tensor(x[:1].copy()) for x in (env.obs, env.state, env.available))


def joint_action(actions: Sequence[int]) -> str:
    """`ABA`, a letter for each agent; `0,1,30` where the alphabet is too short."""
    if max(actions) < 26:
        return "".join(chr(ord("A") + a) for a in actions)
    return ",".join(map(str, actions))
