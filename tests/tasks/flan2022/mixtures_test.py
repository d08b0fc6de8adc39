"""Flan 2022 against its published weights, caps and sizes; nothing of it needs data."""

import collections
import gzip
import json
import pickle

import pytest

from jaxit.core.errors import UserError
from jaxit.tasks import fingerprints, registry
from jaxit.tasks.flan2022 import mixtures, t0
from jaxit.tasks.flan2022.t0_prompts import PROMPTS
from jaxit.tasks.rendering import examples

# Leaf: its weight in the whole.
WEIGHTS = {
    **dict.fromkeys(('flan_zsopt', 'flan_fsopt', 'flan_zsnoopt', 'flan_fsnoopt'), 0.10),
    **dict.fromkeys(('t0_zsopt', 't0_fsopt', 't0_zsnoopt', 't0_fsnoopt'), 0.08),
    **dict.fromkeys(('niv2_zsopt', 'niv2_fsopt'), 0.10),
    **dict.fromkeys(('cot_zsopt', 'cot_fsopt'), 0.025),
    **dict.fromkeys(('dialog_zsopt', 'dialog_fsopt'), 0.015),
}


@pytest.fixture(autouse=True)
def families(monkeypatch):
    """What a test registers goes with it."""
    registry.names()
    monkeypatch.setattr(registry, '_FAMILIES', list(registry._FAMILIES))


def rates(name):
    return {task.name: rate for task, rate in registry.resolve(name)}


def test_leaves_have_the_published_weights():
    mixtures.register()
    whole = rates('flan2022_submix')
    assert sum(whole.values()) == pytest.approx(1.0)
    seen = set()
    for leaf, weight in WEIGHTS.items():
        tasks = rates(leaf)
        assert sum(whole[task] for task in tasks) == pytest.approx(weight), leaf
        assert not seen & set(tasks), leaf
        seen |= set(tasks)
    assert seen == set(whole)
    parts = {'flan2021': 0.40, 't0': 0.32, 'niv2': 0.20, 'cot': 0.05, 'dialog': 0.03}
    for part, share in parts.items():
        assert sum(whole[task] for task in rates(f'{part}_submix')) == pytest.approx(share), part


def test_sizes_are_capped_as_published():
    mixtures.register()
    flan = rates('flan_zsopt')
    assert (len(flan), sum(flan.values())) == (71, 1_495_430)
    assert sum(rate == 30_000 for rate in flan.values()) == 41
    prompts = rates('t0_fsnoopt')
    assert (len(prompts), sum(prompts.values()), max(prompts.values())) == (193, 2_724_840, 20_000)
    dialog = rates('dialog_zsopt')
    assert dialog['wiki_dialog_template_0to10_non_deter_opt_zero_shot'] == pytest.approx(200_000 / 210_170)


def test_prompts_of_p3_are_counted_by_data_set():
    published = {
        'adversarial_qa': 15, 'amazon_polarity': 9, 'app_reviews': 4, 'cos_e': 11, 'dbpedia_14': 4, 'dream': 5, 'duorc': 18,
        'kilt_tasks_hotpotqa': 5, 'qasc': 8, 'quail': 13, 'quarel': 5, 'quartz': 8, 'quoref': 11, 'race': 16, 'ropes': 12,
        'sciq': 5, 'social_i_qa': 6, 'web_questions': 5, 'wiki_bio': 5, 'wiki_hop': 9, 'wiki_qa': 11, 'wiqa': 8,
    }  # fmt: skip
    counted = collections.Counter(next(name for name in published if prompt.startswith(name)) for prompt in PROMPTS)
    assert counted == published


