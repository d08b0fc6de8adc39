"""tokenizer.json files: trained ones, hidden marks, roles of tokens, damage."""

import contextlib
import json
import random
import subprocess
import sys

import pytest
import tokenizers as library

from jaxit.core.errors import UserError
from jaxit.text.huggingface import HuggingFaceTokenizer, train_bpe

TEXTS = ['the cat sat on the mat', 'the dog sat on the log', 'Zwölf Boxkämpfer jagen Viktor 😀'] * 3


def small_spec(**changes):
    tokenizer = library.Tokenizer(library.models.Unigram([('<pad>', 0.0), ('</s>', -9.0), ('<unk>', 0.0), ('▁', -2.0), ('s', -3.0), ('<', -3.0), ('/', -3.0), ('>', -3.0)], 2))  # fmt: skip
    tokenizer.pre_tokenizer = library.pre_tokenizers.Metaspace()
    tokenizer.decoder = library.decoders.Metaspace()
    tokenizer.add_special_tokens(['<pad>', '</s>'])
    tokenizer.add_tokens(['<think>', '<b>', '  '])
    return json.loads(tokenizer.to_str()) | changes


def load(spec, config=None, **overrides):
    companions = {} if config is None else {'tokenizer_config.json': json.dumps(config).encode()}
    return HuggingFaceTokenizer(json.dumps(spec).encode(), companions=companions, overrides=overrides)


def template(piece, i):
    processor = library.processors.TemplateProcessing(single=f'{piece} $A', special_tokens=[(piece, i)])
    return json.loads(processor.__getstate__())


def test_trained_ids_equal_the_librarys_own_and_come_back():
    tokenizer = train_bpe(TEXTS, 280)
    assert (tokenizer.pad_id, tokenizer.eos_id, tokenizer.bos_id) == (0, 1, 2)
    assert tokenizer.vocab_size == 280
    oracle = library.Tokenizer.from_str(tokenizer.content().decode())
    for text in (*TEXTS, ' the  cat\n\t漢字'):
        assert tokenizer.encode(text) == oracle.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode('the cat sat')) < len('the cat sat'), 'no pair was merged'
    assert {0, 1, 2}.isdisjoint(tokenizer.encode('<pad><eos><bos>'))


def test_with_a_prefix_space_a_word_is_the_same_tokens_wherever_it_stands():
    tokenizer = train_bpe(['the dog and the cat', 'a dog'] * 9, 300, prefix_space=True)
    assert tokenizer.encode('a dog')[-1:] == tokenizer.encode('dog')
    for text in ('dog', '\ndog', 'a  dog ', '漢字', ''):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_text_that_goes_on_has_no_blank_before_its_first_word():
    tokenizer = train_bpe(['the dog and the cat', 'a dog'] * 9, 300, prefix_space=True)
    assert (
        tokenizer.encode('dog') == tokenizer.encode(' dog', continues=True) != tokenizer.encode('dog', continues=True)
    )
    assert tokenizer.decode(tokenizer.encode('dog', continues=True)) == 'dog'
    plain = train_bpe(TEXTS, 280)
    assert plain.encode('dog', continues=True) == plain.encode('dog')


