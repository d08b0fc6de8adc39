"""Templates: strict slots, options, and draws that are the same everywhere."""

import collections
import subprocess
import sys

import pytest

from jaxit.core.errors import UserError
from jaxit.text.templates import Template, choose

NLI = Template('{premise}\nSo: {hypothesis}?\n\n{options}', '{answer}', name='nli/0')


def test_slots_and_flan_options():
    record = {'premise': 'It rains.', 'hypothesis': 'It is wet', 'answer': 'yes', 'spare': None}
    assert NLI.render(record, options=('yes', 'no')) == (
        'It rains.\nSo: It is wet?\n\nOPTIONS:\n- yes\n- no',
        'yes',
    )
    assert NLI.render(record | {'options': ['a', 'b']})[0].endswith('OPTIONS:\n- a\n- b')
    assert NLI.fields == ('premise', 'hypothesis', 'options', 'answer')


def test_other_styles_of_options():
    slots = 'Q {q} {options}', '{q}'
    assert (
        Template(*slots, options_style='letters').render({'q': 1}, options=['x', 'y'])[0]
        == 'Q 1 OPTIONS:\n(A) x\n(B) y'
    )
    assert Template(*slots, options_style='none').render({'q': 2.5}) == ('Q 2.5', '2.5')
    with pytest.raises(UserError, match='26 letters; there are 27'):
        Template(*slots, options_style='letters').render({'q': 1}, options=['x'] * 27)


def test_braces_in_data_are_text_and_doubled_braces_in_templates_are_braces():
    record = {'x': '{y} {0} {x.__class__} }{', 'y': 'secret'}
    assert Template('{{{x}}} {{y}}', '{y}').render(record) == ('{{y} {0} {x.__class__} }{} {y}', 'secret')


@pytest.mark.parametrize(
    ('record', 'message'),
    [
        (
            {'premise': 'p', 'hypotheses': 'h', 'answer': 'a'},
            "unknown field 'hypothesis' in template 'nli/0'; did you mean hypotheses",
        ),
        ({'premise': None, 'hypothesis': 'h', 'answer': 'a'}, "template 'nli/0': field 'premise' is NoneType"),
        ({'premise': ['p'], 'hypothesis': 'h', 'answer': 'a'}, "field 'premise' is list; it must be text or a number"),
        ({'premise': b'p', 'hypothesis': 'h', 'answer': 'a'}, "field 'premise' is bytes"),
        ({'premise': 'p', 'hypothesis': 'h', 'answer': True}, 'slot {options} wants a list'),
    ],
)
def test_a_record_that_does_not_fit_is_named(record, message):
    with pytest.raises(UserError) as error:
        NLI.render(record)
    assert message in str(error.value)


@pytest.mark.parametrize('options', ['yes', [1, 2]])
def test_options_are_a_list_of_texts(options):
    with pytest.raises(UserError, match='wants a list of texts'):
        NLI.render({'premise': 'p', 'hypothesis': 'h', 'answer': 'a'}, options=options)


@pytest.mark.parametrize('pattern', ['{', 'a } b', '{}', '{0}', '{x.y}', '{x[0]}', '{x!r}', '{x:>9}'])
def test_a_malformed_template_is_refused_when_it_is_made(pattern):
    with pytest.raises(UserError, match="template 'bad': "):
        Template(pattern, 'x', name='bad')
    with pytest.raises(UserError, match="template 'bad': "):
        Template('x', pattern, name='bad')


def test_unknown_kinds_and_styles_are_refused():
    with pytest.raises(UserError, match='did you mean zero_shot'):
        Template('a', 'b', kind='zeroshot')
    with pytest.raises(UserError, match='did you mean dashes'):
        Template('a', 'b', options_style='dash')


def test_draws_are_fixed_even_and_depend_on_everything():
    templates = [NLI] * 5
    draws = [choose(templates, 'rte', row, 0) for row in range(5_000)]
    counts = collections.Counter(draws)
    assert set(counts) == set(range(5)) and all(abs(count - 1_000) < 120 for count in counts.values())
    assert draws[:6] == [choose(templates, 'rte', row, 0) for row in range(6)]
    for other in (('cb', 0), ('rte', 1)):
        same = sum(choose(templates, other[0], row, other[1]) == draw for row, draw in enumerate(draws))
        assert abs(same - 1_000) < 120
    with pytest.raises(UserError, match="task 'rte' has no templates"):
        choose([], 'rte', 0, 0)


def test_draws_are_the_same_in_another_process():
    code = 'from jaxit.text.templates import choose\nprint([choose(range(7), "rte", row, 3) for row in range(40)])'
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True, env={'PYTHONHASHSEED': '99'}
    )
    assert done.stdout.strip() == str([choose([NLI] * 7, 'rte', row, 3) for row in range(40)])