def test_an_inversion_counts_for_three_tenths_of_what_it_inverts():
    mixtures.register()
    total = 7473 + 2061 + 6915 + 1084 + 36174 + 7112 + 6070 + 2728 + 5154
    leaf = rates('cot_zsopt')
    whole = sum(leaf.values())
    assert leaf['cot_esnli_template_0to10_zero_shot'] / whole == pytest.approx(36174 / total / 1.3)
    assert leaf['stream_input_inversion_qed_template_0to10_zero_shot'] / whole == pytest.approx(
        0.3 * 5154 / total / 1.3
    )
    few = rates('cot_fsopt')
    assert len(few) == 2 * len(leaf) == 36
    assert few['cot_qasc_template_mix_five_shot'] == few['cot_qasc_template_0to10_x_shot']


def test_variants_of_a_set_with_options_and_one_without():
    mixtures.register()
    names = set(rates('flan2021_submix'))
    assert {name for name in names if name.startswith('rte_')} == {
        'rte_template_0to10_non_deter_opt_zero_shot',
        'rte_template_0to10_no_opt_zero_shot',
        'rte_template_mix_five_shot',
        'rte_template_0to10_x_shot',
        'rte_template_0to10_no_opt_x_shot',
    }
    assert 'aeslc_template_0to10_zero_shot' in names
    assert 'aeslc_template_0to10_non_deter_opt_zero_shot' not in names


def test_all_names_are_listed_and_all_tasks_can_be_cached():
    made = mixtures.register()
    assert {'flan2022_submix', 'flan2021_submix', *WEIGHTS} <= set(registry.mixture_names())
    assert set(rates('flan2022_submix')) == set(made.task_names()) <= set(registry.names())
    for name in made.task_names():
        task = registry.get_task(name)
        assert pickle.loads(pickle.dumps(task)) == task
        for step in filter(None, (*task.preprocessors, task.few_shot)):  # raises where a setting has no stable text
            assert fingerprints.describe(step) == fingerprints.describe(pickle.loads(pickle.dumps(step)))


def test_leave_out_and_mistakes(tmp_path):
    with pytest.raises(UserError, match=r'cot_gsm9k.*leave_out.*cot_gsm8k'):
        mixtures.register(leave_out=('cot_gsm9k',))
    with pytest.raises(UserError, match='nowhere is not a folder'):
        mixtures.register(tmp_path / 'nowhere')
    mixtures.register(leave_out=('cot_esnli', 'newsroom'))
    assert not [name for name in rates('flan2022_submix') if 'esnli' in name or name.startswith('newsroom')]
    with pytest.raises(UserError, match='registered twice'):
        mixtures.register()


@pytest.mark.parametrize(
    ('name', 'advice'),
    [
        ('t0_dream_baseline_zs_opt', r'register\(t0=FOLDER\)'),
        ('cot_gsm8k_template_0to10_zero_shot', r"gsm8k_train.tsv.*leave_out=\('cot_gsm8k',\)"),
        ('niv2_zsopt_all', r'register\(natural_instructions=FOLDER\)'),
    ],
)
def test_what_is_not_here_says_what_to_do(name, advice):
    mixtures.register()
    with pytest.raises(UserError, match=advice):
        next(examples(registry.get_task(name), 'train'))


def write_released(path, rows):
    keys = ('inputs', 'targets', 'task_source', 'task_name', 'template_type')
    path.write_text(''.join(json.dumps(dict(zip(keys, row, strict=True))) + '\n' for row in rows))


