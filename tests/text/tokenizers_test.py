"""Tokenizers of real vocabularies, against the libraries and SeqIO run directly."""

import json
import pickle
import subprocess
import sys

import pytest
import sentencepiece
import tokenizers as library

from jaxit.core.errors import UserError
from jaxit.text import tokenizers

TEXTS = (
    'Translate to German: The house is wonderful.',
    'Ça coûte 3,50 € - déjà vu, naïve, Ærøskøbing, Łódź',
    '漢字かな交じり文。这是一个测试',
    'smile 😀 family 👨‍👩‍👧 flag 🇩🇪',
    'line one\nline two\n\n\n  indented\ttab\t\ttwo  spaces   three ',
    ' leading space, trailing newline\n',
    'code: if (x <= 3) { return "a\\n"; }',
    '',
    ' ',
)
MARKS = (
    '</s> <s> <pad> <eos> <bos> <mask> <extra_id_0> <extra_id_99> <start_of_turn> <end_of_turn> <unused7> [INST] [/INST]'
    ' [REFERENCE_DOC_3] <|im_start|> <|im_end|> <|endoftext|> <think> </think> <tool_call> <|eot_id|> <|reserved_special'
    '_token_3|> <repo_name><|im_end|>\n<|im_start|>assistant\n</s></s>'
)
# folder, size, (pad, bos, eos), whether text comes back exactly
VOCABULARIES = (
    ('t5', 32_100, (0, None, 1), False),
    ('mt5', 250_100, (0, None, 1), False),
    ('llama2', 32_000, (2, 1, 2), True),
    ('gemma3', 262_144, (0, 2, 1), True),
    ('mistral_v3', 32_768, (2, 1, 2), True),
    ('smollm2', 49_152, (0, None, 0), True),
    ('qwen3', 151_669, (151_643, None, 151_645), True),
    ('gpt2', 50_257, (50_256, None, 50_256), True),
    ('llama3', 128_256, (128_004, 128_000, 128_001), True),
)
SEQIO_SCRIPT = """
import json, sys
import seqio
request = json.load(sys.stdin)
vocabularies = {name: seqio.SentencePieceVocabulary(path, extra) for name, (path, extra) in request['models'].items()}
vocabularies['bytes'] = seqio.ByteVocabulary(extra_ids=125)
print('RESULT' + json.dumps({name: [
    vocabulary.vocab_size, vocabulary.pad_id, vocabulary.eos_id,
    [vocabulary.encode(text) for text in request['texts']],
    [vocabulary.decode(vocabulary.encode(text)) for text in request['texts']],
    vocabulary.decode([vocabulary.vocab_size - 1]),
] for name, vocabulary in vocabularies.items()}))
"""


@pytest.mark.shared_data
@pytest.mark.parametrize(('name', 'size', 'ids', 'exact'), VOCABULARIES)
def test_a_real_vocabulary(real, name, size, ids, exact):
    tokenizer = real(name)
    assert tokenizer.vocab_size == size
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id) == ids
    for text in TEXTS:
        assert not {*ids, *tokenizer.names} & set(tokenizer.encode(text)), 'a control id came out of plain text'
        if exact:
            assert tokenizer.decode(tokenizer.encode(text)) == text
    assert not set(tokenizer.names) & set(tokenizer.encode(MARKS)), 'a typed mark became a control id'
    if exact:
        assert tokenizer.decode(tokenizer.encode(MARKS)) == MARKS
    for piece, i in tokenizer.specials.items():
        assert tokenizer.special_id(piece) == i
        assert tokenizer.decode([i]) == '' and tokenizer.decode([i], keep_specials=True) == piece


@pytest.mark.shared_data
@pytest.mark.parametrize('name', ['t5', 'mistral_v3', 'smollm2', 'gpt2'])
def test_a_copy_is_the_same(real, tmp_path, name):
    tokenizer = real(name)
    tokenizers.save(tokenizer, tmp_path)
    for copy in (tokenizers.load(tmp_path), pickle.loads(pickle.dumps(tokenizer))):
        assert (copy.pad_id, copy.bos_id, copy.eos_id) == (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id)
        assert copy.sha256 == tokenizer.sha256
        assert copy.encode(TEXTS[1] + MARKS) == tokenizer.encode(TEXTS[1] + MARKS)


