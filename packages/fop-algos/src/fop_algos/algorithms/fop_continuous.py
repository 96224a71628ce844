"""FOP with continuous actions, for one-step games (the differential game: FOP, appendix D.1 and D.3).

As in `fop`, with two changes that continuous actions need: policies are squashed Gaussians, improved by
re-parameterised samples, and `v_i` is a net that is regressed on `E[q_i - alpha_i log pi_i]`, since no sum
runs over the actions (as in FSV, FOP's predecessor, equation 17).
Symbols and sections as in `fop`. Actions are scaled to [-1, 1] for the nets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fop_algos.algorithm import Draws, Form, Metrics, check_range, scalars, seeded
from fop_algos.bases.continuous_actors import ContinuousConfig, GaussianActors
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.continuous_actions import to_scale
from fop_algos.functional.losses import masked_mean, td_loss
from fop_algos.functional.schedules import Temperature
from fop_algos.functional.temperatures import IndividualKind, Temperatures
from fop_algos.networks.agents import PerAgentMlp
from fop_algos.networks.critics import ActionValue
from fop_algos.networks.layers import mlp
from fop_algos.networks.mixers.base import Mixer, Utilities
from fop_algos.networks.mixers.fop import FopMixer, MlpWeights
from fop_algos.networks.policies import GaussianPolicy, SquashedGaussian
from fop_core.errors import FopError
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class FopContinuousConfig(ContinuousConfig):
    """Defaults: the differential game (D.1); what the paper leaves open is ours and said so."""

    uniform_episodes: int = 64
    """Episodes at the start in which every agent draws its actions uniformly.
    Deviation: the paper doesn't say; as many as are collected before the first update."""
    alpha: Temperature = Temperature(1.0, 0.01, 20_000, "updates", kind="automatic")  # noqa: RUF009  (frozen)
    """Temperature of the team: `kind` linear, exponential, or automatic (learned, section C; the default).
    Deviation: first value and target entropy (-1 for each agent) are ours."""
    alpha_i: IndividualKind = "tied"
    """Temperature of the agents: `tied` to the team's, the moving `average` of equation 17, or down the
    gradient of the `objective` J(alpha_i)."""
    alpha_i_rate: float = 1e-4
    """Step of `average` and `objective` (the paper's epsilon)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0, 1, "alpha_i_rate")
        check_range(self, 0, 1e6, "alpha.start", "alpha.end")


class FopContinuous(GaussianActors):
    """Soft individual policies, soft individual values, and a mixer that weighs their advantages."""

    config: FopContinuousConfig

    def __init__(self, name: str, spec: TaskSpec, config: FopContinuousConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        if spec.episode_limit != 1:
            raise FopError(f"{name} with continuous actions plays one-step games; {spec.name} is longer")
        with seeded(seed):
            self.actor = self.register("policy", GaussianPolicy(spec, config.hidden))
            self.critic = self.register("critic", ActionValue(spec, config.hidden))
            self.value = self.register("value", PerAgentMlp(spec.n_agents, spec.obs_dim, config.hidden, 1))
            self.mixer = self.register("mixer", self.make_mixer())
        self.temperatures = Temperatures(config.alpha, config.alpha_i, config.alpha_i_rate, spec.n_agents)
        if self.temperatures.learned:
            self.register("temperatures", self.temperatures)

        step = config.learning_rate
        self.register_optimiser("critic", "adam", step, self.critic, self.mixer)
        self.register_optimiser("policy", "adam", step, self.actor)
        self.register_optimiser("value", "adam", step, self.value)
        if self.temperatures.learns_alpha:
            self.register_optimiser("alpha", "adam", step, self.temperatures)

    def make_mixer(self) -> Mixer:
        """The nets of `lambda(s, u)` and `v(s)`."""
        spec, hidden = self.spec, self.config.hidden
        v = mlp(spec.state_dim, (hidden, hidden), 1)
        return FopMixer(MlpWeights(spec, hidden), v)

    def q_tot(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """`q_tot(s, u) = sum_i lambda_i(s, u) (q_i(u_i) - v_i) + v_jt`, `v_jt = v(s) + sum_i v_i` (18).

        How its gradients run, and the kernel, is at `FopMixer`; none reaches `v_i`.

        Args:
            obs: `[..., N, O]`.
            state: `[..., S]`.
            actions: scaled `[..., N, D]`.

        Returns:
            `[...]`.
        """
        v = self.value.each(obs).squeeze(-1).detach()
        return self.mixer.forward(Utilities(self.critic(obs, actions), v, actions), state)

    def values(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        return self.q_tot(obs, state, actions).unsqueeze(-1)

    def policy_loss(
        self, batch: EpisodeBatch, draws: Draws, clock: Clock
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`E_i[alpha_i log pi_i(u_i) - q_i(u_i)]` (12), by one's own `q_i` alone, on fresh actions.

        Returns:
            The loss `[]`; `q_i` `[B, T, N]`, actions `[B, T, N, D]` and `log pi_i` `[B, T, N]` behind it.
        """
        alpha_i = self.temperatures.of_agents(self.temperatures.of_team(clock))
        policy: SquashedGaussian = self.actor(batch.now.obs)
        action, log_pi = policy.sample_with_log(draws.normal(batch.actions.shape))
        q = frozen(self.critic, batch.now.obs, action)
        return masked_mean((alpha_i * log_pi - q).mean(-1), batch.mask), q, action, log_pi

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """Joint evaluation, individual improvement, individual values, temperatures."""
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        now, max_norm, optimisers = batch.now, self.config.max_gradient_norm, self.optimisers
        alpha = self.temperatures.of_team(clock)
        alpha_i = self.temperatures.of_agents(alpha)

        # Joint evaluation (B.1): the game ends, so the target is the reward alone.
        q_tot = self.q_tot(now.obs, now.state, to_scale(batch.actions, self.spec))
        loss = td_loss(q_tot, self.config.reward_scale * batch.reward, batch.mask)
        metrics = self.gradient_step("td_loss", loss, optimisers["critic"], max_norm, clock)

        # Individual improvement (12).
        loss, q, sampled, log_pi = self.policy_loss(batch, self.draws(clock), clock)
        metrics |= self.gradient_step("policy_loss", loss, optimisers["policy"], max_norm, clock)

        # v_i = E[q_i - alpha_i log pi_i] under the policy that has just acted.
        soft_value = (q - alpha_i * log_pi).detach()
        v = self.value.each(now.obs).squeeze(-1)
        loss = masked_mean((v - soft_value).square().mean(-1), batch.mask)
        metrics |= self.gradient_step("value_loss", loss, optimisers["value"], max_norm, clock)

        # Temperatures (section C).
        entropy = masked_mean(-log_pi.detach().mean(-1), batch.mask)
        if self.temperatures.learns_alpha:
            loss = self.temperatures.loss(entropy)
            metrics |= self.gradient_step("alpha_loss", loss, optimisers["alpha"], math.inf, clock)
            self.temperatures.clamp_alpha()
        if self.config.alpha_i != "tied":
            with torch.no_grad():
                assert isinstance(self.mixer, FopMixer)
                lam = self.mixer.weights(now.state, sampled)
                self.temperatures.update_ratios(q - v, lam, q - v, batch.mask)
        metrics |= self.temperatures.metrics(alpha)
        return metrics | scalars(q_tot=masked_mean(q_tot.detach(), batch.mask), entropy=entropy)


def frozen(critic: ActionValue, obs: Tensor, actions: Tensor) -> Tensor:
    """`q_i` whose gradient reaches the actions and not the critic."""
    parameters = list(critic.parameters())
    for parameter in parameters:
        parameter.requires_grad_(False)
    q: Tensor = critic(obs, actions)
    for parameter in parameters:
        parameter.requires_grad_(True)
    return q


FORMS = (
    Form(
        name="fop",
        summary="the same with squashed Gaussian policies, for one-step games",
        make=FopContinuous,
        games=FopContinuousConfig(),
        smac=FopContinuousConfig(),
        action_kind="continuous",
        one_step_only=True,
    ),
)
