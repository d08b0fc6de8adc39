"""Super-NaturalInstructions: names, splits, prompts written out by hand, draws, what is parsed when, and refusals."""

import dataclasses
import json
import logging

import pytest
import tokenizers as tokenizers_lib

from jaxit.cli import suites as suite_files
from jaxit.cli.experiment import DataConfig
from jaxit.core.errors import UserError
from jaxit.evaluation.suite_files import load_suite
from jaxit.tasks import caching, natural_instructions_files, registry, rendering, suites
from jaxit.tasks.hygiene.licences import classify
from jaxit.tasks.natural_instructions import register
from jaxit.tasks.natural_instructions_encoding import ENCODINGS, Encoding, Render, encodings
from jaxit.text import tokenizers
from jaxit.text.examples import TokenFormat, prompt_ids, tokenize

BYTES = tokenizers.load('bytes')

CONTENT = {
    'Contributors': ['A "Categories" B'],
    'Categories': ['Question Answering', 'Other'],
    'Definition': ['Say  what it is', 'second'],
    'Input_language': ['English'],
    'Output_language': ['English', 'French'],
    'Positive Examples': [
        {'input': ' one? ', 'output': 'uno', 'explanation': 'as it is'},
        {'input': 'two', 'output': 'dos!', 'explanation': 'so it is.'},
        {'input': 'three', 'output': 'tres', 'explanation': ''},
    ],
    'Negative Examples': [{'input': 'four', 'output': 'five', 'explanation': 'no'}],
    'Instances': [{'id': str(i), 'input': f'in {i}', 'output': [f'out {i}', f'aus {i}.']} for i in range(12)],
    'Instance License': ['MIT', 'Unknown'],
}
ASK = 'Now complete the following example -\nInput: in 0.\nOutput: '
DEFINITION = 'Definition: Say  what it is.\n\n'
ONE = ' Positive Example 1 -\nInput: one?\n Output: uno.\n\n'
TWO = ' Positive Example 2 -\nInput: two.\n Output: dos!\n\n'
NOT = ' Negative Example 1 -\nInput: four.\n Output: five.\n\n'


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    registry.names()
    monkeypatch.setattr(registry, '_FAMILIES', list(registry._FAMILIES))
    monkeypatch.setattr(suites, 'SUITES', dict(suites.SUITES))


@pytest.fixture
def parsed(monkeypatch):
    """The names of the files that were parsed, as often as they were."""
    seen = []
    read_json = natural_instructions_files.read_json
    monkeypatch.setattr(natural_instructions_files, 'read_json', lambda path: seen.append(path.name) or read_json(path))
    return seen


def content(**changes):
    return {key: value for key, value in (CONTENT | changes).items() if value is not None}


def checkout(folder, files, train=(), test=(), excluded=None, track='default'):
    (folder / 'tasks').mkdir()
    (folder / 'splits' / track).mkdir(parents=True)
    for stem, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value, indent=4)
        (folder / 'tasks' / f'{stem}.json').write_text(text)
    for what, names in (('train', train), ('test', test), ('excluded', excluded)):
        if names is not None:
            (folder / 'splits' / track / f'{what}_tasks.txt').write_text('\n'.join(names) + '\n')
    return folder


def three(folder, **options):
    files = {'task001_a-b1.0_C': content(), 'task002_test': content(), 'task003_other': content()}
    return checkout(folder, files, ['task001_a-b1.0_C'], ['task002_test'], ['task003_other'], **options)


def record(row=0, **fields):
    shared = {'task': 'task9', 'definition': 'Say  what it is', 'row': row, **CONTENT['Instances'][0]}
    return shared | {
        'positive_examples': CONTENT['Positive Examples'],
        'negative_examples': CONTENT['Negative Examples'],
        **fields,
    }


def render(name, **fields):
    return Render(encodings(name), 'task9')(record(**fields))


