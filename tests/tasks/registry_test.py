"""Names, rates and refusals of the registry, against rates computed by hand."""

import subprocess
import sys

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import registry
from jaxit.tasks.sources import Python
from jaxit.text.templates import Template


def numbers(split, seed, *, count):
    return [{'inputs': f'{split} {i}', 'targets': str(i + seed)} for i in range(count)]


def source(count, **fields):
    import functools

    return Python(functools.partial(numbers, count=count), ('train', 'test'), **fields)


@pytest.fixture(autouse=True)
def clean_registry(monkeypatch):
    registry.names()  # the built-in ones are in
    monkeypatch.setattr(registry, '_TASKS', dict(registry._TASKS))
    monkeypatch.setattr(registry, '_MIXTURES', dict(registry._MIXTURES))


@pytest.fixture
def tasks():
    return {name: registry.add_task(name, source(count)) for name, count in (('few', 3), ('some', 40), ('many', 700))}


def rates(mixture):
    return {task.name: rate for task, rate in registry.resolve(mixture)}


def test_rates_are_stated(tasks):
    registry.add_mixture('stated', [('few', 0.5), ('many', 2)])
    assert rates('stated') == {'few': 0.5, 'many': 2.0}


def test_rates_follow_from_capped_sizes(tasks):
    registry.add_mixture('sized', ['few', 'some', 'many'], maximum=100)
    assert rates('sized') == {'few': 3.0, 'some': 40.0, 'many': 100.0}
    registry.add_mixture('uncapped', ['few', 'many'])
    assert rates('uncapped') == {'few': 3.0, 'many': 700.0}


def test_the_size_of_another_split_counts(tasks):
    registry.add_task(
        'uneven', Python(lambda split, seed: numbers(split, seed, count=2 if split == 'test' else 9), ('train', 'test'))
    )
    registry.add_mixture('on_test', ['uneven', 'few'], split='test')
    assert rates('on_test') == {'uneven': 2.0, 'few': 3.0}


def test_nested_mixtures_share_their_rate(tasks):
    registry.add_mixture('inner', ['few', 'some'], maximum=12)  # 3 and 12: a fifth and four fifths
    registry.add_mixture('outer', [('inner', 0.5), ('many', 0.25), ('few', 0.25)])
    assert rates('outer') == pytest.approx({'few': 0.1 + 0.25, 'some': 0.4, 'many': 0.25})
    registry.add_mixture('outermost', [('outer', 2.0), ('some', 1.0)])
    assert rates('outermost') == pytest.approx({'few': 0.7, 'some': 0.8 + 1.0, 'many': 0.5})


def test_a_nested_mixture_without_rate_counts_with_its_sizes(tasks):
    registry.add_mixture('inner', ['few', 'some'], maximum=12)
    registry.add_mixture('outer', ['inner', 'many'], maximum=100)
    assert rates('outer') == {'few': 3.0, 'some': 12.0, 'many': 100.0}


def test_members_are_told_without_sizes(tasks):
    registry.add_task('unsized', Unsized(numbers))
    registry.add_mixture('inner', ['unsized', 'few'])
    registry.add_mixture('outer', ['many', 'inner', 'few'])
    assert registry.members('outer') == ('many', 'unsized', 'few')
    assert registry.members('few') == ('few',)


def test_a_task_is_a_mixture_of_its_own(tasks):
    assert [(task.name, rate) for task, rate in registry.resolve('few')] == [('few', 1.0)]


def test_a_stated_size_is_taken_at_its_word():
    task = registry.add_task('stated_size', source(3, size={'train': 11}))
    assert registry.size_of(task) == 11
    assert registry.size_of(task, 'test') == 3


class Unsized(Python):
    def num_examples(self, split):
        return None


