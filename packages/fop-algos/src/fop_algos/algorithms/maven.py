"""MAVEN: QMIX whose agents agree on a latent `z` for an episode, so that a team explores committed behaviour.

Mahajan, Rashid, Samvelyan, Whiteson: "MAVEN: Multi-agent variational exploration", NeurIPS 2019. A
hierarchical policy draws `z` at the first step and learns by REINFORCE which one pays. The utilities depend
on it, and a discriminator that recognises `z` by how the agents play keeps its values apart. Settings: those
of QMIX, 16 latents, 1e-3 for information and entropy.

The replay keeps an episode's `z` as its label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Form, Metrics, check_range, scalars, seeded
from fop_algos.bases.utility_agents import UtilityAgents
from fop_algos.bases.value_mixing import MixerConfig, double_q_target, make_mixer, utilities
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.exploration import draw, rescaled_uniform
from fop_algos.functional.losses import masked_mean, td_loss
from fop_algos.functional.schedules import LinearSchedule
from fop_algos.native_ops import soft_value
from fop_algos.networks.agents import AgentNet, PerAgentMlp, trunk_net
from fop_algos.networks.layers import Linear, mlp
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class MavenConfig(MixerConfig):
    """Defaults: PyMARL's on SMAC for what is QMIX's."""

    latents: int = 16
    """How many values `z` has."""
    information_weight: float = 1e-3
    """Weight of the bound on the mutual information of `z` and play."""
    entropy_weight: float = 1e-3
    """Weight of the hierarchical policy's entropy, in units of the return."""
    discriminator: Literal["recurrent", "steps"] = "recurrent"
    """Recognises `z` by an episode as a whole, or by each of its steps alone."""
    latent_hidden: int = 64
    """Width of the hidden layers of hierarchical policy and discriminator."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, math.inf, "latents", "latent_hidden")
        check_range(self, 0, math.inf, "information_weight", "entropy_weight")


GAMES = MavenConfig(
    agent="separate_mlp",
    buffer_episodes=1_000_000,
    epsilon=LinearSchedule(1.0, 0.01, 10_000, "updates"),
    optimiser="adam",
    learning_rate=3e-4,
    discriminator="steps",
)
"""The paper's games (FOP, D.1): hidden 2 x 64, 3e-4, epsilon 1 to 0.01 over 10,000 learning steps.

Deviation: optimiser and batch size aren't stated there; Adam and 32 are ours.
"""


class LatentAgent(AgentNet):
    """An agent net whose last layer depends on latent and agent: `q_i = (W_z + W_i) h_i + b_i`.

    That is what a linear hypernet makes of both, one-hot. Its memory ends in the latent, one-hot, which is
    zero before an episode's first step.
    """

    def __init__(self, trunk: AgentNet, spec: TaskSpec, hidden: int, latents: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.latents = latents
        self.memory_size = trunk.memory_size + latents
        self.of_agent = PerAgentMlp(spec.n_agents, hidden, hidden, spec.n_actions, hidden_layers=0)
        self.of_latent = Linear(latents, hidden * spec.n_actions, bias=False)
        bound = 1 / math.sqrt(hidden)  # that of the layer it makes
        nn.init.uniform_(self.of_latent.weight, -bound, bound)

    def unroll(self, obs: Tensor, last_onehot: Tensor) -> Tensor:
        """As every net; behind the actions before stands the latent: `[B, T, N, A + Z]`."""
        before, latent = self.split(last_onehot)
        return self.values(self.trunk.unroll(obs, before), latent[..., 0, 0, :])

    def step(self, obs: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        own, latent = self.split(memory)
        features, hidden = self.trunk.step(obs, own)
        return self.values(features, latent[..., 0, :]), torch.cat((hidden, latent), -1)

    def remember(self, hidden: Tensor, actions: Tensor) -> Tensor:
        own, latent = self.split(hidden)
        return torch.cat((self.trunk.remember(own, actions), latent), -1)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`x` without its latent, and the latent."""
        return x[..., : -self.latents], x[..., -self.latents :]

    def values(self, features: Tensor, latent: Tensor) -> Tensor:
        """`[..., B, N, H]` or `[..., B, T, N, H]` and latents `[..., B, Z]` to values of every action."""
        weight = self.of_latent(latent).unflatten(-1, (features.shape[-1], -1))
        rows = features.flatten(latent.ndim - 1, -2)
        q: Tensor = self.of_agent.each(features) + (rows @ weight).view(*features.shape[:-1], -1)
        return q