@pytest.mark.parametrize(
    ('name', 'inputs'),
    [
        ('def', DEFINITION + ASK),
        ('2pos', ONE + TWO + ASK),
        ('def_2pos', DEFINITION + ONE + TWO + ASK),
        ('def_2pos_2neg', DEFINITION + ONE + TWO + NOT + ASK),
        (
            'def_2pos_2neg_expl',
            'Definition: Say  what it is.\n\n'
            ' Positive Example 1 -\nInput: one?\n Output: uno.\n Explanation: as it is.\n\n'
            ' Positive Example 2 -\nInput: two.\n Output: dos!\n Explanation: so it is.\n\n'
            ' Negative Example 1 -\nInput: four.\n Output: five.\n Explanation: no.\n\n' + ASK,
        ),
        (Encoding(definition=False, num_positive=1, task_name=True), f'task9. {ONE}{ASK}'),
        (Encoding(definition=False, num_positive=0), ASK),
    ],
)
def test_an_instance_is_written_as_published(name, inputs):
    example = render(name)
    assert example.inputs == inputs
    assert example.references == ('out 0', 'aus 0.') and example.targets in example.references
    optional = [part.text for part in example.parts if part.optional]
    assert [text.split(' -\n')[0] for text in optional] == [
        f' {kind} Example {number}'
        for kind, number in (('Positive', 1), ('Positive', 2), ('Negative', 1))
        if f'{kind} Example {number}' in inputs
    ]
    assert [part.loss for part in example.parts] == [False] * (len(example.parts) - 1) + [True]


@pytest.mark.parametrize('encoder_decoder', [True, False])
def test_examples_go_as_the_inputs_get_short_and_the_definition_stays_first(encoder_decoder):
    example = render('def_2pos_2neg')
    for shown in ('', ONE, ONE + TWO, ONE + TWO + NOT):
        for spare in (0, 5):
            length = len(DEFINITION + shown + ASK) + spare + encoder_decoder
            format = TokenFormat(encoder_decoder, length, 50, add_bos=False)
            done = tokenize(example, BYTES, format)
            assert done is not None and done.cut_inputs == 0
            prompt = done.tokens[: done.boundaries[0]].tolist()
            assert BYTES.decode(prompt) == DEFINITION + shown + ASK and prompt == prompt_ids(example, BYTES, format)
    done = tokenize(example, BYTES, TokenFormat(encoder_decoder, 60, 50, add_bos=False))
    assert done is not None and done.cut_inputs == len(DEFINITION + ASK) + encoder_decoder - 60
    assert BYTES.decode(done.tokens[: done.boundaries[0]].tolist()).endswith('\nOutput: ')


def test_ends_that_are_punctuation_or_nothing():
    assert render('def', definition='Why?', input='  "so"  ').inputs == (
        'Definition: Why?\n\nNow complete the following example -\nInput: "so"\nOutput: '
    )
    assert render('def', definition='な。', input='').inputs == (
        'Definition: な。.\n\nNow complete the following example -\nInput: .\nOutput: '
    )
    assert render('def', output='only this ').targets == 'only this'
    assert render('def', output=['', 'b']).references == ('b',)
    shown = [{'input': 'a', 'output': 'b'}, {'input': 'c', 'output': 'd', 'explanation': None}]
    assert 'Explanation' not in render('def_2pos_expl', positive_examples=shown).inputs


def test_the_mixed_mode_draws_one_of_five_by_seed_row_and_task():
    mixed = ENCODINGS['tk_instruct']
    assert mixed == tuple(ENCODINGS[name][0] for name in ('def', '2pos', 'def_2pos', 'def_2pos_2neg', 'def_2pos_expl'))
    draw = Render(mixed, 'task9', 0)
    made = [draw(record(row)) for row in range(2000)]
    for example in made[:50]:
        assert example.inputs == Render((mixed[example.template],), 'task9')(record()).inputs
    counts = [sum(example.template == i for example in made) for i in range(5)]
    assert sum(counts) == 2000 and all(340 < count < 460 for count in counts)  # 400 expected, deviation 18
    first = sum(example.targets == 'out 0' for example in made)
    assert 900 < first < 1100  # deviation 22
    # The target does not follow from the encoding.
    assert 140 < sum(example.targets == 'out 0' for example in made if example.template == 0) < 260
    drawn = [(example.template, example.targets) for example in made]
    assert drawn == [(e.template, e.targets) for e in (draw(record(row)) for row in range(2000))]
    for other in (Render(mixed, 'task8', 0), Render(mixed, 'task9', 1)):
        assert drawn[:50] != [(e.template, e.targets) for e in (other(record(row)) for row in range(50))]


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'input': None}, "'input' is missing or not text"),
        ({'output': None}, "'output' is missing or not a list of texts"),
        ({'output': [3]}, "'output' is missing or not a list of texts"),
        ({'output': [' ', '']}, "every 'output' is blank"),
    ],
)
def test_a_bad_instance_is_told(fields, message):
    with pytest.raises(UserError, match=message):
        render('def', **fields)


