"""A fingerprint changes with everything that changes a cache, and with nothing else."""

import dataclasses
import functools
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks.fingerprints import describe, fingerprint
from jaxit.tasks.preprocessors import keep, strip
from jaxit.tasks.registry import Task
from jaxit.tasks.sources import Python
from jaxit.text.examples import TokenFormat
from jaxit.text.templates import Template
from jaxit.text.tokenizers import ByteTokenizer

FORMAT = TokenFormat(True, 30, 20)


def records(split, seed):
    return [{'inputs': f'a{seed}', 'targets': split}]


def shout(record):
    return record | {'inputs': record['inputs'].upper()}


BASE = Task('base', Python(records, ('train', 'test')), templates=(Template('{inputs}', '{targets}'),))


def key(task=BASE, split='train', token_format=FORMAT, **fields):
    return fingerprint(task, split, ByteTokenizer(), token_format, **{'seed': 0} | fields)


def told(record, pool, index):
    return [([other['inputs'] for other in pool], record['inputs'], record['targets'])]


def changed(**fields):
    return dataclasses.replace(BASE, **fields)


def test_everything_that_changes_examples_changes_it():
    keys = [
        key(),
        key(split='test'),
        key(seed=1),
        key(chat_format='plain'),
        key(on_bad_row='skip'),
        key(token_format=dataclasses.replace(FORMAT, inputs_length=31)),
        key(token_format=dataclasses.replace(FORMAT, cut='start')),
        key(changed(name='other')),
        key(changed(source=Python(records, ('train', 'test'), seed=1))),
        key(changed(templates=(Template('{inputs} ', '{targets}'),))),
        key(changed(templates=(Template('{inputs}', '{targets}', options_style='none'),))),
        key(changed(preprocessors=(strip(),))),
        key(changed(preprocessors=(strip(('inputs',)),))),
        key(changed(preprocessors=(keep(('inputs', 'targets')), strip()))),
        key(changed(preprocessors=(strip(), keep(('inputs', 'targets'))))),
        key(changed(preprocessors=(shout,))),
        key(changed(templates=(), render=shout)),
        key(changed(answer_options=('a', 'b'))),
        key(changed(eval_template=None)),
        key(changed(template_field='use')),
        key(changed(kind='text')),
        key(changed(kind='text', objective='prefix_lm')),
        key(changed(shots=2)),
        key(changed(shots=2, few_shot=told)),
    ]
    assert len(set(keys)) == len(keys)


def test_what_only_describes_a_task_does_not():
    assert key(changed(metrics=('rouge',), cluster='c', licence='l', language='de')) == key()


def test_it_is_the_same_in_another_process():
    code = (
        f'import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import fingerprints_test as t\n'
        'print(t.key(t.changed(preprocessors=(t.strip(), t.keep(("inputs", "targets"))))))'
    )
    out = {
        subprocess.run(
            [sys.executable, '-c', code], capture_output=True, text=True, check=True, env={'PYTHONHASHSEED': seed}
        ).stdout
        for seed in ('1', '2')
    }
    assert len(out) == 1 and len(out.pop().strip()) == 64


def test_the_text_of_the_module_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)
    seen = []
    for number, table in enumerate(("{'a': 1}", "{'a': 2}")):
        name = f'steps_for_fingerprints_{number}'
        (tmp_path / f'{name}.py').write_text(f'TABLE = {table}\ndef step(record):\n    return TABLE\n')
        described = describe(importlib.import_module(name).step)
        assert described[1] == f'{name}.step'
        seen.append(described[2])
    assert seen[0] != seen[1]


def test_settings_of_partials_and_closures_count():
    def adder(suffix):
        def add(record):
            return record | {'inputs': record['inputs'] + suffix}

        return add

    described = [describe(functools.partial(shout)), describe(functools.partial(shout, 1)), describe(shout)]
    described += [describe(functools.partial(shout, x=1)), describe(functools.partial(shout, x=adder('a')))]
    described += [describe(adder('a')), describe(adder('b')), describe(adder(shout))]
    assert len({str(item) for item in described}) == len(described)
    assert describe(adder('a')) == describe(adder('a'))


def test_an_object_without_stable_text_is_refused():
    class Opaque:
        def __call__(self, record):
            return record

    opaque = Opaque()
    for function in (opaque, functools.partial(shout, opaque), lambda record: opaque(record)):
        with pytest.raises(UserError, match='without a stable text; make it a dataclass'):
            describe(function)
