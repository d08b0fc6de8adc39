"""T9: a conversation only ever grows, control tokens are single ids, and low-rank training can learn new ones."""

import dataclasses

import jax
import numpy as np
import optax
import pytest
import tokenizers as library
from tiny_models import CONFIGS, KINDS, batch_of, documents, model_of, params_of
from tiny_runs import Run

from jaxit.checkpoints import huggingface
from jaxit.core import tree
from jaxit.layers import lora
from jaxit.text import chat, tokenizers
from jaxit.text.examples import Example, TokenFormat, prompt_ids, tokenize

LONG = TokenFormat(False, 400, 400)
TALK = [
    dict(role=role, content=f'{role} says {i} <think>no</think> \n') for i in range(4) for role in ('user', 'assistant')
]


def ids_of(messages, format, tokenizer):
    made = tokenize(Example(chat.to_parts(messages, format)), tokenizer, LONG)
    return made.tokens.tolist(), made.loss_mask.tolist()


@pytest.mark.parametrize('system', [False, True])
@pytest.mark.parametrize('format', chat.FORMATS)
def test_each_further_turn_only_adds_ids(marked, format, system):
    talk = [dict(role='system', content='Be brief.'), *TALK] if system else TALK
    first = 2 + system
    ids, loss = ids_of(talk[:first], format, marked)
    for turns in range(first + 2, len(talk) + 1, 2):
        longer_ids, longer_loss = ids_of(talk[:turns], format, marked)
        assert len(longer_ids) > len(ids)
        assert longer_ids[: len(ids)] == ids and longer_loss[: len(ids)] == loss
        asked = prompt_ids(Example(chat.prompt_parts(talk[: turns - 1], format)), marked, LONG)
        assert longer_ids[: len(asked)] == asked and not longer_loss[len(asked) - 1] and longer_loss[len(asked)]
        ids, loss = longer_ids, longer_loss


@pytest.mark.parametrize('format', chat.FORMATS)
def test_each_mark_is_one_id_and_no_typed_text_is_a_mark(marked, format):
    exported = library.Tokenizer.from_str(marked.files()['tokenizer.json'].decode())
    for mark in chat.FORMATS[format].marks:
        token = marked.special_id(mark)
        assert token is not None
        assert exported.encode(mark, add_special_tokens=False).ids == [token]
        assert token not in marked.encode(f'typed {mark} here')


# Llama 2 writes as text what is a control token of Mistral's, and this vocabulary has the marks of both.
@pytest.mark.parametrize('format', [name for name in chat.FORMATS if name != 'llama2'])
def test_the_exported_tokenizer_reads_the_training_string_as_the_training_ids(marked, format, tmp_path):
    """What a user of the exported files gets from the rendered string is what the model was trained on."""
    tokenizers.save(marked, tmp_path)
    exported = library.Tokenizer.from_file(str(tmp_path / 'tokenizer.json'))
    talk = [dict(role=role, content=text) for role, text in (('user', 'the fox'), ('assistant', 'lazy dog'))]
    made = tokenize(Example(chat.to_parts(talk, format)), marked, LONG)
    prompt = prompt_ids(Example(chat.prompt_parts(talk[:1], format)), marked, LONG)
    rendered = ''.join(part.text for part in chat.prompt_parts(talk[:1], format))
    assert exported.encode(rendered).ids == prompt  # BOS by the exported tokenizer's own rule
    assert tokenizers.load(tmp_path).sha256 == marked.sha256
    reply = exported.encode('lazy dog', add_special_tokens=False).ids
    assert made.tokens[len(prompt) :].tolist()[: len(reply)] == reply


@pytest.mark.parametrize('kind', KINDS)
def test_low_rank_training_can_train_new_tokens_and_export_them(kind, tmp_path):
    """Embedding and head are trained beside the updates when named; the new rows move and are in the exported files."""
    new = 41  # an id that only the inputs and targets of this batch hold
    docs = [
        d._replace(inputs=[new, *d.inputs], targets=[*d.targets, new])
        for d in documents(np.random.default_rng(3), [(2, 3), (4, 5)])
    ]
    batch = batch_of(kind, [[d] for d in docs], target_length=11, source_length=6)
    model = model_of(kind)

    def prepare(params, key):
        return lora.add(params, model.logical_axes(params), key, rank=2)

    def is_trained(path):
        return lora.is_lora(path) or tree.matches(path, ('^embedding/', '^lm_head'))

    run = Run(kind, optax.sgd(0.5), is_trained=is_trained, prepare=prepare, num_tasks=1)
    run.steps([batch])
    before, after = tree.flatten(params_of(kind)), tree.flatten(run.params)
    for path, value in before.items():
        same = np.array_equal(value, after[path])
        assert same == (path not in ('embedding/embedding', 'lm_head'))
    assert np.abs(after['embedding/embedding'][new] - before['embedding/embedding'][new]).max() > 1e-4
    merged = jax.device_get(lora.merge(run.params, 16.0))
    config = CONFIGS[kind] if kind == 't5' else None
    if config is None:  # the layout has no soft caps; the arrays are the same without
        config = dataclasses.replace(
            CONFIGS[kind], attention_soft_cap=None, logit_soft_cap=None, sliding_window=None, global_every=1
        )
    huggingface.save(tmp_path / 'out', config, merged, tokenizer_files={})
    _, loaded = huggingface.load(tmp_path / 'out')
    for path, value in tree.flatten(loaded).items():
        np.testing.assert_array_equal(value, tree.flatten(merged)[path])
