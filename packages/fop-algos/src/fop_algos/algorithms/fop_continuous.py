"""FOP with continuous actions, for one-step games (the differential game: FOP, appendix D.1 and D.3).

As in `fop`, with two changes that continuous actions need: policies are squashed Gaussians, improved by
re-parameterised samples, and `v_i` is a net that is regressed on `E[q_i - alpha_i log pi_i]`, since no sum
runs over the actions (as in FSV, FOP's predecessor, equation 17).
Symbols and sections as in `fop`. Actions are scaled to [-1, 1] for the nets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Draws, Metrics, make_optimiser, numbers, seeded, within
from fop_algos.bases.continuous_actors import ContinuousConfig, GaussianActors
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.losses import masked_mean, td_loss
from fop_algos.functional.schedules import Temperature
from fop_algos.functional.temperatures import IndividualKind, Temperatures
from fop_algos.networks.agents import PerAgentMlp
from fop_algos.networks.continuous import ActionValue, GaussianPolicy, SquashedGaussian, to_scale
from fop_algos.networks.layers import mlp
from fop_algos.networks.mixers import ROUTED, DopMixer, FopMixer, MlpWeights, Routing, Utilities, dop_mixer
from fop_core.errors import FopError
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class FopContinuousConfig(ContinuousConfig):
    """Defaults: the differential game (D.1); what the paper leaves open is ours and said so."""

    uniform_episodes: int = 64
    """Episodes at the start in which every agent draws its actions uniformly.
    Deviation: the paper doesn't say; as many as are collected before the first update."""
    decomposition: Literal["fop", "dop"] = "fop"
    """What q_tot is made of: `fop`, equation 18; `dop`, DOP's sum_i k_i(s) q_i + b(s), all else unchanged
    (the ablation of D.3)."""
    routing: Routing = ROUTED
    """How gradients run through equation 18: as in the published code; other ways for comparisons."""
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
        within(self, 0, 1, "alpha_i_rate")
        within(self, 0, 1e6, "alpha.start", "alpha.end")
        if self.routing.v_i == "learned":
            raise ValueError(
                "routing.v_i is learned; with continuous actions v_i is a net of its own: constant"
            )
        if self.decomposition == "dop" and self.alpha_i != "tied":
            raise ValueError(
                f"alpha_i is {self.alpha_i}, learned from FOP's weights; with dop it must be tied"
            )


