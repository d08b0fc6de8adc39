"""What commands print: whole rows where there is no terminal, a bar where there is one."""

import io

import pytest
from rich.console import Console

from jaxit.cli import console


def _terminal(page: io.StringIO) -> Console:
    return Console(file=page, force_terminal=True, width=100, highlight=False)


def test_a_piped_table_has_one_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    name = 'x' * 300
    console.table('title', ['name', 'n'], [[name, 1], ['[b]y[/b]', None]], left=1)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == 'title' and lines[1].split() == ['name', 'n']
    assert lines[3].split() == [name, '1'] and lines[4] == '[b]y[/b]'


def test_counting_says_a_line_at_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    counting = console.Counting('answers')
    for done in range(1, 101):
        counting(done, 100)
    lines = capsys.readouterr().err.splitlines()
    assert 10 <= len(lines) <= 11
    assert lines[0].startswith('answers: 1/100  ') and lines[-1].startswith('answers: 100/100  ')
    assert lines[-1].endswith('0m00s left') and '/s' in lines[-1]


def test_counting_draws_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    page = io.StringIO()
    monkeypatch.setattr(console, 'err', _terminal(page))
    counting = console.Counting('answers [a]')
    for done in (1, 2, 3):
        counting(done, 3)
    assert 'answers [a]' in page.getvalue() and '3/3' in page.getvalue() and '/s' in page.getvalue()


def test_training_shows_loss_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    progress = console.TrainProgress(100)
    values = {
        'train/loss': 1.25,
        'train/accuracy': 0.5,
        'train/tokens_per_second': 1234.0,
        'train/seconds_per_step': 2.0,
    }
    progress.show(40, values)
    progress.close()
    assert capsys.readouterr().err == 'step 40/100  loss 1.2500  accuracy 0.500  1,234 tokens/s  2m00s left\n'
