"""Sentiment: is what someone wrote about a film, a business or their day positive or negative?"""

import html
import re

from jaxit.tasks.flan2021.data_set import CAP, DataSet, asks, inverts
from jaxit.tasks.preprocessors import Record, choices, label_text, strip

SENTIMENTS = ('negative', 'positive')


def _break_lines(record: Record) -> Record:
    """Turns the line breaks of HTML into those of text."""
    return record | {'text': re.sub(r'<br\s*/?>', '\n', record['text'])}


def _unescape(record: Record) -> Record:
    """Restores line breaks and quotation marks, which the source's table escapes and its reader leaves in."""
    text = re.sub(r'\\?""|\\"', '"', record['text'])
    return record | {'text': text.replace(r'\n', '\n')}


def _without_entities(record: Record) -> Record:
    """Restores what tweets were given as entities of HTML, `&quot;` or `&lt;3`."""
    return record | {'text': html.unescape(record['text'])}


def _sentiment_of_polarity(record: Record) -> Record | None:
    """Names the polarity, 0 to 4; leaves out the neutral tweets (2), which stand in the test split alone."""
    if record['polarity'] == 2:
        return None
    return record | {'answer': 'positive' if record['polarity'] > 2 else 'negative'}


IMDB_REVIEWS = DataSet(
    key='imdb_reviews',
    tfds='imdb_reviews/plain_text:1.0.0',
    clusters=('sentiment',),
    train='train[:-200]',
    dev='train[-200:]',
    test='test',
    num_train=24_800,
    preprocessors=(
        _break_lines,
        strip(('text',)),
        label_text('label', 'answer', SENTIMENTS),
        choices(SENTIMENTS),
    ),
    templates=(
        asks('A viewer has this to say about a film:\n\n{text}\n\nWhich word describes the verdict?\n\n{options}'),
        asks('Review of a film: {text}\n\nAttitude of the reviewer:\n{options}'),
        asks('Classify the opinion of a movie that is put forward below.\n\n{options}\n\n{text}'),
        asks(
            'On which side does this viewer come down, for the film (positive) or against it (negative)?\n\n'
            '{text}\n\n{options}'
        ),
        asks('"{text}"\n\nHow did the author of these lines feel about what was on the screen?\n\n{options}'),
        asks('Sort the following comment on a movie into one of two piles.\n\n{text}\n\n{options}\nPile:'),
        asks('Please judge the tone of an IMDb user towards the film discussed here: {text}\n\n{options}'),
        inverts(
            'You have just come out of the cinema, and your opinion of what you saw is {answer}. Put it in writing.',
            '{text}',
        ),
        inverts('Compose a review of a movie, real or invented. It should be {answer} on the whole.', '{text}'),
        inverts('Attitude of the reviewer: {answer}\nReview of a film:', '{text}'),
    ),
    metrics=('exact_match',),
    licence='unknown',
    classification=True,
)

SENTIMENT140 = DataSet(
    key='sentiment140',
    tfds='sentiment140:1.0.0',
    clusters=('sentiment',),
    train='train[:30000]',
    dev='train[-200:]',
    test='test',
    num_train=CAP,
    preprocessors=(_sentiment_of_polarity, _without_entities, strip(('text',)), choices(SENTIMENTS)),
    templates=(
        asks('Tweet: {text}\n\nWhat mood does it convey?\n\n{options}'),
        asks('{text}\n\nIn what frame of mind was the person who posted this?\n\n{options}'),
        asks('Classify the feeling behind a message from Twitter.\n\n{options}\n\nMessage: {text}'),
        asks('Someone tweets: "{text}"\nHow do they sound?\n\n{options}'),
        asks('Give the tweet the label that suits it best.\n\n{text}\n\n{options}\nLabel:'),
        asks(
            'If you had to put a smiling or a frowning face next to this post, which would it be? '
            'Answer positive for the smile and negative for the frown.\n\n{text}\n\n{options}'
        ),
        asks('{text}\n\nSentiment of the tweet above, positive or negative:'),
        inverts('Post a line or two on Twitter that show you in a {answer} mood.', '{text}'),
        inverts('Mood: {answer}\nTweet:', '{text}'),
        inverts(
            'People like to share small moments of their day online. Make up such a message, '
            'and let its tone be {answer}.',
            '{text}',
        ),
    ),
    metrics=('exact_match',),
    licence='unknown',
    classification=True,
)

YELP_POLARITY_REVIEWS = DataSet(
    key='yelp_polarity_reviews',
    tfds='yelp_polarity_reviews:0.2.0',
    clusters=('sentiment',),
    train='train[:30000]',
    dev='train[-200:]',
    test='test',
    num_train=CAP,
    preprocessors=(_unescape, strip(('text',)), label_text('label', 'answer', SENTIMENTS), choices(SENTIMENTS)),
    templates=(
        asks('{text}\n\nWhat impression did the place leave on this customer?\n\n{options}'),
        asks('Customer feedback: {text}\n\nOverall experience:\n{options}'),
        asks('Label this Yelp review with the view it takes of the business.\n\n{options}\n\nReview: {text}'),
        asks(
            'The owner of a business receives this review:\n\n{text}\n\n'
            'Choose positive if it will please the owner, negative if it will not.\n\n{options}'
        ),
        asks('Would the stars beside these lines be many (positive) or few (negative)?\n\n{text}\n\n{options}'),
        asks('What opinion of the place comes through in what this customer says?\n{text}\n\n{options}\nOpinion:'),
        asks(
            'I keep praise (positive) and complaints (negative) apart. Please tell me where this one belongs: {text}'
            '\n\n{options}'
        ),
        inverts(
            'Imagine that you have been to a local business and write about it on Yelp. Your experience was {answer}.',
            '{text}',
        ),
        inverts('Draft what a customer might say of a shop, a restaurant or a service in a {answer} review.', '{text}'),
        inverts('Overall experience: {answer}\nCustomer feedback:', '{text}'),
    ),
    metrics=('exact_match',),
    licence="Yelp's dataset terms of use, academic use",
    classification=True,
)

SST2 = DataSet(
    key='sst2',
    tfds='glue/sst2:2.0.0',
    clusters=('sentiment',),
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=CAP,
    preprocessors=(strip(('sentence',)), label_text('label', 'answer', SENTIMENTS), choices(SENTIMENTS)),
    templates=(
        asks('From a film review: {sentence}\n\nWhich kind of remark is it?\n\n{options}'),
        asks(
            '{sentence}\n\nDo these words speak for a movie or against it? '
            'Reply positive if for, negative if against.\n\n{options}'
        ),
        asks('Assign a sentiment to this snippet of film criticism.\n\nSnippet: {sentence}\n\n{options}'),
        asks('Phrase: "{sentence}"\nConnotation:\n{options}'),
        asks('A critic says of a movie: "{sentence}"\nWhich way does the remark lean?\n\n{options}'),
        asks('Find the label that fits the extract underneath.\n\n{options}\n\n{sentence}'),
        asks(
            'Suppose that all you could read of a review were the words "{sentence}"\n'
            'What would you take the rest of it to be?\n\n{options}'
        ),
        asks('Please mark the following as praise (positive) or blame (negative): {sentence}\n\n{options}'),
        inverts('Give a phrase or a sentence with a {answer} slant, such as a film critic might write.', '{sentence}'),
        inverts('Connotation: {answer}\nWords about a movie:', '{sentence}'),
    ),
    metrics=('exact_match',),
    licence='unknown',
    classification=True,
)

DATA_SETS = (IMDB_REVIEWS, SENTIMENT140, YELP_POLARITY_REVIEWS, SST2)