class FopContinuous(GaussianActors):
    """Soft individual policies, soft individual values, and a mixer that weighs their advantages."""

    config: FopContinuousConfig

    def __init__(self, name: str, spec: TaskSpec, config: FopContinuousConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        if spec.episode_limit != 1:
            raise FopError(f"{name} with continuous actions plays one-step games; {spec.name} is longer")
        with seeded(seed):
            self.actor = GaussianPolicy(spec, config.hidden)
            self.critic = ActionValue(spec, config.hidden)
            self.value = PerAgentMlp(spec.n_agents, spec.obs_dim, config.hidden, 1)
            self.mixer = make_mixer(spec, config)
        self.temperatures = Temperatures(config.alpha, config.alpha_i, config.alpha_i_rate, spec.n_agents)
        nets = {"policy": self.actor, "critic": self.critic, "value": self.value, "mixer": self.mixer}
        self.modules = nn.ModuleDict(nets)
        groups: dict[str, tuple[nn.Module, ...]] = {
            "critic": (self.critic, self.mixer),
            "policy": (self.actor,),
            "value": (self.value,),
        }
        if self.temperatures.learns_alpha or config.alpha_i != "tied":
            self.modules["temperatures"] = self.temperatures
        if self.temperatures.learns_alpha:
            groups["alpha"] = (self.temperatures,)
        self.optimisers = {
            group: make_optimiser("adam", modules, config.learning_rate) for group, modules in groups.items()
        }

    def values(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        return self.mix(obs, state, actions).unsqueeze(-1)

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """Joint evaluation, individual improvement, individual values, temperatures."""
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes))
        obs, state = batch.obs[..., :-1, :, :], batch.state[..., :-1, :]
        alpha, max_norm = self.temperatures.of_team(clock), self.config.max_gradient_norm
        alpha_i = self.temperatures.of_agents(alpha)
        optimisers = self.optimisers

        # Joint evaluation (B.1): the game ends, so the target is the reward alone.
        actions = to_scale(batch.actions, self.spec)
        q_tot = self.mix(obs, state, actions)
        target = self.config.reward_scale * batch.reward
        loss = td_loss(q_tot, target, batch.mask)
        metrics = self.descend("td_loss", loss, optimisers["critic"], max_norm, clock)

        # Individual improvement (12).
        loss, q, sampled, log_pi = self.policy_loss(batch, self.draws(clock), clock)
        metrics |= self.descend("policy_loss", loss, optimisers["policy"], max_norm, clock)

        # v_i = E[q_i - alpha_i log pi_i] under the policy that has just acted.
        soft_value = (q - alpha_i * log_pi).detach()
        v = self.value.each(obs).squeeze(-1)
        loss = masked_mean((v - soft_value).square().mean(-1), batch.mask)
        metrics |= self.descend("value_loss", loss, optimisers["value"], max_norm, clock)

        # Temperatures (section C).
        entropy = masked_mean(-log_pi.detach().mean(-1), batch.mask)
        if self.temperatures.learns_alpha:
            loss = self.temperatures.loss(entropy)
            metrics |= self.descend("alpha_loss", loss, optimisers["alpha"], math.inf, clock)
            self.temperatures.keep_above_end()
        if self.config.alpha_i != "tied":
            with torch.no_grad():
                gain = q - v
                assert isinstance(self.mixer, FopMixer)
                lam = self.mixer.weights(state, sampled)
                self.temperatures.follow(gain, lam, gain, batch.mask)
        metrics |= self.temperatures.metrics(alpha)
        return metrics | numbers(q_tot=masked_mean(q_tot.detach(), batch.mask), entropy=entropy)

    def policy_loss(
        self, batch: EpisodeBatch, draws: Draws, clock: Clock
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`E_i[alpha_i log pi_i(u_i) - q_i(u_i)]` (12), by one's own `q_i` alone, on fresh actions.

        Returns:
            The loss `[]`; `q_i` `[B, T, N]`, actions `[B, T, N, D]` and `log pi_i` `[B, T, N]` behind it.
        """
        obs = batch.obs[..., :-1, :, :]
        alpha_i = self.temperatures.of_agents(self.temperatures.of_team(clock))
        policy: SquashedGaussian = self.actor(obs)
        action, log_pi = policy.sample_with_log(draws.normal(batch.actions.shape))
        q = frozen(self.critic, obs, action)
        return masked_mean((alpha_i * log_pi - q).mean(-1), batch.mask), q, action, log_pi

    def mix(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """`q_tot(s, u)` `[B, T]` of scaled joint actions `[B, T, N, D]` (18)."""
        v = self.value.each(obs).squeeze(-1).detach()
        return self.mixer.forward(Utilities(self.critic(obs, actions), v, actions), state)


def make_mixer(spec: TaskSpec, config: FopContinuousConfig) -> FopMixer | DopMixer:
    """As `config.decomposition` says."""
    if config.decomposition == "dop":
        return dop_mixer("mlp", spec, config.hidden)
    v = mlp(spec.state_dim, (config.hidden, config.hidden), 1)
    return FopMixer(MlpWeights(spec, config.hidden), v, config.routing)


def frozen(critic: ActionValue, obs: Tensor, actions: Tensor) -> Tensor:
    """`q_i` whose gradient reaches the actions and not the critic."""
    parameters = list(critic.parameters())
    for parameter in parameters:
        parameter.requires_grad_(False)
    q: Tensor = critic(obs, actions)
    for parameter in parameters:
        parameter.requires_grad_(True)
    return q