@pytest.mark.parametrize(
    'reader',
    [
        {'pre_tokenizer': {'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'always', 'split': True}},
        {'pre_tokenizer': {'type': 'Metaspace', 'replacement': '▁', 'add_prefix_space': True}},
        {
            'pre_tokenizer': None,
            'normalizer': {
                'type': 'Sequence',
                'normalizers': [
                    {'type': 'Prepend', 'prepend': '▁'},
                    {'type': 'Replace', 'pattern': {'String': ' '}, 'content': '▁'},
                ],
            },
        },
    ],
    ids=['always', 'older', 'prepend'],
)
def test_every_way_to_put_a_blank_before_a_text_can_be_left_out(reader):
    tokenizer = load(small_spec(**reader))
    assert tokenizer.encode('s s') == [3, 4, 3, 4]
    assert tokenizer.encode('s s', continues=True) == [4, 3, 4]


def test_a_rendered_text_is_read_as_the_library_reads_it():
    tokenizer = load(small_spec())
    assert tokenizer.read('s</s>s s<think>') == [3, 4, 1, 3, 4, 3, 4, 8]


def test_training_gives_the_same_bytes_in_another_process():
    code = f'from jaxit.text.huggingface import train_bpe\nprint(train_bpe({TEXTS!r}, 300).sha256)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == train_bpe(iter(TEXTS), 300).sha256


def test_too_few_ids_for_bytes_are_refused():
    with pytest.raises(UserError, match='must be 259 or more'):
        train_bpe(TEXTS, 258)


def test_a_unigram_model_does_not_find_marks_in_its_own_vocabulary():
    spec = small_spec()
    plain = library.Tokenizer.from_str(json.dumps(spec))
    plain.encode_special_tokens = True
    assert 1 in plain.encode('s</s>', add_special_tokens=False).ids, 'the danger that this test is about is gone'
    tokenizer = load(spec)
    assert tokenizer.encode('s</s>') == [3, 4, 5, 6, 4, 7]
    assert tokenizer.specials == {'<pad>': 0, '</s>': 1, '<think>': 8}
    assert 8 not in tokenizer.encode('<think>')
    assert {0, 1, 8}.isdisjoint(tokenizer.encode('\ufdd00 \ufdd01 \ufdd08')), 'a hidden name was found in text'
    assert 9 in tokenizer.encode('<b>') and 10 in tokenizer.encode('s  s'), 'added text tokens stay text tokens'


def test_a_pair_model_does_not_merge_its_way_to_a_mark():
    vocab = {'<': 0, 't': 1, '>': 2, '<t': 3, '<t>': 4}
    plain = library.Tokenizer(library.models.BPE(vocab, [('<', 't'), ('<t', '>')]))
    plain.add_special_tokens(['<t>'])
    plain.encode_special_tokens = True
    assert plain.encode('<t>').ids == [4], 'the danger that this test is about is gone'
    tokenizer = load(json.loads(plain.to_str()), eos='<t>')
    assert tokenizer.encode('<t>') == [3, 2] and tokenizer.eos_id == 4


def test_roles_come_from_the_configuration_the_processor_or_known_names():
    spec = small_spec()
    assert (load(spec).pad_id, load(spec).bos_id, load(spec).eos_id) == (0, None, 1)
    config = {'eos_token': {'content': '<think>'}, 'bos_token': '</s>'}
    assert (load(spec, config).eos_id, load(spec, config).bos_id) == (8, None)
    assert load(spec, config | {'add_bos_token': True}).bos_id == 1
    begins = spec | {'post_processor': template('<pad>', 0)}
    assert load(begins, config).bos_id == 0
    assert load(begins, config | {'add_bos_token': False}).bos_id is None
    sequence = {'type': 'Sequence', 'processors': [{'type': 'ByteLevel'}, template('<pad>', 0)]}
    assert load(spec | {'post_processor': sequence}).bos_id == 0
    assert load(spec, config, eos='</s>').eos_id == 1


def test_pad_is_eos_where_there_is_none():
    spec = small_spec()
    spec['added_tokens'] = [token for token in spec['added_tokens'] if token['content'] != '<pad>']
    assert load(spec).pad_id == load(spec).eos_id == 1


def test_without_an_end_token_the_error_says_so():
    spec = small_spec()
    spec['added_tokens'] = []
    with pytest.raises(UserError, match='name one with eos='):
        load(spec)


def test_truncation_and_padding_of_the_file_are_not_obeyed():
    tokenizer = library.Tokenizer.from_str(train_bpe(TEXTS, 280).content().decode())
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    ids = HuggingFaceTokenizer(tokenizer.to_str().encode()).encode('xyz xyz')
    assert len(ids) == 7


def test_a_panic_of_the_library_is_the_users_error(capfd):
    spec = json.loads(train_bpe(TEXTS, 280).content())
    spec['pre_tokenizer'] = {'type': 'Split', 'pattern': {'Regex': '(a+)+$'}, 'behavior': 'Isolated', 'invert': False}
    with pytest.raises(UserError, match='a text of 36 characters cannot be read'):
        load(spec).encode('a' * 35 + 'b')
    capfd.readouterr()  # Rust prints its panic


def test_damaged_files_load_or_say_so(capfd):
    content = json.dumps(small_spec()).encode()
    draw = random.Random(7)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        with contextlib.suppress(UserError):
            HuggingFaceTokenizer(bytes(damaged)).encode('s </s> x')
    capfd.readouterr()
