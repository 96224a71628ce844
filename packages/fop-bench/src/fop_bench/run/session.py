"""A session trains a job inside a process: one run, or the seeds of a stack. It tests, records, saves, stops
when asked, and loses nothing.

A checkpoint says how much of the records was written before it. Going on means: load it, cut the records
there, train. So a run that was stopped or cut off has the same records as one that never was, apart from
times.
"""

from __future__ import annotations

import contextlib
import math
import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fop_bench.jobs.processes import JobEnd, serve_jobs
from fop_bench.records.run_records import CHECKPOINT, End, RunState
from fop_core.errors import DamagedFile, FopError, sentence

from . import presets
from .manifest import manifest
from .run_job import RunJob
from .run_log import RunLog
from .run_progress import RunProgress
from .tasks import environment

if TYPE_CHECKING:
    from fop_algos.algorithm import Algorithm
    from fop_algos.training.evaluate import EvaluationResult
    from fop_algos.training.train import Trained
    from fop_core.protocols import VectorEnv
    from fop_core.types import Actions, Clock

TEST_SEED = 1_000_003  # test environments draw other battles than training does
FINAL_TEST = 10**9  # number of the final test's first episode: no test on the way plays it
TEST_ENVS = 32
TRAIN_RECORDS = 200  # of a run with a budget in steps or updates, about
PROGRESS_SECONDS = 0.25


def main(pipe: Connection, debug: bool) -> None:
    """Takes jobs until the pipe closes."""
    import torch

    torch.set_num_threads(1)
    serve_jobs(pipe, debug, lambda job: Session(job, pipe).run())