def bad_mixtures():
    return {
        'unknown': ([('fewer', 1.0)], {}, "unknown task or mixture 'fewer' in mixture 'bad'; did you mean few"),
        'empty': ([], {}, "mixture 'bad' has no component"),
        'half': ([('few', 1.0), 'some'], {}, "mixture 'bad' has rates for some components only"),
        'cap': ([('few', 1.0)], {'maximum': 5}, 'rates and a maximum'),
        'zero_cap': (['few'], {'maximum': 0}, 'maximum is 0'),
        'negative': ([('few', -1.0)], {}, "the rate of 'few' is -1.0"),
        'infinite': ([('few', float('inf'))], {}, "the rate of 'few' is inf"),
        'not_a_number': ([('few', float('nan'))], {}, "the rate of 'few' is nan"),
        'twice': ([('few', 1.0), ('few', 2.0)], {}, 'names a component twice'),
        'no_size': (['primer_with_replay', 'few'], {}, "'primer_with_replay' has rates of its own"),
    }


@pytest.mark.parametrize('case', bad_mixtures())
def test_a_bad_mixture_is_refused(tasks, case):
    components, fields, message = bad_mixtures()[case]
    with pytest.raises(UserError, match=message) as caught:
        registry.add_mixture('bad', components, **fields)
    assert '\n' not in str(caught.value)
    assert 'bad' not in registry.mixture_names()


def test_a_source_without_size_needs_a_rate(tasks):
    registry.add_task('unsized', Unsized(numbers))
    registry.add_mixture('sized', ['unsized', 'few'])
    with pytest.raises(UserError, match="task 'unsized' has no known size"):
        registry.resolve('sized')
    registry.add_task('nothing', source(0))
    registry.add_mixture('of_nothing', ['nothing', 'few'])
    with pytest.raises(UserError, match="task 'nothing' has no example in split 'train'; leave it out of 'of_nothing'"):
        registry.resolve('of_nothing')


def test_names_are_lower_snake_and_unique(tasks):
    for name in ('Few', 'a-b', '1st', '', 'a__b', '_a', 'a.b', '../a', 'é'):
        with pytest.raises(UserError, match='not lower_snake'):
            registry.add_task(name, source(1))
    with pytest.raises(UserError, match="'few' is registered twice"):
        registry.add_task('few', source(1))
    with pytest.raises(UserError, match="'few' is registered twice"):
        registry.add_mixture('few', ['some'])
    with pytest.raises(UserError, match="'primer_topic' is registered twice"):
        registry.add_task('primer_topic', source(1))


def test_unknown_names_get_the_nearest(tasks):
    with pytest.raises(UserError, match="unknown task 'primer_topik'; did you mean primer_topic"):
        registry.get_task('primer_topik')
    with pytest.raises(UserError, match="unknown task or mixture 'prima'; did you mean primer"):
        registry.get_mixture('prima')


def test_contradicting_fields_are_refused():
    templates = (Template('{inputs}', '{targets}'),)
    for fields, message in (
        ({'templates': templates, 'render': dict}, 'has templates and render'),
        ({'templates': templates, 'eval_template': 1}, 'eval_template is 1; there are 1 templates'),
        ({'template_field': 'template'}, 'template_field needs templates'),
        ({'templates': templates, 'few_shot': list}, 'few_shot needs shots and templates'),
        ({'needs_exemplars': True}, 'needs_exemplars is for tasks with shots'),
        ({'kind': 'speech'}, "kind is 'speech'"),
    ):
        with pytest.raises(UserError, match=message):
            registry.add_task('contradiction', source(1), **fields)


def test_a_module_registers_its_tasks(tmp_path, monkeypatch):
    (tmp_path / 'mine_for_registry.py').write_text(
        "from jaxit.tasks.registry import add_task\nfrom jaxit.tasks.sources import Jsonl\nadd_task('mine', Jsonl('x.jsonl'))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry.import_module_tasks('mine_for_registry')
    assert registry.get_task('mine').splits == ('train',)
    with pytest.raises(UserError, match="no module 'mine_for_registri'"):
        registry.import_module_tasks('mine_for_registri')
    (tmp_path / 'broken_for_registry.py').write_text('import there_is_no_such_thing\n')
    with pytest.raises(ModuleNotFoundError, match='there_is_no_such_thing'):
        registry.import_module_tasks('broken_for_registry')


def test_tensorflow_is_not_imported():
    code = (
        'import sys; from jaxit.tasks import registry, primer, caching, suites, sources, tensorflow_sources, seqio_bridge\n'
        "registry.resolve('primer'); suites.suite_examples('primer_held_in', 2)\n"
        "print(sorted({'tensorflow', 'seqio', 'tensorflow_datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