class StepDiscriminator(nn.Module):
    """Recognises the latent by the agents' policies at a single step."""

    def __init__(self, spec: TaskSpec, hidden: int, latents: int) -> None:
        super().__init__()
        self.net = mlp(spec.n_agents * spec.n_actions, (hidden, hidden), latents)

    def forward(self, policies: Tensor, mask: Tensor) -> Tensor:
        """`[..., B, T, N, A]` and `[..., B, T]` to log-probabilities `[..., B, Z]`, means over real steps."""
        log_q = self.net(policies.flatten(-2)).log_softmax(-1)
        real = torch.where(mask.unsqueeze(-1), log_q, 0.0)
        return real.sum(-2) / mask.sum(-1, keepdim=True)


class RecurrentDiscriminator(nn.Module):
    """Recognises the latent by the agents' policies in a whole episode."""

    def __init__(self, spec: TaskSpec, hidden: int, latents: int) -> None:
        super().__init__()
        self.gru = nn.GRU(spec.n_agents * spec.n_actions, hidden, batch_first=True)
        self.output = Linear(hidden, latents)

    def forward(self, policies: Tensor, mask: Tensor) -> Tensor:
        """`[B, T, N, A]` and `[B, T]` to log-probabilities `[B, Z]` after an episode's last real step."""
        hidden, _ = self.gru(policies.flatten(-2))
        last = hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(-1) - 1]
        log_q: Tensor = self.output(last).log_softmax(-1)
        return log_q