class Session:
    """A job from its start or its checkpoints to its end or a stop."""

    def __init__(self, job: RunJob, pipe: Connection) -> None:
        from fop_algos.catalogue import build
        from fop_algos.training.stack import stacked
        from fop_algos.training.train import TrainState

        self.job, self.pipe, self.plan = job, pipe, job.plan
        plan, first = job.plan, job.runs[0]
        spec = environment(first.task, plan.payoffs).spec
        config = presets.configure(plan, first.algorithm, spec)

        def make(seed: int) -> Algorithm:
            return build(first.algorithm, spec, config, seed)

        if self.is_stack:
            self.state = TrainState.of(stacked(make, job.seeds))
            n_envs, n_test_envs = config.episodes_per_round, plan.test_episodes
        else:
            self.state = TrainState.of(make(first.seed))
            n_envs = job.n_envs or min(config.episodes_per_round, TEST_ENVS)
            n_test_envs = min(TEST_ENVS, plan.test_episodes)
        n_seeds = len(job.runs)
        self.env = environment(first.task, plan.payoffs, n_seeds * n_envs, first.seed)
        self.test_env = environment(first.task, plan.payoffs, n_seeds * n_test_envs, first.seed + TEST_SEED)
        saved = self._load()
        self.logs = [
            RunLog(folder, manifest(job, run, config, n_envs, spec.engine), kept, self.state.clock.env_steps)
            for folder, run, kept in zip(job.folders, job.runs, saved, strict=True)
        ]
        self.spent_before = sum(kept.elapsed for kept in saved if kept is not None)
        self.told_at = 0.0
        self.began = self.saved_at = time.perf_counter()
        if saved[0] is None:
            self._save()

    @property
    def is_stack(self) -> bool:
        return len(self.job.runs) > 1

    def run(self) -> JobEnd:
        with contextlib.ExitStack() as stack:
            for log in self.logs:
                stack.enter_context(contextlib.closing(log))
            try:
                return self._run()
            except Exception as error:
                for k in range(len(self.logs)):
                    with contextlib.suppress(FopError):  # a full disk has no room for this either
                        self._fail(k, sentence(error))
                raise

    def _run(self) -> JobEnd:
        from fop_algos.training.evaluate import evaluate
        from fop_algos.training.train import Evaluated, train

        plan = self.plan
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
                self._tested(event.result, final=False)
            else:
                self._trained(event)
            self._tell()
            if self._asked_to_stop():
                self._save()
                return JobEnd("stopped")
            if self._time_is_up():
                break
            if time.perf_counter() - self.saved_at > self.job.checkpoint_seconds:
                self._save()
        self._save()
        self._tell("final test")
        self._tested(
            evaluate(self.state.algorithm, self.test_env, plan.test_episodes, FINAL_TEST), final=True
        )
        for log in self.logs:
            if not log.failed:
                log.write(End(outcome="finished", **self._when()))
        self._tell("finished")
        failed = [str(run.seed) for run, log in zip(self.job.runs, self.logs, strict=True) if log.failed]
        if failed:
            return JobEnd("failed", f"seed {', '.join(failed)}: a loss or its gradient isn't a finite number")
        return JobEnd("finished")

    def _elapsed(self) -> float:
        """Seconds of each run; the seeds of a stack share what it takes."""
        return (self.spent_before + time.perf_counter() - self.began) / len(self.job.runs)

    def _when(self) -> dict[str, Any]:
        clock = self.state.clock
        return {
            "env_steps": clock.env_steps,
            "episodes": clock.episodes,
            "updates": clock.updates,
            "elapsed": round(self._elapsed(), 3),
        }

    def _trained(self, event: Trained) -> None:
        position, when = self._position(), self._when()
        for k, log in enumerate(self.logs):
            if log.failed:
                continue
            if not self.is_stack:
                metrics = {name: float(value) for name, value in event.metrics.items()}
                log.trained(event.returns, event.lengths, event.won, metrics, position, when)
                continue
            metrics = {
                name: float(value[k] if isinstance(value, list) else value)
                for name, value in event.metrics.items()
            }
            won = None if event.won is None else event.won[k]
            log.trained(event.returns[k], event.lengths[k], won, metrics, position, when)
            broken = [
                name
                for name, value in metrics.items()
                if f"{name}_gradient" in metrics
                and not (math.isfinite(value) and math.isfinite(metrics[f"{name}_gradient"]))
            ]
            if broken:  # alone it would have ended here, too
                self._fail(k, f"{broken[0]} or its gradient isn't finite at update {when['updates']}")

    def _fail(self, k: int, message: str) -> None:
        log = self.logs[k]
        if not log.failed:
            log.failed = True
            log.write(End(outcome="failed", message=message, **self._when()))

    def _position(self) -> int:
        """Changes whenever a train record is due: a function of the clock, so a resumed run keeps step."""
        clock, budget = self.state.clock, self.plan.budget
        if budget.env_steps is not None:
            return clock.env_steps * TRAIN_RECORDS // budget.env_steps
        if budget.updates is not None:
            return clock.updates * TRAIN_RECORDS // budget.updates
        return clock.env_steps * 4 // self.plan.test_every

    def _tested(self, result: EvaluationResult, final: bool) -> None:
        results = [result]
        if self.is_stack:
            results = [result.of_seed(k) for k in range(len(self.logs))]
        extras = optima(
            self.state.algorithm, self.test_env, self.state.clock, [one.first_actions[0] for one in results]
        )
        when = self._when()
        for log, one, extra in zip(self.logs, results, extras, strict=True):
            if not log.failed:
                log.tested(one, final, extra, when)

    def _fraction(self) -> float:
        clock, budget = self.state.clock, self.plan.budget
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
        budget = self.plan.budget
        if budget.minutes is None or self.state.clock.updates < budget.min_updates:
            return False
        return self._elapsed() >= 60 * budget.minutes

    def _tell(self, phase: str = "training") -> None:
        now = time.perf_counter()
        if phase == "training" and now - self.told_at < PROGRESS_SECONDS:
            return
        self.told_at = now
        clock = self.state.clock
        progress = RunProgress(
            fraction=self._fraction(),
            env_steps=clock.env_steps,
            updates=clock.updates,
            steps_per_second=clock.env_steps / max(self._elapsed(), 1e-9),
            win_rate=self.logs[0].win_rate,
            episode_return=float(np.mean([log.recent_return for log in self.logs])),
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
        """A failed seed keeps its last checkpoint."""
        from fop_algos.training import checkpoint

        paths = [
            None if log.failed else folder / CHECKPOINT
            for folder, log in zip(self.job.folders, self.logs, strict=True)
        ]
        extras = [msgspec.to_builtins(log.state(self._elapsed())) for log in self.logs]
        if self.is_stack:
            checkpoint.save_stack(paths, self.state, extras)
        elif paths[0] is not None:
            checkpoint.save(paths[0], self.state, extras[0])
        self.saved_at = time.perf_counter()

    def _load(self) -> list[RunState | None]:
        """Fills the state from the checkpoints, if there are any; what each says of its run's records."""
        from fop_algos.training import checkpoint

        paths = [folder / CHECKPOINT for folder in self.job.folders]
        if not paths[0].exists():
            return [None] * len(paths)
        if self.is_stack:
            extras = checkpoint.load_stack(paths, self.state)
        else:
            extras = [checkpoint.load(paths[0], self.state)]
        try:
            return [msgspec.convert(extra, RunState) for extra in extras]
        except msgspec.ValidationError as error:
            raise DamagedFile(f"the checkpoint {paths[0]} was not written by fop-bench: {error}") from error


def optima(algorithm: Algorithm, env: VectorEnv, clock: Clock, greedy: list[Actions]) -> list[dict[str, Any]]:
    """For games that state their optimum, of each seed: its greedy joint action, whether that earns the
    largest reward (others may, too), what counts, in words, and `q_tot` of the optimum, if the
    algorithm has one. Of a discrete game's optima that is the greedy joint action, if it is one.

    Args:
        algorithm: of one seed, or a stack.
        env: the game.
        clock: of the algorithm.
        greedy: `[N]` or `[N, D]` of each seed.
    """
    best = env.optimum
    if best is None:
        return [{} for _ in greedy]
    reached = [best.is_reached_by(actions) for actions in greedy]
    discrete = env.spec.action_kind == "discrete"
    asked = [
        actions if is_optimal and discrete else best.maximiser
        for actions, is_optimal in zip(greedy, reached, strict=True)
    ]
    found: list[dict[str, Any]] = [
        {
            "joint_action": best.action_name(actions),
            "is_optimal": is_optimal,
            "optimum": best.best_reward,
            "success": best.success,
        }
        for actions, is_optimal in zip(greedy, reached, strict=True)
    ]
    q_tots = first_step_values(algorithm, env, clock, asked)
    return (
        found
        if q_tots is None
        else [one | {"q_tot_optimum": q} for one, q in zip(found, q_tots, strict=True)]
    )


def first_step_values(
    algorithm: Algorithm, env: VectorEnv, clock: Clock, asked: list[Actions]
) -> list[float] | None:
    """`q_tot` of one joint action of each seed, in a one-step game; None of an algorithm that has none."""
    import torch

    from fop_algos.algorithm import HasJointValue

    if not isinstance(algorithm, HasJointValue):
        return None
    env.reset(np.arange(1), np.arange(1))
    shape = (*algorithm.stack, 1)
    obs, state, available = (
        torch.from_numpy(np.tile(x[0], (*shape, *(1,) * x[0].ndim)))
        for x in (env.obs, env.state, env.available)
    )
    actions = torch.as_tensor(np.stack(asked)).view(*shape, *asked[0].shape)
    values: list[float] = algorithm.joint_value(obs, state, available, actions, clock).flatten().tolist()
    return values
