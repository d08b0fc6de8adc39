"""The feed-forward block, gated or not."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxit.core.types import Array
from jaxit.layers.linear import Linear
from jaxit.sharding.apply import constrain
from jaxit.sharding.rules import Rules

ACTIVATIONS = {
    'relu': jax.nn.relu,
    'silu': jax.nn.silu,
    'gelu': lambda x: jax.nn.gelu(x, approximate=False),
    'gelu_tanh': lambda x: jax.nn.gelu(x, approximate=True),
}


class MLP(nn.Module):
    """`W_down(act(W_gate x) * W_up x)`, or `W_down act(W_up x)` when not gated (Shazeer 2020, arXiv:2002.05202).

    Attributes:
        mlp_dim: F.
        activation: a name in ACTIVATIONS.
        gated: whether there is a gate.
        rules: logical to mesh axes.
        use_bias: biases on all maps.
        dropout_rate: on the inner activations.
        dtype: of the computation.
        lora_alpha: see `Linear`.
    """

    mlp_dim: int
    activation: str
    gated: bool
    rules: Rules
    use_bias: bool = False
    dropout_rate: float = 0.0
    dtype: jnp.dtype = jnp.float32
    lora_alpha: float = 16.0

    @nn.compact
    def __call__(self, x: Array, *, deterministic: bool = True) -> Array:
        """Maps x [B, T, D] to [B, T, D]."""

        def linear(size: int, axes: tuple[str, ...], name: str) -> Linear:
            return Linear((size,), axes, 1, self.use_bias, 1.0, self.dtype, self.lora_alpha, name=name)

        act = ACTIVATIONS[self.activation]
        inner = linear(self.mlp_dim, ('embed', 'mlp'), 'up')(x)
        if self.gated:
            inner = act(linear(self.mlp_dim, ('embed', 'mlp'), 'gate')(x)) * inner
        else:
            inner = act(inner)
        inner = constrain(inner, ('batch', 'length', 'act_mlp'), self.rules)
        inner = nn.Dropout(self.dropout_rate, broadcast_dims=(1,))(inner, deterministic=deterministic)
        return constrain(
            linear(x.shape[-1], ('mlp', 'embed'), 'down')(inner), ('batch', 'length', 'act_embed'), self.rules
        )
