"""Files of ranks, against byte-pair merging written out, and against GPT-2's own tokenizer.json."""

import base64

import pytest

from jaxit.core.errors import UserError
from jaxit.text import tiktoken_ranks, tokenizers

# 'nhiều' and its neighbours are whole words of LLaMA 3 that no merging of pairs leads to.
TEXT = (
    "I'LL don't we've  two spaces\n\n\n  x\r\ny\t\tz 1234567 3.14159 naïve Ærø 漢字かな交じり 😀👨‍👩‍👧 $%&*() "
    'antidisestablishmentarianism nhiều điều характер jeho <|eot_id|> supercalifragilistic\u00a0nbsp   '
)


def merge(word, ranks):
    """The algorithm as tiktoken states it: a known word whole, else the pair of lowest rank first, leftmost at a tie."""
    if word in ranks:
        return [ranks[word]]
    parts = [bytes([byte]) for byte in word]
    while True:
        pairs = [(ranks.get(parts[i] + parts[i + 1], 1 << 30), i) for i in range(len(parts) - 1)]
        if not pairs or min(pairs)[0] == 1 << 30:
            return [ranks[part] for part in parts]
        i = min(pairs)[1]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]


@pytest.mark.parity
@pytest.mark.shared_data
def test_llama3_ids_equal_the_algorithms(shared_data, real):
    regex = pytest.importorskip('regex')
    path = shared_data / 'tokenizers' / 'llama3' / 'tokenizer.tiktoken'
    ranks = {base64.b64decode(piece): int(i) for piece, i in (line.split() for line in path.read_bytes().splitlines())}
    tokenizer = real('llama3')
    pattern = regex.compile(tiktoken_ranks.LAYOUTS[128_000].pattern)
    texts = [TEXT, *(shared_data / 'chat_fastchat' / 'mt_bench_question.jsonl').read_text().splitlines()[:40]]
    for text in texts:
        ids = [i for word in pattern.findall(text) for i in merge(word.encode(), ranks)]
        assert tokenizer.encode(text) == ids
        assert tokenizer.decode(ids) == text
    assert tokenizer.special_id('<|start_header_id|>') == 128_006
    assert tokenizer.special_id('<|eot_id|>') == 128_009
    assert tokenizer.special_id('<|reserved_special_token_246|>') == 128_255


@pytest.mark.shared_data
def test_gpt2_ranks_give_the_ids_of_its_tokenizer_json(shared_data, real):
    folder = shared_data / 'tokenizers' / 'gpt2'
    ranks, oracle = tokenizers.load(folder / 'gpt2.tiktoken'), real('gpt2')
    text = TEXT + (shared_data / 'chat_fastchat' / 'mt_bench_question.jsonl').read_text()[:20_000]
    assert ranks.encode(text) == oracle.encode(text)
    assert ranks.decode(oracle.encode(text)) == text
    assert (ranks.eos_id, ranks.bos_id, ranks.vocab_size) == (50_256, None, 50_257)


def line(i):
    return base64.b64encode(i.to_bytes(2, 'big')) + b' %d\n' % i


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (line(0) + line(1), '2 ranks; known are'),
        (line(0) + b'???? 1', 'line 2 is not a base64 piece'),
        (line(0) + line(2), 'ranks are not 0..1'),
        (b'YQ==', 'line 1'),
    ],
)
def test_other_files_are_refused(content, message):
    with pytest.raises(UserError, match=f'x.tiktoken: .*{message}|x.tiktoken: {message}'):
        tiktoken_ranks.convert(content, 'x.tiktoken')
