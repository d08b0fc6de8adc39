"""The bridge to SeqIO, in one process of its own: TensorFlow is slow to import and warns a lot."""

import json
import subprocess
import sys

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks.tensorflow_sources import SeqioTask, Tfds, plain

SCRIPT = """
import json, sys, tempfile
import numpy as np
import seqio, tensorflow as tf, tensorflow_datasets as tfds
from jaxit.core.errors import UserError
from jaxit.data.cache import TokenCache
from jaxit.tasks import caching, registry, rendering, seqio_bridge
from jaxit.tasks.sources import Python
from jaxit.tasks.tensorflow_sources import SeqioTask, Tfds
from jaxit.text import tokenizers
from jaxit.text.examples import TokenFormat

result, root = {}, tempfile.mkdtemp()
tokenizer = tokenizers.load('bytes')
vocabulary = seqio_bridge.as_vocabulary(tokenizer)

def compare(name, split, token_format):
    task = registry.get_task(name)
    theirs = list(seqio.get_mixture_or_task(name).get_dataset(None, split, shuffle=False).as_numpy_iterator())
    cache = TokenCache.open(caching.build(task, split, tokenizer, token_format, root))
    ours = [cache.example(i) for i in range(cache.num_examples)]
    assert len(theirs) == len(ours) > 9
    for (tokens, (border,)), record in zip(ours, theirs):
        assert np.array_equal(record['inputs'], tokens[:border]) and np.array_equal(record['targets'], tokens[border:])
    return theirs

t5 = TokenFormat(True, 40, 12)
seqio_bridge.register('primer_capital', tokenizer, t5)
records = compare('primer_capital', 'validation', t5)
# SeqIO's own tokenisation of the same text, trimmed with its own helper, gives the same ids.
examples = list(rendering.examples(registry.get_task('primer_capital'), 'validation'))
features = seqio.get_mixture_or_task('primer_capital').output_features
texts = tf.data.Dataset.from_tensor_slices({'inputs': [e.inputs for e in examples], 'targets': [e.targets for e in examples]})
own = seqio.preprocessors.tokenize(texts, features, copy_pretokenized=False)
own = seqio.preprocessors.append_eos_after_trim(own, features, sequence_length={'inputs': 40, 'targets': 12})
result['own'] = all(
    np.array_equal(a[k], b[k]) for a, b in zip(own.as_numpy_iterator(), records) for k in ('inputs', 'targets')
)
result['pretokenized'] = [records[0]['inputs_pretokenized'].decode(), records[0]['targets_pretokenized'].decode()]
result['first'] = [examples[0].inputs[:39], examples[0].targets[:11]]

decoder = TokenFormat(False, 60, 20)
seqio_bridge.register_mixture(registry.Mixture('two', (('primer_colour', 0.25), ('primer_replay', 0.5))), tokenizer, decoder)
compare('primer_colour', 'test', decoder)
compare('primer_replay', 'test', decoder)
mixture = seqio.get_mixture_or_task('two')
result['rates'] = [mixture.get_rate(task) for task in mixture.tasks]
result['names'] = [task.name for task in mixture.tasks]
result['mixed'] = len(list(mixture.get_dataset(None, 'test', shuffle=True, seed=1, num_epochs=1).take(5)))

for bad in (lambda: seqio_bridge.register('primer_capital', tokenizer, t5), lambda: SeqioTask('primer_kapital').splits):
    try:
        bad()
    except UserError as error:
        result.setdefault('errors', []).append(str(error))

result['encode'] = [vocabulary.encode('Häuser'), vocabulary.encode_tf('Häuser').numpy().tolist()]
result['decode'] = [vocabulary.decode(vocabulary.encode('Häuser')), vocabulary.decode_tf(tf.constant(tokenizer.encode('Häuser'))).numpy().decode()]
result['facts'] = [vocabulary.vocab_size, vocabulary.eos_id, vocabulary.bos_id, vocabulary.pad_id, vocabulary.unk_id]
result['equal'] = [vocabulary == seqio_bridge.as_vocabulary(tokenizer), vocabulary == seqio.ByteVocabulary()]

# A task that is at home in SeqIO, as a source of ours.
def native(split, shuffle_files, seed=None):
    return tf.data.Dataset.from_tensor_slices({'inputs': ['Zwei Wörter', 'three'], 'targets': ['x', 'y'], 'weight': [1, 2]})

seqio.TaskRegistry.add('native', source=seqio.FunctionDataSource(native, splits=['train'], num_input_examples={'train': 2}),
    preprocessors=[seqio.preprocessors.tokenize, seqio.preprocessors.append_eos],
    output_features={name: seqio.Feature(seqio.ByteVocabulary()) for name in ('inputs', 'targets')})
source = SeqioTask('native')
result['native'] = [list(source.splits), list(source.records('train')), source.num_examples('train'), source.fingerprint('train')]
cache = TokenCache.open(caching.build(registry.Task('theirs', source), 'train', tokenizer, t5, root))
result['native_cache'] = tokenizer.decode(cache.example(0)[0])

# A TensorFlow dataset, written here so that nothing is fetched.
class Tiny(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version('1.0.0')
    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(
            {'text': tfds.features.Text(), 'label': tfds.features.ClassLabel(num_classes=3), 'all': tfds.features.Sequence(tfds.features.Text())}))
    def _split_generators(self, manager):
        return {'train': self._generate_examples()}
    def _generate_examples(self):
        for i in range(6):
            yield i, {'text': f'Größe {i}', 'label': i % 3, 'all': ['a', 'ß']}

Tiny(data_dir=root).download_and_prepare()
for data_dir in (root, tempfile.mkdtemp()):
    source = Tfds('tiny:1.0.0', {'train': 'train[:4]', 'validation': 'train[4:]', 'test': 'test'}, data_dir)
    try:
        result['tfds'] = [list(source.records('validation')), source.num_examples('train'), source.fingerprint('train') != source.fingerprint('validation')]
        source.num_examples('test')
    except UserError as error:
        result.setdefault('tfds_errors', []).append(str(error))
print('RESULT' + json.dumps(result))
"""