def test_encodings_by_name_and_by_value():
    assert encodings('def_2pos') == (Encoding(),)
    assert encodings((Encoding(), Encoding(False))) == (Encoding(), Encoding(False))
    for choice, message in (
        ('def_3pos', "unknown encoding 'def_3pos'; did you mean def_2pos"),
        ((), 'must be a name, an Encoding'),
        (('def',), 'must be a name, an Encoding'),
    ):
        with pytest.raises(UserError, match=message):
            encodings(choice)
    with pytest.raises(UserError, match='must not be negative'):
        Encoding(num_positive=-1)


def test_what_is_registered(tmp_path):
    made = register(three(tmp_path), max_train=5, max_test=4)
    assert made.train == ('task001_a_b1_0_c',) and made.test == ('task002_test',) and made.others == ('task003_other',)
    assert {*made.train, *made.test, *made.others} <= set(registry.names())
    assert made.mixture == 'natural_instructions' and made.mixture in registry.mixture_names()
    assert [(task.name, rate) for task, rate in registry.resolve(made.mixture)] == [('task001_a_b1_0_c', 5.0)]
    suite = suites.get_suite('natural_instructions_test')
    assert (suite.kind, suite.tasks, suite.split) == ('held_out', made.test, 'test')
    task = registry.get_task('task001_a_b1_0_c')
    assert (task.cluster, task.licence, task.language) == ('question_answering', 'MIT AND unknown', 'English, French')
    assert {registry.get_task(name).splits for name in (*made.train, *made.others)} == {('train',)}
    assert registry.get_task('task002_test').splits == ('test',)
    assert made.categories() == {'task002_test': 'question_answering'}
    tested = suites.suite_examples(suite.name)['task002_test']
    assert [example.references for example in tested] == [(f'out {i}', f'aus {i}.') for i in range(4)]  # the first ones
    names = {e.inputs.split('.')[0] for e in rendering.examples(_named(task), 'train')}
    assert names == {'task001_a-b1'}  # as the file has it


def _named(task):
    return dataclasses.replace(task, render=Render((Encoding(task_name=True),), task.name))


def test_training_instances_are_drawn_and_stay_in_order(tmp_path):
    folder = three(tmp_path)

    def rows(**options):
        prefix = f'p{len(registry._FAMILIES)}_'
        made = register(folder, prefix=prefix, **options)
        task = registry.get_task(made.train[0])
        found = [record['row'] for record in task.source.records('train')]
        assert task.source.num_examples('train') == len(found)
        assert task.source.locate('train', 1).endswith(f'task001_a-b1.0_C.json: instance {found[1]}')
        assert [record['input'] for record in task.source.records('train')] == [f'in {row}' for row in found]
        return found, task.source.fingerprint('train')

    drawn, key = rows(max_train=5)
    assert len(drawn) == 5 and drawn == sorted(set(drawn)) != list(range(5))
    assert rows(max_train=5) == (drawn, key)
    others = [rows(max_train=5, seed=seed) for seed in range(1, 9)]
    assert len({tuple(found) for found, _ in others}) > 4 and len({key, *(other for _, other in others)}) == 9
    assert {row for found, _ in others for row in found} == set(range(12))
    assert rows(max_train=None)[0] == rows(max_train=99)[0] == list(range(12))
    assert rows()[0] == list(range(12))
    text = (folder / 'tasks' / 'task001_a-b1.0_C.json').read_text()
    (folder / 'tasks' / 'task001_a-b1.0_C.json').write_text(text.replace('second', 'other'))
    assert rows(max_train=5)[1] != key


@pytest.mark.parametrize(
    ('stated', 'licence', 'kind'),
    [
        (['MIT', 'Apache 2.0'], 'MIT AND Apache 2.0', 'permissive'),
        (['MIT', 'MIT'], 'MIT', 'permissive'),
        (['MIT', 'CC BY-NC-SA 4.0'], 'MIT AND CC BY-NC-SA 4.0', 'non_commercial'),
        (['MIT', 'Unknown'], 'MIT AND unknown', 'unknown'),
        ([], 'unknown', 'unknown'),
    ],
)
def test_several_licences_all_hold(tmp_path, stated, licence, kind):
    made = register(checkout(tmp_path, {'task1': content(**{'Instance License': stated})}, ['task1']))
    found = registry.get_task(made.train[0]).licence
    assert (found, classify(found)) == (licence, kind)


