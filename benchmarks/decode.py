"""How fast text is generated: tokens/s of greedy decoding with a key/value cache.

    python benchmarks/decode.py        the decoder of step_time.py, 8 prompts of 128 tokens, 64 new tokens each

Random weights that never end a text. Prints one JSON line; seconds hold prompt and new tokens, without compilation.
"""

import argparse
import json
import statistics
import time

import jax
import numpy as np
from step_time import DECODER

from jaxit.decoding.engine import Engine
from jaxit.models.execution import Execution
from jaxit.models.registry import build


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--dtype', default='float32')
    parser.add_argument('--batch_size', type=int, default=8)
    parser.add_argument('--prompt', type=int, default=128, help='tokens')
    parser.add_argument('--new', type=int, default=64, help='tokens')
    parser.add_argument('--repeats', type=int, default=5)
    arguments = parser.parse_args()
    model = build(DECODER, Execution(dtype=arguments.dtype))
    engine = Engine(model, model.init(jax.random.key(0)), (), batch_size=arguments.batch_size)
    shape = arguments.batch_size, arguments.prompt
    prompts = np.random.default_rng(0).integers(3, DECODER.vocab_size, shape).tolist()
    wall, cpu = [], []
    for _ in range(1 + arguments.repeats):
        began, began_cpu = time.perf_counter(), time.process_time()
        written = engine.generate(prompts, max_new_tokens=arguments.new)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
    assert all(len(completion.ids) == arguments.new for completion in written)
    tokens = arguments.batch_size * arguments.new
    numbers = {
        'seconds': round(statistics.median(wall[1:]), 4),
        'tokens_per_second': round(tokens / statistics.median(wall[1:]), 1),
        'tokens_per_cpu_second': round(tokens / statistics.median(cpu[1:]), 1),
        'first_call_seconds': round(wall[0], 2),
    }
    print(json.dumps({'benchmark': 'decode', **vars(arguments), **numbers}))


if __name__ == '__main__':
    main()
