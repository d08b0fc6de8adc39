"""Structured data to text: triples, attributes or words become sentences."""

import re
from collections.abc import Iterable

from jaxit.tasks.flan2021.data_set import ROUGE, DataSet, asks, distinct, inverts
from jaxit.tasks.preprocessors import Record, filter_empty

_CLUSTERS = ('structure_to_text',)
_BRACKETED = re.compile(r'\[[^\]]*\]')
_ATTRIBUTE = re.compile(r'([^,\[\]]+)\[([^\]]*)\]')


def answers(record: Record) -> Record | None:
    """Takes the target as the answer, and with the references, which train rows lack, as what counts in evaluation."""
    texts = distinct((record['target'], *record['references']))
    return record | {'answer': texts[0], 'references': texts} if texts else None


def web_nlg_triples(record: Record) -> Record:
    """Joins the triples, each `subject | property | value`."""
    return record | {'triples': _join(record['input'], '; ')}


def common_gen_words(record: Record) -> Record:
    """Joins the words that the sentence is to be made of."""
    return record | {'words': _join(record['concepts'], ', ')}


def e2e_attributes(record: Record) -> Record:
    """Rewrites `name[The Mill], area[riverside]` as `name = The Mill, area = riverside`."""
    pairs = _ATTRIBUTE.findall(record['meaning_representation'])
    return record | {'attributes': _join((f'{name.strip()} = {value.strip()}' for name, value in pairs), ', ')}


def dart_facts(record: Record) -> Record:
    """Joins the facts without their cells in brackets, such as `[TABLECONTEXT]`, which name a place in a table."""
    cells = (_BRACKETED.sub('', fact).split() for fact in record['tripleset'])
    return record | {'facts': _join((' '.join(words) for words in cells), '; ')}


def _join(parts: Iterable[str], separator: str) -> str:
    return separator.join(part.strip() for part in parts if part.strip())


WEB_NLG_EN = DataSet(
    key='web_nlg_en',
    tfds='gem/web_nlg_en:1.1.0',
    clusters=_CLUSTERS,
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=30_000,
    preprocessors=(web_nlg_triples, filter_empty(('triples',)), answers),
    templates=(
        asks('Put this into plain English.\n\n{triples}'),
        asks('{triples}\n\nThe notation is subject | property | value. Write a short text that covers all of it.'),
        asks('RDF: {triples}\nText:'),
        asks('What would an encyclopedia say, in a sentence or two, if this were all it knew?\n\n{triples}'),
        asks(
            'The following comes from a knowledge base, where a semicolon parts one entry from the next:\n{triples}\n'
            'Please write it out as fluent prose and leave nothing out.'
        ),
        asks(
            'A reader who has never seen a database wants to know what this means: {triples}\n\n'
            'Explain it to them in ordinary words.'
        ),
        asks('Turn the knowledge graph into a description that could be read aloud.\n\nGraph: {triples}\nDescription:'),
        asks('{triples}\n\nHow would you say the same thing in natural language?'),
        inverts(
            'Express the content of this text as one or more triples of the form subject | property | value, '
            'with underscores for the blanks in names. Put semicolons between the triples.\n\n{answer}',
            '{triples}',
        ),
        inverts(
            'Text: {answer}\n\nWhat does it state? Note it down the way DBpedia would, '
            'as subject | property | value, with a semicolon before each further entry.',
            '{triples}',
        ),
    ),
    metrics=ROUGE,
    licence='CC-BY-NC-4.0',
)

