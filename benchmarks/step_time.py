"""How long a train step takes: compile time, tokens/s, model FLOP utilisation, peak memory.

    python benchmarks/step_time.py --model decoder     width 512, 6 layers, 8 heads, mlp 2048, vocabulary 32,000, untied; 8 x 256 tokens
    python benchmarks/step_time.py --model t5          T5 1.1 small; 8 x (256 + 64) tokens

AdamW, float32, the loss on the second half of each decoder row and on all targets of T5. Prints one JSON line. Utilisation is
6 x params x tokens (the embedding lookup not counted, the output head on loss tokens alone) over the seconds and what a float32 matrix
product reaches on this machine in the same minute.
"""

import argparse
import json
import resource
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxit.core import rng, tree
from jaxit.core.types import Batch
from jaxit.models import families
from jaxit.models.decoder import DecoderConfig
from jaxit.models.execution import Execution
from jaxit.models.registry import build
from jaxit.models.t5 import T5Config
from jaxit.sharding.apply import put_batch
from jaxit.sharding.mesh import MeshConfig, make_mesh
from jaxit.sharding.rules import DEFAULT_RULES
from jaxit.training import state as state_lib
from jaxit.training.losses import LossConfig
from jaxit.training.optimizers import OptimizerConfig, make_optimizer
from jaxit.training.step import TrainStep, compile_step

ROWS = 8
DECODER = DecoderConfig(32_000, 512, 6, 8, 8, 64, 2048, tied_head=False)


def random_batch(config: DecoderConfig | T5Config) -> Batch:
    """Returns one full batch of random tokens, a row being one example."""
    generator = np.random.default_rng(0)
    encoder_decoder = isinstance(config, T5Config)
    length = 64 if encoder_decoder else 256
    batch = _side('decoder', generator, length, config.vocab_size)
    batch['decoder_target_tokens'] = np.roll(batch['decoder_input_tokens'], -1, axis=1)
    batch['decoder_loss_weights'] = np.ones((ROWS, length), np.float32)
    batch['task_ids'] = np.zeros((ROWS, length), np.int32)
    if encoder_decoder:
        return {**batch, **_side('encoder', generator, 256, config.vocab_size)}
    batch['decoder_loss_weights'][:, : length // 2] = 0
    return batch


def _side(name: str, generator: np.random.Generator, length: int, vocab_size: int) -> Batch:
    return {
        f'{name}_input_tokens': generator.integers(3, vocab_size, (ROWS, length), dtype=np.int32),
        f'{name}_segment_ids': np.ones((ROWS, length), np.int32),
        f'{name}_positions': np.tile(np.arange(length, dtype=np.int32), (ROWS, 1)),
    }


def flops(config: DecoderConfig | T5Config, params: Any, batch: Batch) -> float:
    """Returns 6 x params x tokens of each part: forward 2, backward 4; attention scores are left out."""
    head = config.vocab_size * config.embed_dim * float(batch['decoder_loss_weights'].sum())
    flat = {path: leaf.size for path, leaf in tree.flatten(params).items()}
    tables = ('embedding', 'lm_head', 'bias')
    sides = {'encoder': 0, 'decoder': 0}
    for path, size in flat.items():
        if not any(name in path.split('/')[0] for name in tables):
            sides['encoder' if path.startswith('encoder') else 'decoder'] += size
    tokens = {side: batch.get(f'{side}_input_tokens', np.zeros(0)).size for side in sides}
    return 6 * (head + sum(sides[side] * tokens[side] for side in sides))


def matmul_flops_per_second(size: int = 2048) -> float:
    """Returns the best of five float32 products of square matrices."""
    x = jnp.ones((size, size), jnp.float32)
    product = jax.jit(lambda x: x @ x)
    product(x).block_until_ready()
    return 2 * size**3 / min(_seconds(lambda: product(x).block_until_ready()) for _ in range(5))


def _seconds(action: Any) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def measure(config: DecoderConfig | T5Config, execution: Execution, *, steps: int, warmup: int) -> dict[str, Any]:
    """Returns the numbers by name."""
    model, mesh, batch = build(config, execution), make_mesh(MeshConfig()), random_batch(config)
    optimizing = OptimizerConfig('adamw', 1e-4)
    optimizer, schedule = make_optimizer(optimizing, steps)
    step = TrainStep(model, optimizer, schedule, optimizing.is_trained, LossConfig(chunk_length=128), num_tasks=1)
    arguments = model, optimizer, optimizing.is_trained, mesh, DEFAULT_RULES
    abstract = state_lib.abstract_state(*arguments)
    begin = time.perf_counter()
    run = compile_step(step, abstract, mesh, DEFAULT_RULES)
    with jax.set_mesh(mesh):
        placed = put_batch(batch, mesh, DEFAULT_RULES)
        state = state_lib.initialize(*arguments, key=rng.stream(0, 'init'))
        work = flops(config, state.params, batch)
        state, _ = jax.block_until_ready(run(state, placed))
        compile_seconds = time.perf_counter() - begin
        wall, cpu = [], []
        for _ in range(warmup + steps):
            began, began_cpu = time.perf_counter(), time.process_time()
            state, _ = jax.block_until_ready(run(state, placed))
            wall.append(time.perf_counter() - began)
            cpu.append(time.process_time() - began_cpu)
    seconds = statistics.median(wall[warmup:])
    tokens = sum(value.size for name, value in batch.items() if name.endswith('input_tokens'))
    return {
        'tokens': tokens,
        'compile_seconds': round(compile_seconds, 2),
        'seconds_per_step': round(seconds, 4),
        'cpu_seconds_per_step': round(statistics.median(cpu[warmup:]), 4),
        'tokens_per_second': round(tokens / seconds, 1),
        'flops_per_step': work,
        'utilisation': round(work / seconds / matmul_flops_per_second(), 3),
        'peak_memory_mib': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', choices=['decoder', 't5'], default='decoder')
    parser.add_argument('--dtype', default='float32')
    parser.add_argument('--remat', default='none')
    parser.add_argument('--steps', type=int, default=10)
    parser.add_argument('--warmup', type=int, default=2)
    arguments = parser.parse_args()
    config = DECODER if arguments.model == 'decoder' else families.t5_1_1_small()
    execution = Execution(dtype=arguments.dtype, remat=arguments.remat)
    numbers = measure(config, execution, steps=arguments.steps, warmup=arguments.warmup)
    print(json.dumps({'benchmark': 'step_time', **vars(arguments), **numbers}))


if __name__ == '__main__':
    main()