def test_nothing_is_parsed_before_it_is_needed(tmp_path, parsed):
    made = register(three(tmp_path))
    registry.names(), registry.mixture_names(), registry.get_mixture(made.mixture)
    assert registry.get_task('task003_other').cluster == 'question_answering'
    assert parsed == []
    registry.resolve(made.mixture), registry.resolve(made.mixture)
    assert parsed == ['task001_a-b1.0_C.json']  # once
    suites.suite_examples(made.suite)
    assert parsed == ['task001_a-b1.0_C.json', 'task002_test.json']
    path = tmp_path / 'tasks' / 'task001_a-b1.0_C.json'
    path.write_text(json.dumps(content(Instances=CONTENT['Instances'][:3])))
    assert [rate for _, rate in registry.resolve(made.mixture)] == [3.0]  # remembered for as long as it is true


def test_facts_stand_at_the_ends_of_a_long_file(tmp_path):
    long = [{'input': 'x' * 50, 'output': ['"Instance License": ["lies"]']}] * 1500
    files = {
        'task1': content(Instances=long),
        'task2': {'Instances': long} | content(Instances=None) | {'More': long},  # in the middle: nobody looks
        'task5': {'Instances': long} | content(Instances=None),
        'task3': content(**{'Instance License': None, 'Categories': 'One Text', 'Input_language': None}),
        'task4': content(**{'Categories': None, 'Output_language': None}),
    }
    assert len(json.dumps(long)) > 2 * natural_instructions_files._HEAD_BYTES
    register(checkout(tmp_path, files, files))
    tasks = [registry.get_task(name) for name in files]
    assert [task.licence for task in tasks] == [
        'MIT AND unknown',
        'unknown',
        'MIT AND unknown',
        'unknown',
        'MIT AND unknown',
    ]
    assert [task.cluster for task in tasks] == ['question_answering', '', 'question_answering', 'one_text', '']
    assert [task.language for task in tasks] == ['English, French', '', 'English, French', 'English, French', 'English']


def test_the_tracks_and_other_lists(tmp_path):
    folder = three(tmp_path, track='xlingual')
    made = register(folder, track='xlingual', prefix='x_')
    assert (made.mixture, made.suite) == ('x_natural_instructions_xlingual', 'x_natural_instructions_xlingual_test')
    assert made.train == ('x_task001_a_b1_0_c',)
    lists = folder / 'splits' / 'xlingual'
    assert register(folder, lists, prefix='y_').train == ('y_task001_a_b1_0_c',)
    only = register(folder, {'train': lists / 'excluded_tasks.txt'}, prefix='z_')
    assert (only.train, only.test) == (('z_task003_other',), ()) and only.suite not in suites.SUITES
    assert 'z_natural_instructions' in registry.mixture_names()


def test_a_renamed_task_is_found_by_either_name(tmp_path):
    old, new = 'task121_atomic_question_rewriting', 'task121_zest_question_rewriting'
    (tmp_path / 'a').mkdir(), (tmp_path / 'b').mkdir()
    assert register(checkout(tmp_path / 'a', {new: content()}, [f'{old}.json', '']), prefix='a_').train == (f'a_{new}',)
    assert register(checkout(tmp_path / 'b', {old: content()}, [new]), prefix='b_').train == (f'b_{old}',)


def test_the_test_is_asked_in_one_encoding(tmp_path):
    folder = three(tmp_path)

    def asked(**options):
        made = register(folder, prefix=f'p{len(registry._FAMILIES)}_', **options)
        return [registry.get_task(name).render.encodings for name in (*made.train, *made.test)]

    assert asked() == [(Encoding(),)] * 2
    assert asked(encoding='def') == [ENCODINGS['def']] * 2
    assert asked(encoding='tk_instruct') == [ENCODINGS['tk_instruct'], (Encoding(),)]
    assert asked(encoding=Encoding(False), test_encoding='tk_instruct') == [
        (Encoding(False),),
        ENCODINGS['tk_instruct'],
    ]


def test_a_suite_is_written_and_read_with_its_metrics(tmp_path):
    made = register(three(tmp_path))
    path = suite_files.write(made.suite, DataConfig(cache_dir=str(tmp_path)), seed=0, limit=3)
    suite = load_suite(path)
    (task,) = suite.tasks
    assert task.metrics == ('exact_match', 'exact_match_with_articles', 'rouge_l') and len(task.examples) == 3
    assert (suite.categories, suite.rouge_tokenizer) == ({'task002_test': 'question_answering'}, '')
    assert task.examples[0] == suites.suite_examples(made.suite)['task002_test'][0]