@pytest.mark.shared_data
@pytest.mark.parametrize('name', ['smollm2', 'qwen3', 'gpt2', 't5'])
def test_a_tokenizer_json_gives_the_librarys_ids(shared_data, real, name):
    path = shared_data / 'tokenizers' / name / 'tokenizer.json'
    oracle, tokenizer = library.Tokenizer.from_file(str(path)), real('t5/tokenizer.json' if name == 't5' else name)
    for text in TEXTS:
        ids = oracle.encode(text, add_special_tokens=False).ids
        assert tokenizer.encode(text) == ids
        assert tokenizer.decode(ids) == oracle.decode(ids)
    for piece, i in oracle.get_added_tokens_decoder().items():
        assert tokenizer.special_id(i.content) == piece


@pytest.mark.shared_data
@pytest.mark.parametrize('name', ['llama2', 'gemma3', 'mistral_v3'])
def test_a_sentencepiece_model_gives_the_librarys_ids(shared_data, real, name):
    path = shared_data / 'tokenizers' / name / 'tokenizer.model'
    oracle, tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(path)), real(name)
    for text in (*TEXTS, 'a <table> of <b>bold</b>'):
        assert tokenizer.encode(text) == oracle.encode(text)


@pytest.mark.shared_data
def test_marks_have_their_ids_when_asked_for_by_name(real):
    t5, gemma = real('t5'), real('gemma3')
    assert (t5.special_id('<extra_id_0>'), t5.special_id('<extra_id_99>')) == (32_099, 32_000)
    assert (gemma.special_id('<start_of_turn>'), gemma.special_id('<end_of_turn>')) == (105, 106)
    assert real('mt5').special_id('<extra_id_0>') == 250_099
    assert real('mistral_v3').special_id('[/INST]') == 4
    qwen = real('qwen3')
    assert (qwen.special_id('<|im_end|>'), qwen.special_id('<think>'), qwen.special_id('house')) == (
        151_645,
        151_667,
        None,
    )


