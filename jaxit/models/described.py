"""Model configs as JSON, so that a run folder says what its weights are."""

import dataclasses
from typing import Any

from jaxit.core.errors import UserError
from jaxit.layers.rope import RopeScaling
from jaxit.models.decoder import DecoderConfig
from jaxit.models.t5 import T5Config

KINDS: dict[str, type] = {'decoder': DecoderConfig, 't5': T5Config}


def to_json(config: DecoderConfig | T5Config) -> dict[str, Any]:
    """Returns a config as plain values."""
    kind = next(name for name, cls in KINDS.items() if isinstance(config, cls))
    return {'kind': kind, **dataclasses.asdict(config)}


def from_json(value: dict[str, Any], *, where: str = 'model.json') -> DecoderConfig | T5Config:
    """Returns the config that `to_json` described.

    Raises:
        UserError: for an unknown kind or field.
    """
    fields = dict(value)
    kind = fields.pop('kind', None)
    if kind not in KINDS:
        raise UserError(f'{where}: model kind is {kind!r}; it must be one of {", ".join(KINDS)}')
    try:
        if fields.get('rope_scaling') is not None:
            fields['rope_scaling'] = RopeScaling(**fields['rope_scaling'])
        return KINDS[kind](**fields)
    except TypeError as error:
        raise UserError(f'{where}: {error}') from None
