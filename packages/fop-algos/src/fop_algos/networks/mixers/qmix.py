"""QMIX: monotone, by hypernets."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from fop_algos.networks.layers import Linear, mlp
from fop_core.types import TaskSpec

from .base import Mixer, Utilities


class QmixMixer(Mixer):
    """Monotone in every `q_i`: `q_tot = |w_2(s)| . ELU(|W_1(s)| q + b_1(s)) + v(s)` (Rashid et al., 2018).

    Hypernets with one hidden ReLU layer, as in PyMARL's `qmix.yaml` (`hypernet_layers: 2`).
    """

    def __init__(self, spec: TaskSpec, embed: int, hypernet_hidden: int) -> None:
        super().__init__()
        self.w1 = mlp(spec.state_dim, (hypernet_hidden,), spec.n_agents * embed)
        self.b1 = Linear(spec.state_dim, embed)
        self.w2 = mlp(spec.state_dim, (hypernet_hidden,), embed)
        self.v = mlp(spec.state_dim, (embed,), 1)
        self.embed = embed

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        q = utilities.chosen
        w1 = self.w1(state).abs().unflatten(-1, (q.shape[-1], self.embed))
        hidden = F.elu((q.unsqueeze(-1) * w1).sum(-2) + self.b1(state))
        q_tot: Tensor = (hidden * self.w2(state).abs()).sum(-1) + self.v(state).squeeze(-1)
        return q_tot
