"""Text as the makers of data sets left it, and as a person would write it."""

import pytest

from jaxit.tasks.flan2021.cleaning import joined_tokens, straight_quotes, web_text


@pytest.mark.parametrize(
    ('written', 'meant'),
    [
        ('Oslo #39;s mayor said  quot;no quot;, twice', 'Oslo\'s mayor said "no", twice'),
        ('quot;No, quot; said the mayor', '"No," said the mayor'),
        ('the boys #39; bikes', "the boys' bikes"),
        ('AT amp;T, Ernst  amp; Young', 'AT&T, Ernst & Young'),
        ('Shares fall &lt;b&gt;...&lt;/b&gt;', 'Shares fall ...'),
        ('Acme &lt;A HREF="http://x.example/q?t=A.N target=/q"&gt;A.N&lt;/A&gt; rose', 'Acme A.N rose'),
        ('he #146;s late  #151; again', 'he’s late — again'),
        (r'a \$5 fee, US\$7 or  #36;9 in\Ohio', 'a $5 fee, US$7 or $9 in Ohio'),
        (r'One end.\\Another start  after two blanks', 'One end. Another start after two blanks'),
        ('We are #1; job cuts; the 36; R&D; 3 < 4 > 2', 'We are #1; job cuts; the 36; R&D; 3 < 4 > 2'),
    ],
)
def test_web_text_reads_as_it_was_meant(written, meant):
    assert web_text(('text',))({'text': written, 'other': written}) == {'text': meant, 'other': written}


def test_quotes_become_straight_in_the_named_fields():
    record = {'text': "``Go,'' she said. It's ``now''.", 'other': "``x''"}
    assert straight_quotes(('text',))(record) == {'text': '"Go," she said. It\'s "now".', 'other': "``x''"}


@pytest.mark.parametrize(
    ('written', 'meant'),
    [
        ("What 's the origin of the name ` Scarlett ' ?", "What's the origin of the name 'Scarlett'?"),
        (
            "Who said , `` If you don 't look good , we do n't look good '' ?",
            'Who said, "If you don\'t look good, we don\'t look good"?',
        ),
        ("What beer is `` rockin ' America ? ''", 'What beer is "rockin\' America?"'),
        (
            "Who saw dogs ' tails at 12 o 'clock in the '70s : O 'Hara or 'em ?",
            "Who saw dogs' tails at 12 o'clock in the '70s: O'Hara or 'em?",
        ),
        ('What is .com , and what is in Genesis 19 : 24 ?', 'What is .com, and what is in Genesis 19:24?'),
        ('Name the scar-faced bounty hunter of The Old West .', 'Name the scar-faced bounty hunter of The Old West.'),
    ],
)
def test_tokens_are_joined_as_a_person_writes_them(written, meant):
    assert joined_tokens(('text',))({'text': written, 'other': written}) == {'text': meant, 'other': written}
