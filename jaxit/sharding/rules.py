"""Logical axis names to mesh axes. An unknown logical name is an error, never a silent replica.

A layer says what a dimension is (`embed`, `heads`, `mlp`); the rules say where it lives.
Params and activations have names of their own, because a weight's `embed` may be split
over `fsdp` while the same dimension of an activation is not.
"""

from collections.abc import Sequence

from jax.sharding import PartitionSpec

from jaxit.core.errors import UserError, unknown_name

MeshAxes = str | tuple[str, ...] | None
Rules = tuple[tuple[str, MeshAxes], ...]

PARAM_AXES = ('embed', 'heads', 'kv', 'head_dim', 'mlp', 'vocab', 'layers', 'relpos', 'lora_rank')
ACTIVATION_AXES = ('batch', 'length', 'act_embed', 'act_heads', 'act_kv', 'act_mlp', 'act_vocab')


def _preset(*, embed: MeshAxes = None, tensor: MeshAxes = None) -> Rules:
    split = {'embed': embed, 'heads': tensor, 'kv': tensor, 'mlp': tensor, 'vocab': tensor}
    activations = {
        'batch': ('data', 'fsdp'),
        'length': 'sequence',
        'act_heads': tensor,
        'act_kv': tensor,
        'act_mlp': tensor,
        'act_vocab': tensor,
    }
    named = {**dict.fromkeys(PARAM_AXES + ACTIVATION_AXES), **split, **activations}
    return tuple(named.items())


PRESETS: dict[str, Rules] = {
    'dp': _preset(),
    'fsdp': _preset(embed='fsdp'),
    'tp': _preset(tensor='tensor'),
    '2d': _preset(embed='fsdp', tensor='tensor'),
}
DEFAULT_RULES = PRESETS['2d']


def rules(preset: str = '2d') -> Rules:
    """Returns the rules of a preset: 'dp', 'fsdp', 'tp' or '2d' (fsdp and tensor together).

    '2d' is right on every mesh: an axis of size 1 splits nothing.
    """
    if preset not in PRESETS:
        raise unknown_name('sharding preset', preset, PRESETS)
    return PRESETS[preset]


def to_spec(axes: Sequence[str | None], rules: Rules) -> PartitionSpec:
    """Returns where an array lives whose dimensions have these logical names.

    Args:
        axes: a logical name for each dimension; None is never split.
        rules: the table.

    Raises:
        UserError: for a name that is not in the rules, or two dimensions on one mesh axis.
    """
    table = dict(rules)
    spec: list[MeshAxes] = []
    used: set[str] = set()
    for axis in axes:
        if axis is not None and axis not in table:
            raise unknown_name('logical axis', axis, table)
        mesh_axes = table[axis] if axis is not None else None
        names = (mesh_axes,) if isinstance(mesh_axes, str) else tuple(mesh_axes or ())
        if used & set(names):
            raise UserError(f'logical axes {tuple(axes)} put two dimensions on mesh axis {sorted(used & set(names))}')
        used |= set(names)
        spec.append(mesh_axes)
    return PartitionSpec(*spec)