COMMON_GEN = DataSet(
    key='common_gen',
    tfds='gem/common_gen:1.1.0',
    clusters=_CLUSTERS,
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=30_000,
    preprocessors=(common_gen_words, filter_empty(('words',)), answers),
    templates=(
        asks('Write a sentence about an everyday scene in which all of these words occur, in any form: {words}'),
        asks('{words}\n\nMake one sentence out of the words above.'),
        asks('Words: {words}\nA sentence that uses every one of them:'),
        asks(
            'Imagine a situation that brings the following together, and describe it in one sentence that mentions '
            'each of them.\n\n{words}'
        ),
        asks('Could you fit all of this into a single sentence? {words}'),
        asks(
            'I am learning English and want to practise these words: {words}\n'
            'Please show me a sensible sentence that contains them all.'
        ),
        asks(
            'Given the notions below, say something that might well happen in real life. '
            'You may inflect the words and put them in any order.\n\n{words}'
        ),
        inverts(
            'Name the main notions in this sentence in their basic form, with commas between them: {answer}', '{words}'
        ),
        inverts(
            '{answer}\n\nThis was written as an exercise in using a handful of given words. What were the words? '
            'Separate them by commas.',
            '{words}',
        ),
        inverts(
            'Which nouns and verbs carry the meaning of the sentence below? '
            'List them uninflected, with commas between them.\n\nSentence: {answer}',
            '{words}',
        ),
    ),
    metrics=ROUGE,
    licence='MIT',
)

E2E_NLG = DataSet(
    key='e2e_nlg',
    tfds='gem/e2e_nlg:1.1.0',
    clusters=_CLUSTERS,
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=30_000,
    preprocessors=(e2e_attributes, filter_empty(('attributes',)), answers),
    templates=(
        asks('Describe the place that has these attributes.\n\n{attributes}'),
        asks('Venue data: {attributes}\nDescription:'),
        asks('Write a short entry for a restaurant guide from the following record: {attributes}'),
        asks('{attributes}\n\nTurn this into natural English without adding or dropping anything.'),
        asks('A friend asks about this place. What do you tell them, if this is all you know?\n\n{attributes}'),
        asks('What we know about somewhere to eat or drink: {attributes}\n\nPlease put it into words.'),
        asks('How would a human writer phrase the information below?\n\n{attributes}'),
        asks(
            'The listing says: {attributes}\n\nRewrite the listing as running text for people who are choosing a place.'
        ),
        asks(
            'Introduce this pub, coffee shop or restaurant in a sentence or two to a visitor who has never heard of it. '
            'Details: {attributes}'
        ),
        asks(
            'Every pair below consists of a property and its value. Say all of it in fluent prose.\n{attributes}\nProse:'
        ),
    ),
    metrics=ROUGE,
    licence='CC-BY-SA-4.0',
)

DART = DataSet(
    key='dart',
    tfds='gem/dart:1.1.0',
    clusters=_CLUSTERS,
    train='train[:30000]',
    dev='train[-200:]',
    test='validation',
    num_train=30_000,
    preprocessors=(dart_facts, filter_empty(('facts',)), answers),
    templates=(
        asks('Convey the following in a sentence or two.\n\n{facts}'),
        asks('{facts}\n\nThe above is shorthand. What does it say in everyday English?'),
        asks('Data: {facts}\nIn words:'),
        asks('Someone jotted this down in a hurry: {facts}\n\nCould you write it up properly?'),
        asks('Read the record and report what it says as a natural sentence.\n\nRecord: {facts}'),
        asks('{facts}\n\nMake a readable statement of this.'),
        asks(
            'Here is some structured information.\n\n{facts}\n\nGive a faithful account of it that mentions every entry.'
        ),
        asks('How might a reporter word this?\n\n{facts}'),
        inverts(
            'Break the statement down into as many facts as it holds. Write each as subject, relation and object in a '
            'row, and put a semicolon between one fact and the next.\n\nStatement: {answer}',
            '{facts}',
        ),
        inverts(
            '{answer}\n\nSuppose that this was written from the records of a database. What did the database hold? '
            'Give subject, relation and object of each entry, with a semicolon before each further entry.',
            '{facts}',
        ),
    ),
    metrics=ROUGE,
    licence='MIT',
)

DATA_SETS = (WEB_NLG_EN, COMMON_GEN, E2E_NLG, DART)