def test_an_instance_without_an_answer_is_left_out_and_counted(tmp_path):
    instances = [*CONTENT['Instances'][:3], {'input': 'b', 'output': ['', ' ']}]
    register(checkout(tmp_path, {'task1': content(Instances=instances)}, ['task1']))
    folder = caching.build(registry.get_task('task1'), 'train', BYTES, TokenFormat(True, 900, 50), tmp_path / 'caches')
    manifest = json.loads((folder / 'manifest.json').read_text())
    assert manifest['num_examples'] == 3
    assert 1 in [value['filtered_rows'] for value in (manifest, manifest.get('counts', {})) if 'filtered_rows' in value]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"Definition": ', r'task2.json: line 1 is not JSON'),
        ('[]', 'task2.json is a JSON list; a task is an object'),
        (content(Definition=None), "task2.json has no field 'Definition'"),
        (content(Definition=[]), "task2.json: 'Definition' must be a text"),
        (content(Instances=[]), "task2.json: 'Instances' is empty or not a list"),
        (content(Instances={'a': 1}), "task2.json: 'Instances' is empty or not a list"),
        (content(**{'Positive Examples': None}), "has no field 'Positive Examples'"),
        (content(**{'Positive Examples': 'none'}), "task2.json: 'Positive Examples' must be a list"),
        (
            content(**{'Negative Examples': [{'input': 'x'}]}),
            "'Negative Examples', number 0: 'input' and 'output' must",
        ),
        (
            content(**{'Positive Examples': [{'input': 'x', 'output': 'y', 'explanation': 1}]}),
            "number 0: 'explanation' must be text",
        ),
    ],
)
def test_a_bad_file_is_an_error_or_left_out(tmp_path, caplog, text, message):
    files = {'task1': content(), 'task2': text, 'task3': text, 'task4': content()}
    folder = checkout(tmp_path, files, ['task1', 'task2'], ['task3', 'task4'])
    made = register(folder, prefix='s_')
    for read in (
        lambda: registry.resolve(made.mixture),
        lambda: list(registry.get_task('s_task2').source.records('train')),
    ):
        with pytest.raises(UserError, match=message) as caught:
            read()
        assert '\n' not in str(caught.value)
    caplog.set_level(logging.WARNING)
    lenient = register(folder, prefix='l_', strict=False)
    assert lenient.test == suites.get_suite(lenient.suite).tasks == ('l_task4',)
    for _ in range(2):
        assert registry.get_mixture(lenient.mixture).components == (('l_task1', None),)
    left_out = [line.getMessage() for line in caplog.records]
    assert len(left_out) == 2 and all(line.startswith('left out: ') for line in left_out)
    assert 'task3.json' in left_out[0] and 'task2.json' in left_out[1]


def test_a_bad_instance_names_its_file(tmp_path):
    instances = [*CONTENT['Instances'][:2], 'not an object']
    register(checkout(tmp_path, {'task1': content(Instances=instances)}, ['task1']))
    with pytest.raises(UserError, match=r"task 'task1', .*task1.json: instance 2: 'output' is missing"):
        list(rendering.examples(registry.get_task('task1'), 'train'))


def bad_calls():
    good = content()
    return {
        'list': ({'task1': good}, ['task11'], [], {}, r"unknown task 'task11' in .*train_tasks.txt line 1; did you mean task1"),
        'both': ({'task1': good}, ['task1'], ['task1'], {}, "both name 'task1'"),
        'names': ({'task-1': good, 'task_1': good}, [], [], {}, "task_1.json: task-1.json is task 'task_1' too"),
        'digit': ({'1_task': good}, [], [], {}, "its task would be '1_task', which is not lower_snake"),
        'prefix': ({'task1': good}, [], [], {'prefix': 'Ni'}, "its task would be 'Nitask1'"),
        'track': ({'task1': good}, [], [], {'track': 'english'}, "unknown track 'english'; choices: default, xlingual"),
        'lists': ({'task1': good}, [], [], {'track': 'xlingual'}, r'xlingual.train_tasks.txt: No such file.*splits='),
        'kind': ({'task1': good}, [], [], {'splits': {'tests': 'x'}}, "unknown split list 'tests'; did you mean test"),
        'max': ({'task1': good}, [], [], {'max_train': 0}, 'max_train is 0; it must be 1 or more'),
        'none': ({}, [], [], {}, 'has no .json file; the folder must be a checkout'),
    }  # fmt: skip


