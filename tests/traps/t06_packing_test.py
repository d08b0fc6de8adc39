"""T6: documents packed into one row know nothing of each other.

Masks, positions, relative bias, cross-attention, sliding windows, the prefix of a prefix LM and the first token of each
document: every one of them must be of the document, never of the row.
"""

import dataclasses
import functools

import jax
import numpy as np
import pytest
from tiny_caches import cache_documents
from tiny_models import CONFIGS, KINDS, VOCAB, batch_of, documents, drawn
from tiny_runs import apart

from jaxit.data.loader import evaluation_batches
from jaxit.models.registry import build
from jaxit.training.losses import LossConfig, response_loss

SIZES = [(5, 4), (2, 7), (6, 3)]  # (inputs, targets)
T, S = 25, 14
VARIANTS = {
    'decoder': CONFIGS['decoder'],
    'prefix_lm': dataclasses.replace(CONFIGS['decoder'], prefix_lm=True),
    't5': CONFIGS['t5'],
    't5_untied': dataclasses.replace(CONFIGS['t5'], tied_head=False, activation='relu', gated=False),
}


def family(variant):
    return 't5' if variant.startswith('t5') else 'decoder'


@functools.cache
def setup(variant):
    model = build(VARIANTS[variant])
    return model, drawn(model), jax.jit(model.apply)


def docs(seed=0):
    return documents(np.random.default_rng(seed), SIZES, num_tasks=2)


def rows_of(variant, rows):
    return batch_of(family(variant), rows, target_length=T, source_length=S, prefix=variant == 'prefix_lm')


def logits(variant, batch):
    _, params, apply = setup(variant)
    return np.asarray(apply(params, batch))


def spans(variant, packed):
    """Returns the (start, stop) of each document in its decoder row."""
    sizes = [len(d.targets) + (0 if family(variant) == 't5' else len(d.inputs) - 1) for d in packed]
    ends = np.cumsum(sizes)
    return list(zip(ends - sizes, ends, strict=True))


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1)], ids=['in order', 'permuted'])
def test_logits_of_packed_documents_are_those_of_the_documents_alone(variant, order):
    packed = [docs()[i] for i in order]
    together = logits(variant, rows_of(variant, [packed] * 3))[0]
    alone = logits(variant, rows_of(variant, [[document] for document in packed]))
    assert np.abs(alone[:, :3]).max() > 0.5  # there is something to compare
    for document, (start, stop) in zip(alone, spans(variant, packed), strict=True):
        difference = np.abs(together[start:stop] - document[: stop - start]).max()
        assert difference < 1e-5 * np.abs(document[: stop - start]).max()


@pytest.mark.parametrize('variant', VARIANTS)
def test_changing_one_document_changes_no_bit_of_the_others(variant):
    packed = docs()
    before = logits(variant, rows_of(variant, [packed] * 3))[0]
    for changed in range(3):
        other = list(packed)
        other[changed] = other[changed]._replace(
            inputs=[2 + (i + 5) % (VOCAB - 2) for i in other[changed].inputs],
            targets=[2 + (i + 9) % (VOCAB - 2) for i in other[changed].targets],
        )
        after = logits(variant, rows_of(variant, [other] * 3))[0]
        for index, (start, stop) in enumerate(spans(variant, packed)):
            same = np.array_equal(before[start:stop], after[start:stop])
            assert same == (index != changed)


@pytest.mark.parametrize('variant', VARIANTS)
def test_padding_tokens_change_no_bit(variant):
    batch = rows_of(variant, [docs()[:2]] * 3)
    before = logits(variant, batch)
    for side in ('decoder', 'encoder') if family(variant) == 't5' else ('decoder',):
        padding = batch[f'{side}_segment_ids'] == 0
        assert padding.any()
        batch[f'{side}_input_tokens'] = np.where(padding, 7, batch[f'{side}_input_tokens'])
    real = batch['decoder_segment_ids'] > 0
    np.testing.assert_array_equal(before[real], logits(variant, batch)[real])


@pytest.mark.parametrize('variant', VARIANTS)
def test_gradients_of_packed_rows_are_those_of_rows_with_one_document(variant):
    model, params, _ = setup(variant)
    packed = docs()
    gradient = jax.jit(
        jax.grad(lambda params, batch: response_loss(model, params, batch, LossConfig(chunk_length=4), num_tasks=2)[0])
    )
    together = rows_of(variant, [packed, [], []])
    alone = rows_of(variant, [[document] for document in packed])
    assert together['decoder_loss_weights'].sum() == alone['decoder_loss_weights'].sum()
    assert apart(gradient(params, together), gradient(params, alone)) < 1e-5


@pytest.mark.parametrize('kind', KINDS)
def test_the_rows_training_reads_are_the_rows_tested_here(tmp_path, kind):
    """And in them no position predicts the first token of the next document."""
    packed = [document._replace(task=1) for document in docs()]
    cache = cache_documents(tmp_path / 'cache', kind, packed)
    lengths = {'inputs': S if kind == 't5' else None, 'targets': T}
    [read] = evaluation_batches(cache, 2, lengths, pack=True, task_id=1)
    written = batch_of(kind, [packed, []], target_length=T, source_length=S)
    assert set(read) == set(written)
    for name, values in written.items():
        np.testing.assert_array_equal(read[name], values, err_msg=name)
    trained = read['decoder_target_tokens'][read['decoder_loss_weights'] > 0].tolist()
    assert trained == [token for document in packed for token in document.targets]