@pytest.fixture(scope='module')
def result():
    done = subprocess.run([sys.executable, '-c', SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.split('RESULT')[1])


@pytest.mark.tasks
def test_seqio_yields_the_ids_of_the_cache(result):
    assert result['own'] is True  # and the script compared them all
    assert result['pretokenized'] == result['first']


@pytest.mark.tasks
def test_a_mixture_is_registered_with_its_rates(result):
    assert dict(zip(result['names'], result['rates'], strict=True)) == {'primer_colour': 0.25, 'primer_replay': 0.5}
    assert result['mixed'] == 5


@pytest.mark.tasks
def test_the_vocabulary_is_the_tokenizers(result):
    ids = [byte + 3 for byte in 'Häuser'.encode()]
    assert result['encode'] == [ids, ids]
    assert result['decode'] == ['Häuser', 'Häuser']
    assert result['facts'] == [384, 1, None, 0, None]
    assert result['equal'] == [True, False]


@pytest.mark.tasks
def test_a_task_of_seqio_is_a_source(result):
    splits, records, size, fingerprint = result['native']
    assert splits == ['train'] and size == 2 and len(fingerprint) == 64
    assert [(r['inputs'], r['targets'], r['weight']) for r in records] == [('Zwei Wörter', 'x', 1), ('three', 'y', 2)]
    assert result['native_cache'] == 'Zwei Wörterx'


@pytest.mark.tasks
def test_a_tensorflow_dataset_is_a_source(result):
    records, size, differ = result['tfds']
    rows = [{'text': f'Größe {i}', 'label': i % 3, 'all': ['a', 'ß']} for i in range(6)]
    assert len(records) == 2 and size == 4 and differ
    assert all(record in rows for record in records)


@pytest.mark.tasks
def test_what_is_not_there_is_named(result):
    assert result['errors'][0].startswith("SeqIO has a task or mixture 'primer_capital' already")
    assert result['errors'][1].startswith("unknown SeqIO task 'primer_kapital'; did you mean primer_capital")
    assert len(result['tfds_errors']) == 2 and all('is not prepared under' in error for error in result['tfds_errors'])


def test_without_tensorflow_the_extra_is_named(monkeypatch):
    for package, use in (
        ('seqio', lambda: SeqioTask('x').splits),
        ('tensorflow_datasets', lambda: Tfds('x', {'train': 'train'}).num_examples('train')),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(UserError, match=rf"{package} is not installed; it comes with the extra 'tasks'"):
            use()


def test_values_become_plain():
    import numpy as np

    value = {
        'a': np.int64(3),
        'b': np.array([b'x', 'ä'.encode()], object),
        'c': [np.float32(0.5)],
        'd': b'\xc3\xa4',
        'e': True,
    }
    assert plain(value) == {'a': 3, 'b': ['x', 'ä'], 'c': [0.5], 'd': 'ä', 'e': True}
    assert type(plain(value)['a']) is int