@pytest.mark.parametrize('case', bad_calls())
def test_a_bad_call_is_refused(tmp_path, case):
    files, train, test, options, message = bad_calls()[case]
    with pytest.raises(UserError, match=message) as caught:
        register(checkout(tmp_path, files, train, test), **options)
    assert '\n' not in str(caught.value)
    assert 'natural_instructions' not in registry.mixture_names()


def test_more_refusals(tmp_path, caplog):
    with pytest.raises(UserError, match='the folder must be a checkout'):
        register(tmp_path / 'nowhere')
    folder = checkout(tmp_path, {'task1': content(), '2task': content()}, ['task1', 'taks1'])
    caplog.set_level(logging.WARNING)
    assert register(folder, strict=False).train == ('task1',)
    assert [line.getMessage().split('/')[-1] for line in caplog.records] == [
        "2task.json: its task would be '2task', which is not lower_snake; give another prefix",
        'train_tasks.txt line 2: there is no taks1.json',
    ]
    with pytest.raises(UserError, match="name 'natural_instructions' is registered twice"):
        register(folder, strict=False)


def test_the_real_files(tmp_path, shared_data, parsed):
    source = shared_data / 'natural_instructions'
    (tmp_path / 'tasks').symlink_to(source / 'tasks')
    stems = sorted(path.stem for path in (source / 'tasks').iterdir())
    lists = tmp_path / 'splits' / 'default'
    lists.mkdir(parents=True)
    test = [stem for stem in stems if stem.startswith(('task138_', 'task139_', 'task142_'))]
    (lists / 'test_tasks.txt').write_text('\n'.join(test))
    (lists / 'train_tasks.txt').write_text('\n'.join(stem for stem in stems if stem not in test))
    made = register(tmp_path, encoding='tk_instruct')
    assert (
        len(made.train) + len(made.test) == len(stems) == 30
        and 'task142_odd_man_out_classification_no_category' in made.test
    )
    tasks = [registry.get_task(name) for name in (*made.train, *made.test)]
    assert all(task.cluster for task in tasks) and parsed == []
    assert {rate for _, rate in registry.resolve(made.mixture)} == {100.0}
    for task in tasks:
        examples = list(rendering.examples(task, task.splits[0]))
        whole = json.loads((source / 'tasks' / f'{_stem(task)}.json').read_text())
        records = list(task.source.records(task.splits[0]))
        assert len(records) == 100 and 99 <= len(examples) <= 100  # one of task511 is blank
        for example in examples:
            instance = whole['Instances'][records[example.source_row]['row']]
            outputs = [instance['output']] if isinstance(instance['output'], str) else instance['output']
            assert example.targets in [output.strip() for output in outputs]
            assert f'Input: {instance["input"].strip()}' in example.inputs and example.inputs.endswith('\nOutput: ')


def _stem(task):
    return task.source.path.rsplit('/', 1)[-1].removesuffix('.json')


def test_the_cross_lingual_suite_is_judged_with_the_tokenizer_that_is_named(tmp_path, monkeypatch):
    folder = three(tmp_path, track='xlingual')
    path = tmp_path / 'tokenizer.json'
    pieces = tokenizers_lib.Tokenizer(tokenizers_lib.models.BPE({piece: i for i, piece in enumerate('aĠ')}, []))
    pieces.pre_tokenizer = tokenizers_lib.pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.save(str(path))
    monkeypatch.chdir(tmp_path)
    made = register(folder, track='xlingual', tokenizer='tokenizer.json')
    for name in (*made.train, *made.test):
        assert registry.get_task(name).metrics == ('exact_match', 'exact_match_with_articles', 'cross_lingual_rouge_l')
    monkeypatch.chdir(tmp_path.parent)  # the path was made whole where it was named
    data = DataConfig(cache_dir=str(tmp_path))
    suite = load_suite(suite_files.write(made.suite, data, seed=0, limit=3))
    assert suite.rouge_tokenizer == str(path) and suite.categories == made.categories()

    without = register(folder, track='xlingual', prefix='x_')  # to train on, it needs none
    assert registry.resolve(without.mixture)
    with pytest.raises(UserError, match=r'no tokenizer for it is named; .* register\(\.\.\., tokenizer=PATH\)'):
        suite_files.write(without.suite, data, seed=0, limit=3)
    with pytest.raises(UserError, match="tokenizer is for track='xlingual'"):
        register(folder, folder / 'splits' / 'xlingual', prefix='y_', tokenizer=path)
