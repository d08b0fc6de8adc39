"""T3: the border between prompt and response is where inference puts it, whatever the tokenizer would merge."""

import itertools

import jax
import numpy as np
import pytest
from tiny_models import KINDS, batch_of, documents, model_of, params_of

from jaxit.decoding.scoring import score
from jaxit.text import chat, tokenizers
from jaxit.text.chat import ChatFormat, Turn
from jaxit.text.examples import Example, Part, TokenFormat, ordinary, prompt_ids, tokenize
from jaxit.training.losses import LossConfig, response_loss

THINKING = ChatFormat(
    'thinking',
    user=Turn((Part('<|im_start|>', special=True), Part('user\n')), (Part('<|im_end|>', special=True),)),
    assistant=Turn(
        (Part('<|im_start|>', special=True), Part('assistant\n<think>\n')), (Part('<|im_end|>', True, True),)
    ),
)
TALK = [{'role': 'user', 'content': 'The quick brow'}, {'role': 'assistant', 'content': 'n fox'}]
EXAMPLES = {
    'merge across': ordinary('The quick brow', 'n fox'),
    'ends in a space': ordinary('the quick ', 'brown fox'),
    'ends in the separator': ordinary('the quick\n', '\nbrown'),
    'newlines on both sides': ordinary('the quick\n\n', '\n\nbrown'),
    'no inputs': ordinary('', 'brown fox'),
    'chat': Example(chat.to_parts(TALK, 'chatml')),
    'thinking': Example(chat.to_parts(TALK, THINKING)),
}
FORMATS = {
    'decoder': TokenFormat(False, 60, 60),
    'no separator': TokenFormat(False, 60, 60, separator=''),
    't5': TokenFormat(True, 60, 60),
    'cut': TokenFormat(False, 10, 4),
    't5 cut': TokenFormat(True, 6, 3, cut='start'),
}


def test_the_hazard_is_real(marked):
    """Tokenised as one text, the response begins in the middle of a token."""
    prompt, whole = marked.encode('The quick brow'), marked.encode('The quick brown fox')
    assert whole[: len(prompt)] != prompt


def cases():
    """Every combination but marks that bytes lack or a short prompt has no room for, and a row of bytes without a prompt."""
    for vocabulary, name, format in itertools.product(('marked', 'bytes'), EXAMPLES, FORMATS):
        chats = name in ('chat', 'thinking')
        if chats and (vocabulary == 'bytes' or 'cut' in format):
            continue
        if name == 'no inputs' and vocabulary == 'bytes' and not FORMATS[format].encoder_decoder:
            continue
        yield vocabulary, name, format


@pytest.mark.parametrize(('vocabulary', 'name', 'format'), [*cases()])
def test_training_sees_the_prompt_of_inference(marked, vocabulary, name, format):
    tokenizer = marked if vocabulary == 'marked' else tokenizers.load('bytes')
    example, format = EXAMPLES[name], FORMATS[format]
    made = tokenize(example, tokenizer, format)
    prompt = prompt_ids(example, tokenizer, format)
    question = Example(example.parts[: next(i for i, part in enumerate(example.parts) if part.loss)])
    assert prompt == prompt_ids(question, tokenizer, format)  # with and without the reply at hand
    assert made.tokens[: len(prompt)].tolist() == prompt
    assert made.boundaries == (len(prompt),)
    reply = ''.join(part.text for part in example.parts if part.loss and not part.special)
    learned = tokenizer.decode(made.tokens[len(prompt) :])
    assert learned == reply if not made.cut_targets else reply.startswith(learned)


@pytest.mark.parametrize('kind', KINDS)
def test_the_loss_of_training_is_the_likelihood_of_inference(kind):
    """The same ids through the two paths: packed rows with a loss mask, and a prompt with its completion."""
    docs = documents(np.random.default_rng(2), [(5, 4), (1, 6), (3, 1)])
    batch = batch_of(kind, [docs, []], target_length=20, source_length=10)
    model, params = model_of(kind), params_of(kind)
    run = jax.jit(lambda params: response_loss(model, params, batch, LossConfig(chunk_length=3), num_tasks=1))
    scores = score(model, params, [d.inputs for d in docs], [d.targets for d in docs])
    out = run(params)
    assert float(out.loss_sum) == pytest.approx(-scores.sums.sum(), rel=1e-5)
    assert float(out.weight_sum) == scores.counts.sum() == 11