def test_released_rows_of_p3(tmp_path):
    (tmp_path / 't0').mkdir()
    write_released(
        tmp_path / 't0' / 'a.jsonl',
        [
            ('q1', 'a1', 'P3', 'cos_e_v1.11_i_think', 'zs_opt'),
            ('q2', 'a2', 'P3', 'cos_e_v1.11_i_think', 'fs_opt'),
            ('q3', 'a3', 'Flan2021', 'rte:1.0.0', 'zs_opt'),
            ('q4', 'a4', 'P3', 'amazon_polarity_Is_this_review', 'zs_opt'),
        ],
    )
    write_released(tmp_path / 't0' / 'b.jsonl', [('q5', 'a5', 'P3', 'cos_e_v1.11_i_think', 'zs_opt')])
    mixtures.register(tmp_path)
    assert rates('t0_zsopt') == {'t0_cos_e_v1_11_i_think_zs_opt': 2, 't0_amazon_polarity_is_this_review_zs_opt': 1}
    made = list(examples(registry.get_task('t0_cos_e_v1_11_i_think_zs_opt'), 'train'))
    assert [(example.inputs, example.targets) for example in made] == [('q1', 'a1'), ('q5', 'a5')]
    with pytest.raises(UserError, match="no row of P3 with template_type 'fs_noopt'"):
        registry.resolve('t0_fsnoopt')
    write_released(tmp_path / 't0' / 'c.jsonl', [('q', 'a', 'P3', 'x', 'zsopt')])
    with pytest.raises(UserError, match=r'c.jsonl: row 0 .*must be one of zs_opt'):
        registry.resolve('t0_zsopt')


def test_prompts_are_found_again_after_files_have_changed(tmp_path):
    """Each way a folder can change while a process runs, and a folder of many files does not take its square in looks."""
    (tmp_path / 't0').mkdir()
    one, two = tmp_path / 't0' / 'one.jsonl', tmp_path / 't0' / 'two.jsonl'
    name = 't0_dream_baseline_zs_opt'
    write_released(one, [('q1', 'a1', 'P3', 'dream_baseline', 'zs_opt')])
    write_released(two, [('q2', 'a2', 'P3', 'sciq_direct_question', 'zs_opt')])
    mixtures.register(tmp_path)
    assert rates('t0_zsopt') == {name: 1, 't0_sciq_direct_question_zs_opt': 1}
    write_released(one, [(f'q{i}', 'a', 'P3', 'dream_baseline', 'zs_opt') for i in range(3)])
    assert registry.size_of(registry.get_task(name)) == 3
    one.unlink()
    with pytest.raises(UserError, match='unknown task'):
        registry.get_task(name)
    write_released(two, [('q3', 'a3', 'P3', 'dream_baseline', 'zs_opt')])
    assert rates('t0_zsopt') == {name: 1}
    assert [example.inputs for example in examples(registry.get_task(name), 'train')] == ['q3']


def test_no_file_is_looked_at_for_prompts_that_it_does_not_hold(tmp_path, monkeypatch):
    (tmp_path / 't0').mkdir()
    for number in range(40):
        write_released(tmp_path / 't0' / f'{number}.jsonl', [('q', 'a', 'P3', f'prompt_{number}', 'zs_opt')])
    mixtures.register(tmp_path)
    looked = collections.Counter()
    stamp = t0._stamp
    monkeypatch.setattr(t0, '_stamp', lambda path: looked.update([path]) or stamp(path))
    assert len(registry.resolve('t0_zsopt')) == 40
    assert max(looked.values()) < 10


def test_rows_may_be_limited(tmp_path):
    """Caps limit what a data set counts with, and this what is read of it."""
    for folder, text in (('t0', ''), ('cot', 'q\ta\tc\n' * 9)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'qed_train.tsv').write_text(text)
    write_released(tmp_path / 't0' / 'a.jsonl', [(f'q{i}', 'a', 'P3', 'dream_baseline', 'zs_opt') for i in range(9)])
    mixtures.register(tmp_path, max_rows=4)
    for name in ('t0_dream_baseline_zs_opt', 'stream_qed_template_0to10_zero_shot'):
        task = registry.get_task(name)
        assert registry.size_of(task) == 4
        assert len(list(examples(task, 'train'))) == 4
    sizes = rates('dialog_zsopt')
    assert (
        sizes['wiki_dialog_template_0to10_non_deter_opt_zero_shot']
        == sizes['qrecc_template_0to10_non_deter_opt_zero_shot']
    )
    assert registry.get_task('wiki_dialog_template_0to10_non_deter_opt_zero_shot').source.invented is not None
    with pytest.raises(UserError, match='max_rows is 0; it must be 1 or more'):
        mixtures.register(tmp_path, max_rows=0)


