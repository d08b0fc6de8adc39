"""jaxit's tasks as tasks of SeqIO, for pipelines that read from its registry.

The ids are those of our cache, since they come from the same place. The other direction, a SeqIO
task as a source of ours, is `tensorflow_sources.SeqioTask`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from jaxit.core.errors import UserError, missing_extra
from jaxit.tasks.caching import rows
from jaxit.tasks.registry import Mixture, Task, get_task, resolve
from jaxit.text.base import Tokenizer
from jaxit.text.examples import TokenFormat


def register(task: Task | str, tokenizer: Tokenizer, token_format: TokenFormat, *, seed: int = 0) -> Any:
    """Registers a task with SeqIO under its name and returns the SeqIO task.

    Its features are `inputs` and `targets`, ids as they stand in our cache: EOS, BOS and separator are there, and the
    lengths are those of the format. `seqio.get_mixture_or_task(name).get_dataset(None, split)` yields them.

    Args:
        task: a jaxit task or its name.
        tokenizer: makes the ids.
        token_format: lengths and layout.
        seed: of template draws.
    """
    seqio = _seqio()
    import tensorflow as tf

    task = get_task(task) if isinstance(task, str) else task
    signature = {
        'inputs': tf.TensorSpec([None], tf.int32),
        'targets': tf.TensorSpec([None], tf.int32),
        'inputs_pretokenized': tf.TensorSpec([], tf.string),
        'targets_pretokenized': tf.TensorSpec([], tf.string),
    }

    def dataset(split: str, shuffle_files: bool = False, seed: int | None = None) -> Any:
        del shuffle_files, seed  # the order is the source's; SeqIO shuffles the dataset itself
        return tf.data.Dataset.from_generator(lambda: made(split), output_signature=signature)

    def made(split: str) -> Iterator[dict[str, Any]]:
        return _features(task, split, tokenizer, token_format, template_seed)

    template_seed = seed
    sizes = {split: size for split in task.splits if (size := task.source.num_examples(split)) is not None}
    vocabulary = as_vocabulary(tokenizer)
    return _add(
        seqio.TaskRegistry,
        task.name,
        source=seqio.FunctionDataSource(dataset, splits=task.splits, num_input_examples=sizes or None),
        preprocessors=[],
        output_features={name: seqio.Feature(vocabulary, add_eos=True) for name in ('inputs', 'targets')},
        metric_fns=[],
    )


def register_mixture(mixture: Mixture | str, tokenizer: Tokenizer, token_format: TokenFormat, *, seed: int = 0) -> Any:
    """Registers a mixture and its tasks with SeqIO, nested mixtures flattened; arguments as for `register`."""
    seqio = _seqio()
    components = resolve(mixture)
    for task, _ in components:
        register(task, tokenizer, token_format, seed=seed)
    name = mixture if isinstance(mixture, str) else mixture.name
    return _add(seqio.MixtureRegistry, name, [(task.name, rate) for task, rate in components])


def as_vocabulary(tokenizer: Tokenizer) -> Any:
    """Returns a `seqio.Vocabulary` that encodes and decodes with a tokenizer."""
    seqio = _seqio()
    import tensorflow as tf

    class TokenizerVocabulary(seqio.Vocabulary):
        """A tokenizer of jaxit behind SeqIO's interface."""

        def __init__(self) -> None:
            super().__init__(extra_ids=0)

        @property
        def bos_id(self) -> int | None:
            return tokenizer.bos_id

        @property
        def eos_id(self) -> int:
            return tokenizer.eos_id

        @property
        def unk_id(self) -> None:
            return None

        @property
        def pad_id(self) -> int:
            return tokenizer.pad_id

        @property
        def _base_vocab_size(self) -> int:
            return tokenizer.vocab_size

        def _encode(self, s: str) -> list[int]:
            return tokenizer.encode(s)

        def _decode(self, ids: Sequence[int]) -> str:
            return tokenizer.decode(ids)

        def _encode_tf(self, s: Any) -> Any:
            def encode(text: Any) -> Any:
                return tf.constant(tokenizer.encode(text.numpy().decode()), tf.int32)

            return tf.ensure_shape(tf.py_function(encode, [s], tf.int32), [None])

        def _decode_tf(self, ids: Any) -> Any:
            def decode(row: Any) -> str:
                return tokenizer.decode(row.numpy().tolist())

            return tf.ensure_shape(tf.py_function(decode, [ids], tf.string), [])

        def __eq__(self, other: object) -> bool:
            return isinstance(other, seqio.Vocabulary) and getattr(other, 'sha256', None) == tokenizer.sha256

        @property
        def sha256(self) -> str:
            return tokenizer.sha256

    return TokenizerVocabulary()


def _features(
    task: Task, split: str, tokenizer: Tokenizer, token_format: TokenFormat, seed: int
) -> Iterator[dict[str, Any]]:
    for row in rows(task, split, tokenizer, token_format, seed=seed):
        border, *others = row.boundaries
        if others:
            raise UserError(
                f'task {task.name!r}, {task.source.locate(split, row.source_row)}: more than one reply; '
                'the inputs and targets of SeqIO hold one'
            )
        inputs, targets = row.tokens[:border], row.tokens[border:]
        yield {
            'inputs': inputs,
            'targets': targets,
            'inputs_pretokenized': tokenizer.decode(inputs),
            'targets_pretokenized': tokenizer.decode(targets),
        }


def _add(registry: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    if name in registry.names():
        raise UserError(f'SeqIO has a task or mixture {name!r} already; register it once, or under another name')
    return registry.add(name, *args, **kwargs)


def _seqio() -> Any:
    try:
        import seqio
    except ImportError:
        raise missing_extra('seqio', 'tasks') from None
    return seqio
