"""The manifest of a cache: what the files are and their hashes, and whether they still agree."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any, Literal

from jaxit.core.errors import UserError
from jaxit.core.files import read_json, sha256_file, sha256_json, write_json

Verify = Literal['quick', 'full', 'none']

VERSION = 1
MANIFEST = 'manifest.json'
TOKENS = 'tokens.bin'
ARRAYS = {'offsets': '<i8', 'boundaries': '<i4', 'boundary_offsets': '<i8', 'provenance': '<i4'}
FILES = (TOKENS, *(f'{name}.npy' for name in ARRAYS))
REQUIRED = {
    **{name: str for name in ('task', 'split', 'dtype', 'tokenizer_sha256', 'fingerprint')},
    **{name: int for name in ('num_examples', 'num_tokens', 'num_loss_tokens', 'vocab_size')},
    **{name: dict for name in ('longest', 'files')},
    'encoder_decoder': bool,
}

BLOCK_BYTES = 1 << 20
SAMPLED_BLOCKS = 4  # of tokens.bin when it is opened with verify='quick'


def describe(path: Path) -> dict[str, Any]:
    """Returns size and hashes of a file; of the tokens also a hash of each block."""
    facts: dict[str, Any] = {'size': path.stat().st_size, 'sha256': sha256_file(path)}
    if path.name == TOKENS:
        with open(path, 'rb') as f:
            facts['blocks'] = [_hash_block(block) for block in iter(lambda: f.read(BLOCK_BYTES), b'')]
    return facts


def _hash_block(block: bytes) -> str:
    return hashlib.blake2b(block, digest_size=16).hexdigest()


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes the manifest with a digest of itself."""
    write_json(folder / MANIFEST, manifest | {'digest': sha256_json(manifest)})


def read_manifest(folder: Path) -> dict[str, Any]:
    """Reads and checks the manifest of a cache folder."""
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f'{folder} holds no cache ({MANIFEST} is missing); build it with jaxit cache')
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get('version') != VERSION:
        raise UserError(f'{path} is not a cache manifest of version {VERSION}; build the cache again')
    if manifest.pop('digest', None) != sha256_json(manifest):
        raise UserError(f'{path} was changed after it was written; build the cache again')
    missing = [key for key in REQUIRED if not isinstance(manifest.get(key), REQUIRED[key])]
    if missing or set(manifest['files']) != set(FILES):
        raise UserError(f'{path} lacks {missing or sorted(set(FILES) - set(manifest["files"]))}; build the cache again')
    return manifest


def check_file(path: Path, facts: Mapping[str, Any], verify: Verify) -> None:
    """Compares a file with what the manifest says of it; raises `UserError` with its path."""
    size = path.stat().st_size if path.is_file() else None
    if size != facts['size']:
        what = 'is missing' if size is None else f'has {size} bytes, the manifest says {facts["size"]}'
        raise UserError(f'{path} {what}; build the cache again')
    if verify == 'none':
        return
    whole = verify == 'full' or path.name != TOKENS
    if (sha256_file(path) != facts['sha256']) if whole else not _sampled_blocks_match(path, facts['blocks']):
        raise UserError(f'{path} is damaged (its hash differs from the manifest); build the cache again')


def _sampled_blocks_match(path: Path, blocks: Sequence[str]) -> bool:
    chosen = SystemRandom().sample(range(len(blocks)), min(SAMPLED_BLOCKS, len(blocks)))
    with open(path, 'rb') as f:
        for block in sorted(chosen):
            f.seek(block * BLOCK_BYTES)
            if _hash_block(f.read(BLOCK_BYTES)) != blocks[block]:
                return False
    return True