def test_the_largest_cap_as_a_limit_leaves_the_published_weights(monkeypatch):
    mixtures.register()
    published = rates('flan2022_submix')
    monkeypatch.setattr(registry, '_FAMILIES', registry._FAMILIES[:-1])
    mixtures.register(max_rows=200_000)
    assert rates('flan2022_submix') == published


def test_leaves_have_their_published_names_too():
    mixtures.register()
    for stem, kinds in (('flan', 4), ('t0', 4), ('niv2', 2)):
        made = 0
        for shots in ('zs', 'fs'):
            for options in ('opt', 'noopt'):
                whole = registry._find(f'palmflan_{stem}_{shots}_{options}')
                made += whole is not None
                assert whole is None or rates(whole.name) == rates(f'{stem}_{shots}{options}')
                assert registry._find(f'palmflan_{stem}_ii_{shots}_{options}') is None
        assert made == kinds
    assert registry._find('palmflan_cot_ii_zs_opt') and registry._find('palmflan_cot_zs_noopt') is None


def test_real_prompts_of_p3(shared_data, tmp_path):
    """283 prompts with 30 rows each; those of four data sets are not among them."""
    with gzip.open(shared_data / 'p3_t0_templates' / 't0_train_by_template.jsonl.gz', 'rt', encoding='utf-8') as lines:
        rows = [json.loads(line) for line in lines]
    counts = collections.Counter(row['template'] for row in rows)
    (tmp_path / 't0').mkdir()
    write_released(
        tmp_path / 't0' / 'all.jsonl',
        [(row['prompt'], row['completion'], 'P3', row['template'], 'fs_noopt') for row in rows],
    )
    mixtures.register(tmp_path)
    found = rates('t0_fsnoopt')
    assert sorted(found.values()) == sorted(counts.values())
    known = {f't0_{prompt}_fs_noopt' for prompt in PROMPTS}
    absent = known - set(found)
    assert len(known - absent) == 193 - 45
    assert {name.split('_')[1] for name in absent} == {'cos', 'quail', 'race', 'web'}
    made = list(examples(registry.get_task('t0_amazon_polarity_is_this_review_fs_noopt'), 'train'))
    theirs = [row for row in rows if row['template'] == 'amazon_polarity_Is_this_review']
    assert [(e.inputs, e.targets) for e in made] == [(row['prompt'], row['completion']) for row in theirs]


def write_task(folder, stem, num):
    content = {
        'Definition': ['Say it again'],
        'Positive Examples': [{'input': f'p{i}', 'output': f'q{i}', 'explanation': f'because {i}'} for i in range(3)],
        'Negative Examples': [],
        'Instances': [{'input': f'in {i}', 'output': [f'out {i}']} for i in range(num)],
        'Categories': ['Echo'],
    }
    (folder / f'{stem}.json').write_text(json.dumps(content))


def test_natural_instructions_without_what_comes_from_mmlu(tmp_path):
    tasks = tmp_path / 'tasks'
    tasks.mkdir()
    for number in (1, 663, 664, 667, 668, 684, 685, 737, 738):
        write_task(tasks, f'task{number:03d}_echo', number % 7 + 1)
    mixtures.register(natural_instructions=tmp_path)
    kept = {number: number % 7 + 1 for number in (1, 663, 668, 684, 738)}
    assert rates('niv2_zsopt') == {f'niv2_zsopt_task{number:03d}_echo': size for number, size in kept.items()}
    zero = [example.inputs for example in examples(registry.get_task('niv2_zsopt_task684_echo'), 'train')]
    assert all('Say it again.' in text and 'Positive Example' not in text for text in zero)
    few = [example.inputs for example in examples(registry.get_task('niv2_fsopt_task684_echo'), 'train')]
    assert all(text.count('Say it again.') == 1 for text in few)
    assert {(text.count('Positive Example'), 'because 0' in text) for text in few} == {(1, True), (2, False)}