@pytest.mark.parity
@pytest.mark.shared_data
@pytest.mark.parametrize('name', ['t5', 'llama2', 'smollm2', 'trained', 'bytes'])
def test_transformers_reads_what_is_saved(real, tmp_path, name):
    transformers = pytest.importorskip('transformers')
    made = {'trained': lambda: tokenizers.train_bpe(TEXTS, 300), 'bytes': lambda: tokenizers.load('bytes')}
    tokenizer = made[name]() if name in made else real(name)
    tokenizers.save(tokenizer, tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    begin = [] if tokenizer.bos_id is None else [tokenizer.bos_id]
    end = [tokenizer.eos_id] if name in ('t5', 'bytes') else []
    for text in TEXTS[:2]:
        assert theirs(text)['input_ids'] == [*begin, *tokenizer.encode(text), *end]
    assert (theirs.eos_token_id, theirs.pad_token_id) == (tokenizer.eos_id, tokenizer.pad_id)


@pytest.mark.tasks
@pytest.mark.shared_data
def test_ids_equal_seqios(shared_data):
    folder = shared_data / 'tokenizers'
    models = {
        't5': (str(folder / 't5' / 'spiece.model'), 100),
        'llama2': (str(folder / 'llama2' / 'tokenizer.model'), 0),
    }
    done = subprocess.run(
        [sys.executable, '-c', SEQIO_SCRIPT],
        input=json.dumps({'models': models, 'texts': TEXTS}),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout.split('RESULT')[1])
    ours = {name: tokenizers.load(path, extra_ids=extra) for name, (path, extra) in models.items()}
    ours['bytes'] = tokenizers.load('bytes')
    for name, (size, pad, eos, ids, texts, last) in theirs.items():
        tokenizer = ours[name]
        assert (tokenizer.vocab_size, tokenizer.eos_id) == (size, eos)
        assert [tokenizer.encode(text) for text in TEXTS] == ids
        assert [tokenizer.decode(i) for i in ids] == texts
        if name == 't5':
            assert tokenizer.pad_id == pad
            assert tokenizer.decode([size - 1], keep_specials=True) == last == '<extra_id_0>'


def test_bytes_are_byt5s():
    tokenizer = tokenizers.load('bytes')
    assert tokenizer.encode('aé</s>') == [100, 0xC3 + 3, 0xA9 + 3, 63, 50, 118, 65]
    assert (tokenizer.vocab_size, tokenizer.pad_id, tokenizer.eos_id, tokenizer.bos_id) == (384, 0, 1, None)
    assert (tokenizer.special_id('<extra_id_0>'), tokenizer.special_id('<extra_id_124>')) == (383, 259)
    assert tokenizer.decode([100, 1, 0xC3 + 3, 383, 999, -1, 101]) == 'ab'
    assert tokenizer.decode([100, 1, 101, 383], keep_specials=True) == 'a</s>b<extra_id_0>'


def test_bytes_come_back_from_a_folder(tmp_path):
    tokenizers.save(tokenizers.load('bytes'), tmp_path)
    assert tokenizers.load(tmp_path).sha256 == tokenizers.load('bytes').sha256


def test_half_a_surrogate_pair_is_the_datas_fault():
    for tokenizer in (tokenizers.load('bytes'), tokenizers.train_bpe(['ab'], 300)):
        with pytest.raises(UserError, match='Unicode at character 2'):
            tokenizer.encode('ok\ud800')


GARBAGE = (
    b'',
    b'{}',
    b'[]',
    b'null',
    b'\xff\xfe',
    b'not a tokenizer',
    b'[' * 100_000,
    b'{"model": {}}',
    b'{"model": {"type": "BPE"}}',
)


@pytest.mark.parametrize('name', ['tokenizer.json', 'tokenizer.model', 'tokenizer.tiktoken'])
@pytest.mark.parametrize('content', GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_names_the_file(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        tokenizers.load(tmp_path)
    assert str(tmp_path / name) in str(error.value) and '\n' not in str(error.value)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=f'{tmp_path} holds no tokenizer; looked for spiece.model'):
        tokenizers.load(tmp_path)
    with pytest.raises(UserError, match=r'nowhere\.json: No such file'):
        tokenizers.load(tmp_path / 'nowhere.json')
    tokenizers.save(tokenizers.train_bpe(['ab'], 300), tmp_path)
    with pytest.raises(UserError, match=r"unknown control token '<eoss>' in .* \(for eos\); did you mean <eos>"):
        tokenizers.load(tmp_path, eos='<eoss>')
    with pytest.raises(UserError, match='extra_ids is for SentencePiece'):
        tokenizers.load(tmp_path, extra_ids=100)
    with pytest.raises(UserError, match='fixed ids'):
        tokenizers.load('bytes', eos='<pad>')
    (tmp_path / 'tokenizer_config.json').write_text('{')
    with pytest.raises(UserError, match=r'tokenizer_config\.json beside it'):
        tokenizers.load(tmp_path)


def test_overrides_are_used_saved_and_hashed(tmp_path):
    tokenizer = tokenizers.train_bpe(['abc abd'], 300)
    tokenizers.save(tokenizer, tmp_path)
    changed = tokenizers.load(tmp_path, eos='<bos>', pad='<eos>')
    assert (changed.eos_id, changed.pad_id, changed.bos_id) == (2, 1, 2)
    assert changed.sha256 != tokenizer.sha256
    tokenizers.save(changed, tmp_path)
    assert tokenizers.load(tmp_path).sha256 == changed.sha256


def test_neither_tensorflow_nor_jax_is_imported():
    code = (
        'import sys\n'
        'from jaxit.text import answers, chat, examples, rouge, templates, tokenizers\n'
        'sys.exit(str({"tensorflow", "jax", "torch", "transformers"} & set(sys.modules)))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == 'set()'
