"""Is an export the model that was trained? Compares jaxit and Hugging Face transformers on the same prompts.

    jaxit export --checkpoint RUN --to EXPORT
    python examples/check_export.py RUN EXPORT          needs the extra 'parity' (PyTorch and transformers)

Decoders only. Prints the largest difference of a logit, and whether both write the same greedy text; fails where they differ.
"""

import argparse
import sys

import jax
import numpy as np
import torch
import transformers

import jaxit
from jaxit.cli.loaded import Loaded

PROMPTS = (
    'Mia was tired of winter, so she booked a flight to the south.\n\nIs it certain that Mia likes the cold?\n\nOPTIONS:\n- yes\n- no',
    'Name the capital of Italy.',
    'Why do we see lightning before we hear thunder? Give the reasons before the answer.',
)
TOLERANCE = 1e-4
NEW_TOKENS = 32


def logits_of_jaxit(loaded: Loaded, ids: list[int]) -> np.ndarray:
    """Returns float32 logits [T, V]."""
    tokens = np.asarray([ids], np.int32)
    batch = {
        'decoder_input_tokens': tokens,
        'decoder_segment_ids': np.ones_like(tokens),
        'decoder_positions': np.arange(len(ids), dtype=np.int32)[None],
    }
    return np.asarray(jax.jit(loaded.model.apply)(loaded.params, batch))[0]


def main() -> int:
    """Reads the command line, compares, returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('run', help='a run folder or a checkpoint')
    parser.add_argument('export', help='the folder that jaxit export wrote')
    arguments = parser.parse_args()
    loaded = jaxit.load(arguments.run)
    other = transformers.AutoModelForCausalLM.from_pretrained(arguments.export, dtype=torch.float32).eval()
    ours = jaxit.generate(loaded, list(PROMPTS), max_new_tokens=NEW_TOKENS)
    same = True
    for prompt, text in zip(PROMPTS, ours, strict=True):
        ids = loaded.prompt_ids(prompt)
        with torch.no_grad():
            theirs = other(torch.tensor([ids])).logits[0].numpy()
            written = other.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                eos_token_id=loaded.tokenizer.eos_id,
            )[0, len(ids) :].tolist()
        if loaded.tokenizer.eos_id in written:
            written = written[: written.index(loaded.tokenizer.eos_id)]
        difference = float(np.abs(logits_of_jaxit(loaded, ids) - theirs).max())
        equal = loaded.tokenizer.decode(written) == text
        same = same and equal and difference <= TOLERANCE
        print(f'{len(ids)} tokens: largest difference {difference:.1e}, same text: {equal}: {text!r}')
    return 0 if same else 1


if __name__ == '__main__':
    sys.exit(main())