class Maven(UtilityAgents):
    """QMIX given a latent, what draws the latent, and what recognises it.

    Deviation: published, the mixer reads the latent, too, and the discriminator the state; here the latent
    acts through the utilities alone, and is recognised by them alone.
    """

    config: MavenConfig
    agent: LatentAgent

    def __init__(self, name: str, spec: TaskSpec, config: MavenConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        width, latents = config.latent_hidden, config.latents
        recogniser = StepDiscriminator if config.discriminator == "steps" else RecurrentDiscriminator
        with seeded(seed):
            trunk = trunk_net(config.agent, spec, config.hidden)
            self.agent, self.target_agent = self.register(
                "agent", LatentAgent(trunk, spec, config.hidden, latents), target=True
            )
            self.mixer, self.target_mixer = self.register("mixer", make_mixer(spec, config), target=True)
        with seeded(seed):  # from the beginning again: QMIX's nets and these don't depend on each other
            self.latent_policy = self.register(
                "latent_policy", mlp(spec.n_agents * spec.obs_dim, (width,), latents)
            )
            self.discriminator = self.register("discriminator", recogniser(spec, width, latents))
        kind, step = config.optimiser, config.learning_rate
        self.optimiser = self.register_optimiser(
            "optimiser", kind, step, self.agent, self.mixer, self.discriminator
        )
        self.latent_optimiser = self.register_optimiser("latent_optimiser", kind, step, self.latent_policy)
        self.counters["latents_learned_at"] = 0

    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        coin = rescaled_uniform(uniform[..., 0, 0], self.epsilon(clock)) if explore else None
        return super().act(obs, available, self.with_latents(obs, memory, coin), uniform, clock, explore)

    def with_latents(self, obs: Tensor, memory: Tensor, coin: Tensor | None) -> Tensor:
        """The memory with a latent for each team that has none: what its `coin` `[..., B]` draws.

        Deviation: without coins, in tests, it is the most probable one.
        """
        own, latent = self.agent.split(memory)
        first = (latent[..., 0, :] == 0).all(-1)
        if not first.any():
            return memory
        log_policy = self.log_latent_policy(obs)
        chosen = log_policy.argmax(-1) if coin is None else draw(log_policy.exp(), coin)
        drawn = onehot(chosen, self.config.latents).unsqueeze(-2)
        return torch.cat((own, torch.where(first[..., None, None], drawn, latent)), -1)

    def first_memory(self, obs: Tensor) -> Tensor:
        return self.with_latents(obs, super().first_memory(obs), None)

    def label(self, memory: Tensor) -> Tensor:
        _, latent = self.agent.split(memory)
        return latent[..., 0, :].argmax(-1)

    def log_latent_policy(self, obs: Tensor) -> Tensor:
        """Log-probabilities `[..., Z]` of the latents for teams that see `[..., N, O]` at the first step.

        Deviation: the paper's policy reads the state; who acts here sees observations, the team's are joined.
        """
        log_policy: Tensor = self.latent_policy(obs.flatten(-2)).log_softmax(-1)
        return log_policy

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """A step of utilities and discriminator; then, when it is time, one of what draws the latents."""
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        loss, means = self.loss(batch)
        metrics = self.gradient_step("td_loss", loss, self.optimiser, self.config.max_gradient_norm, clock)
        self.copy_targets(clock, self.config.target_update_episodes)
        metrics |= scalars(**means)
        new = clock.episodes - self.counters["latents_learned_at"]
        if new >= self.config.batch_episodes:
            self.learn_latents(EpisodeBatch.of(replay.latest(min(new, len(replay))), self.device), clock)
        return metrics | {"epsilon": self.config.epsilon(clock)}

    def loss(self, batch: EpisodeBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """QMIX's loss less the bound on the mutual information `[]`, and constants worth a curve."""
        beside_obs = self.beside_obs(batch)
        q = self.agent.unroll(batch.obs, beside_obs)
        chosen = utilities(batch.now.of(q), batch.actions, batch.onehot, batch.now.available)
        q_tot = self.mixer.forward(chosen, batch.now.state)
        target = self.target(batch, q, beside_obs)
        policies = soft_value(batch.now.of(q), batch.now.available, 1.0).policy
        bound = information_bound(self.discriminator(policies, batch.mask), batch.label)
        loss = td_loss(q_tot, target, batch.mask) - self.config.information_weight * bound
        penalty = masked_mean(self.mixer.penalty(batch.now.state), batch.mask)
        with torch.no_grad():
            entropy = entropy_of(self.log_latent_policy(batch.obs[..., 0, :, :])).mean(-1)
        return loss + penalty, {
            "q_tot": masked_mean(q_tot.detach(), batch.mask),
            "target": masked_mean(target, batch.mask),
            "information": bound.detach(),
            "latent_entropy": entropy,
        }

    @torch.no_grad()
    def target(self, batch: EpisodeBatch, q: Tensor, beside_obs: Tensor) -> Tensor:
        """Double-Q one-step targets `[B, T]`, given the episodes' latents."""
        if batch.is_one_step:
            return batch.reward
        target_q = self.target_agent.unroll(batch.obs, beside_obs)
        return double_q_target(batch, q, target_q, self.target_mixer, self.config.gamma)

    def beside_obs(self, batch: EpisodeBatch) -> Tensor:
        """What the agents read beside their observations, `[B, T+1, N, A + Z]`: actions before, latents."""
        before = batch.last_onehot
        latent = onehot(batch.label, self.config.latents)[..., None, None, :]
        return torch.cat((before, latent.expand(*before.shape[:-1], -1)), -1)

    def learn_latents(self, batch: EpisodeBatch, clock: Clock) -> None:
        """REINFORCE on the episodes played since the last time, each once: the policy of now drew them.

        Deviation: the published code draws from its newest 512 episodes, eight times after each.
        """
        log_policy = self.log_latent_policy(batch.obs[..., 0, :, :])
        returns = torch.where(batch.mask, batch.reward, 0.0).sum(-1)
        loss = reinforce_loss(log_policy, batch.label, returns, self.config.entropy_weight)
        self.gradient_step("latent_loss", loss, self.latent_optimiser, self.config.max_gradient_norm, clock)
        self.counters["latents_learned_at"] = clock.episodes

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        q, _ = self.agent.step(obs, self.first_memory(obs))
        return self.mixer.forward(
            utilities(q, actions, onehot(actions, self.spec.n_actions), available), state
        )


def reinforce_loss(log_policy: Tensor, latent: Tensor, returns: Tensor, entropy_weight: float) -> Tensor:
    """Its gradient estimates that of `-E_z[R] - entropy_weight H(z)`; the mean return is the baseline.

    Args:
        log_policy: `[..., B, Z]` of each episode's first step.
        latent: `[..., B]` the latents that were drawn.
        returns: `[..., B]`.
        entropy_weight: in units of the return.
    """
    advantage = returns - returns.mean(-1, keepdim=True)
    chosen = log_policy.gather(-1, latent.unsqueeze(-1)).squeeze(-1)
    return -(advantage * chosen + entropy_weight * entropy_of(log_policy)).mean(-1)


def entropy_of(log_policy: Tensor) -> Tensor:
    """`[..., Z]` to `[...]`, in nats."""
    return -(log_policy.exp() * log_policy).sum(-1)


def information_bound(log_q: Tensor, latent: Tensor) -> Tensor:
    """`H(z) + E[log q(z | play)]`, in nats: at most the mutual information, and that if `q` is the posterior.

    Args:
        log_q: `[..., B, Z]` the discriminator's log-probabilities.
        latent: `[..., B]` the latents played; how often each comes in the batch gives `H(z)`.
    """
    share = onehot(latent, log_q.shape[-1]).mean(-2)
    likelihood = log_q.gather(-1, latent.unsqueeze(-1)).squeeze(-1).mean(-1)
    return likelihood - torch.xlogy(share, share).sum(-1)


FORMS = (
    Form(
        name="maven",
        summary="QMIX that commits to one of several behaviours for an episode (NeurIPS 2019)",
        make=Maven,
        games=GAMES,
        smac=MavenConfig(),
    ),
)
