"""How the primer words its instructions: five trained templates and a held-out one, in two languages.

Each block is one task. Its lines are English templates, a line of dashes, German templates; the
last one of either language is never trained on. A held-out wording shares its key word
('opposite', 'Gegenteil') with a trained one: what is new is the sentence around it.
"""

from typing import NamedTuple


class Wording(NamedTuple):
    """One pattern of inputs and targets and its language."""

    inputs: str
    targets: str
    language: str


class Wordings(NamedTuple):
    """The templates of a task."""

    trained: tuple[Wording, ...]
    held_out: tuple[Wording, ...]


_BLOCKS = {
    'topic': """
        Which topic is this sentence about: sport, food, weather, music or school? {sentence}
        Name the topic of the sentence. {sentence}
        {sentence} What is the topic of this sentence?
        Sentence: {sentence} Topic:
        Read this: {sentence} Is the topic sport, food, weather, music or school?
        Say in one word which topic fits. {sentence}
        ---
        Um welches Thema geht es in diesem Satz: Sport, Essen, Wetter, Musik oder Schule? {sentence_de}
        Nenne das Thema des Satzes. {sentence_de}
        {sentence_de} Was ist das Thema dieses Satzes?
        Satz: {sentence_de} Thema:
        Lies das: {sentence_de} Ist das Thema Sport, Essen, Wetter, Musik oder Schule?
        Sage in einem Wort, welches Thema passt. {sentence_de}
        """,
    'sentiment': """
        Is this sentence positive or negative? {sentence}
        {sentence} Is this opinion positive or negative?
        Opinion: {sentence} Positive or negative?
        Does the writer like it? Answer positive or negative. {sentence}
        Decide whether the opinion is positive or negative. {sentence}
        How does this sound, positive or negative? {sentence}
        ---
        Ist dieser Satz positiv oder negativ? {sentence_de}
        {sentence_de} Ist diese Meinung positiv oder negativ?
        Meinung: {sentence_de} Positiv oder negativ?
        Hat es der Person gefallen? Antworte mit positiv oder negativ. {sentence_de}
        Entscheide, ob die Meinung positiv oder negativ ist. {sentence_de}
        Wie klingt das, positiv oder negativ? {sentence_de}
        """,
    'opposite': """
        What is the opposite of {word}?
        Give the opposite of this word: {word}
        Opposite of {word}:
        The opposite of {word} is
        Which word means the opposite of {word}?
        Turn this word into its opposite: {word}
        ---
        Was ist das Gegenteil von {word_de}?
        Nenne das Gegenteil dieses Wortes: {word_de}
        Gegenteil von {word_de}:
        Das Gegenteil von {word_de} ist
        Welches Wort bedeutet das Gegenteil von {word_de}?
        Verwandle dieses Wort in sein Gegenteil: {word_de}
        """,
    'category': """
        What is the category of {word}?
        Name the category of this word: {word}
        Word: {word}. Category:
        Which category does the word {word} belong to?
        Choose the category of {word}: bird, mammal, fruit, tool, vehicle, clothing or furniture.
        Into which category would you put the word {word}?
        ---
        Was ist der Oberbegriff von {word_de}?
        Nenne den Oberbegriff für dieses Wort: {word_de}
        Wort: {word_de}. Oberbegriff:
        Zu welchem Oberbegriff gehört das Wort {word_de}?
        Wähle den Oberbegriff von {word_de}: Vogel, Säugetier, Frucht, Werkzeug, Fahrzeug, Kleidung oder Möbel.
        Unter welchen Oberbegriff fällt das Wort {word_de}?
        """,
    'word_to_german': """
        Translate this word into German: {word}
        What is {word} in German?
        What is the German word for {word}?
        English word: {word}. German word:
        How do you say {word} in German?
        Give the German translation of {word}.
        ---
        Übersetze dieses Wort ins Deutsche: {word}
        Was heißt {word} auf Deutsch?
        Was ist das deutsche Wort für {word}?
        Englisches Wort: {word}. Deutsches Wort:
        Wie sagt man {word} auf Deutsch?
        Nenne die deutsche Übersetzung von {word}.
        """,
    'word_to_english': """
        Translate this word into English: {word_de}
        What is {word_de} in English?
        What is the English word for {word_de}?
        German word: {word_de}. English word:
        How do you say {word_de} in English?
        Give the English translation of {word_de}.
        ---
        Übersetze dieses Wort ins Englische: {word_de}
        Was heißt {word_de} auf Englisch?
        Was ist das englische Wort für {word_de}?
        Deutsches Wort: {word_de}. Englisches Wort:
        Wie sagt man {word_de} auf Englisch?
        Nenne die englische Übersetzung von {word_de}.
        """,
    'sentence_to_german': """
        Translate this sentence into German: {sentence}
        {sentence} How do you say this in German?
        English: {sentence} German:
        Put this sentence into German: {sentence}
        What does this mean in German? {sentence}
        Give the German translation of this sentence: {sentence}
        ---
        Übersetze diesen Satz ins Deutsche: {sentence}
        {sentence} Wie sagt man das auf Deutsch?
        Englisch: {sentence} Deutsch:
        Übertrage diesen Satz ins Deutsche: {sentence}
        Was heißt das auf Deutsch? {sentence}
        Nenne die deutsche Übersetzung dieses Satzes: {sentence}
        """,
    'sentence_to_english': """
        Translate this sentence into English: {sentence_de}
        {sentence_de} How do you say this in English?
        German: {sentence_de} English:
        Put this sentence into English: {sentence_de}
        What does this mean in English? {sentence_de}
        Give the English translation of this sentence: {sentence_de}
        ---
        Übersetze diesen Satz ins Englische: {sentence_de}
        {sentence_de} Wie sagt man das auf Englisch?
        Deutsch: {sentence_de} Englisch:
        Übertrage diesen Satz ins Englische: {sentence_de}
        Was heißt das auf Englisch? {sentence_de}
        Nenne die englische Übersetzung dieses Satzes: {sentence_de}
        """,
    'capital': """
        What is the capital of {country}?
        Name the capital of {country}.
        Country: {country}. Capital:
        The capital of {country} is
        Which city is the capital of {country}?
        Tell me which city {country} has as its capital.
        ---
        Was ist die Hauptstadt von {country_de}?
        Nenne die Hauptstadt von {country_de}.
        Land: {country_de}. Hauptstadt:
        Die Hauptstadt von {country_de} ist
        Welche Stadt ist die Hauptstadt von {country_de}?
        Wie heißt die Hauptstadt von {country_de}?
        """,
    'colour': """
        What colour is {thing}?
        Name the colour of {thing}.
        Thing: {thing}. Colour:
        Which colour does {thing} have?
        The colour of {thing} is
        Tell me what colour {thing} has.
        ---
        Welche Farbe hat {thing_de}?
        Sage mir, welche Farbe {thing_de} hat.
        Ding: {thing_de}. Farbe:
        Nenne die Farbe: {thing_de}
        Wie sieht {thing_de} aus? Nenne die Farbe.
        Weißt du, welche Farbe {thing_de} hat?
        """,
    'first_word': """
        What is the first word? {words}
        Give the first word of this list: {words}
        List: {words}. First word:
        Which word comes first in this list? {words}
        Copy only the first word: {words}
        Repeat the word that stands first: {words}
        ---
        Was ist das erste Wort? {words_de}
        Nenne das erste Wort dieser Liste: {words_de}
        Liste: {words_de}. Erstes Wort:
        Welches Wort ist in dieser Liste das erste? {words_de}
        Schreibe nur das erste Wort ab: {words_de}
        Wiederhole das erste Wort der Reihe: {words_de}
        """,
    'last_word': """
        What is the last word? {words}
        Give the last word of this list: {words}
        List: {words}. Last word:
        Which word comes last in this list? {words}
        Copy only the last word: {words}
        Repeat the word that stands last: {words}
        ---
        Was ist das letzte Wort? {words_de}
        Nenne das letzte Wort dieser Liste: {words_de}
        Liste: {words_de}. Letztes Wort:
        Welches Wort ist in dieser Liste das letzte? {words_de}
        Schreibe nur das letzte Wort ab: {words_de}
        Wiederhole das letzte Wort der Reihe: {words_de}
        """,
    'count_words': """
        How many words are in this list? {words}
        Count the words: {words}
        List: {words}. Number of words:
        Give the number of words: {words}
        How many words do you read here? {words}
        Say how many words you see: {words}
        ---
        Wie viele Wörter stehen in dieser Liste? {words_de}
        Zähle die Wörter: {words_de}
        Liste: {words_de}. Anzahl der Wörter:
        Nenne die Anzahl der Wörter: {words_de}
        Wie viele Wörter liest du hier? {words_de}
        Sage, wie viele Wörter du siehst: {words_de}
        """,
    'contains': """
        Is the word {word} in this list? {words}
        List: {words}. Does it contain {word}?
        Does this list contain the word {word}? {words}
        Look for {word} in the list and answer yes or no: {words}
        Yes or no: is {word} among these words? {words}
        Can you find the word {word} in this list? {words}
        ---
        Steht das Wort {word_de} in dieser Liste? {words_de}
        Liste: {words_de}. Enthält sie {word_de}?
        Enthält diese Liste das Wort {word_de}? {words_de}
        Suche {word_de} in der Liste und antworte mit ja oder nein: {words_de}
        Ja oder nein: ist {word_de} unter diesen Wörtern? {words_de}
        Findest du das Wort {word_de} in dieser Liste? {words_de}
        """,
    'past': """
        Rewrite in the past tense: {sentence}
        Put this sentence into the past: {sentence}
        Present: {sentence} Past:
        {sentence} Say the same in the past tense.
        It was yesterday. Change the sentence to the past: {sentence}
        What is the past tense of this sentence? {sentence}
        ---
        Schreibe in der Vergangenheit: {sentence_de}
        Setze diesen Satz in die Vergangenheit: {sentence_de}
        Gegenwart: {sentence_de} Vergangenheit:
        {sentence_de} Sage dasselbe in der Vergangenheit.
        Es war gestern. Bringe den Satz in die Vergangenheit: {sentence_de}
        Wie lautet dieser Satz in der Vergangenheit? {sentence_de}
        """,
    'plural': """
        What is the plural of {word}?
        Give the plural of this word: {word}
        Singular: {word}. Plural:
        One {word}, two
        Write the plural of {word}.
        Turn this word into the plural: {word}
        ---
        Was ist die Mehrzahl von {word_de}?
        Nenne die Mehrzahl dieses Wortes: {word_de}
        Einzahl: {word_de}. Mehrzahl:
        Wie heißt die Mehrzahl von {word_de}?
        Schreibe die Mehrzahl von {word_de}.
        Setze dieses Wort in die Mehrzahl: {word_de}
        """,
    'add': """
        What is {a} + {b}?
        Add {a} and {b}.
        {a} + {b} =
        What is the sum of {a} and {b}?
        How much is {a} plus {b}?
        Calculate the sum: {a} + {b}
        ---
        Was ist {a} + {b}?
        Addiere {a} und {b}.
        Rechne: {a} + {b} =
        Was ist die Summe von {a} und {b}?
        Wie viel ist {a} plus {b}?
        Berechne die Summe: {a} + {b}
        """,
    'bigger_number': """
        Which number is bigger, {a} or {b}?
        Name the bigger number: {a}, {b}
        Numbers: {a}, {b}. Bigger:
        {a} or {b}: which number is bigger?
        Give the bigger number of {a} and {b}.
        Choose the bigger number from {a} and {b}.
        ---
        Welche Zahl ist größer, {a} oder {b}?
        Nenne die größere Zahl: {a}, {b}
        Zahlen: {a}, {b}. Größer:
        {a} oder {b}: welche Zahl ist größer?
        Gib die größere Zahl von {a} und {b} an.
        Wähle die größere Zahl aus {a} und {b}.
        """,
    'alphabet': """
        Which word comes first in the alphabet, {left} or {right}?
        Name the word that comes first in the alphabet: {left}, {right}
        {left} or {right}: which is earlier in the alphabet?
        Words: {left}, {right}. Earlier in the alphabet:
        Give the word that is earlier in the alphabet: {left}, {right}
        Which of {left} and {right} stands earlier in the alphabet?
        ---
        Welches Wort kommt im Alphabet zuerst, {left_de} oder {right_de}?
        Nenne das Wort, das im Alphabet zuerst kommt: {left_de}, {right_de}
        {left_de} oder {right_de}: was kommt im Alphabet früher?
        Wörter: {left_de}, {right_de}. Früher im Alphabet:
        Gib das Wort an, das im Alphabet früher kommt: {left_de}, {right_de}
        Welches Wort steht früher im Alphabet: {left_de} oder {right_de}?
        """,
    # A function of the first or last word of a list; `{what}` and its German cases are filled from _FUNCTIONS.
    'of_list': """
        What is {what}? {words}
        Give {what}: {words}
        List: {words}. Give {what}.
        Name {what} in this list: {words}
        Tell me {what}. {words}
        Find {what}: {words}
        ---
        Was ist {nominative}? {words_de}
        Nenne {accusative}: {words_de}
        Liste: {words_de}. Nenne {accusative}.
        Wie lautet {nominative} in dieser Liste? {words_de}
        Sage mir {accusative}. {words_de}
        Finde {accusative}: {words_de}
        """,
    # A function of one word, answered in the other language.
    'translated': """
        What is {what} in German?
        Give {what} in German.
        Tell me {what} in German.
        In German, what is {what}?
        Answer in German: what is {what}?
        How do you say {what} in German?
        ---
        Was ist {nominative} auf Englisch?
        Nenne {accusative} auf Englisch.
        Sage mir {accusative} auf Englisch.
        Auf Englisch: was ist {nominative}?
        Antworte auf Englisch: was ist {nominative}?
        Wie sagt man {accusative} auf Englisch?
        """,
}

# function -> (English, German nominative, German accusative), each before 'of ...'
_FUNCTIONS = {
    'opposite': ('the opposite of', 'das Gegenteil', 'das Gegenteil'),
    'category': ('the category of', 'der Oberbegriff', 'den Oberbegriff'),
    'plural': ('the plural of', 'die Mehrzahl', 'die Mehrzahl'),
    'translation': ('the German word for', 'das englische Wort', 'das englische Wort'),
}
_POSITIONS = {'first': ('the first word', 'ersten'), 'last': ('the last word', 'letzten')}


def wordings(name: str) -> Wordings:
    """Returns the templates of a simple task."""
    targets, targets_de = {
        'word_to_german': ('{word_de}', '{word_de}'),
        'word_to_english': ('{word}', '{word}'),
        'sentence_to_german': ('{sentence_de}', '{sentence_de}'),
        'sentence_to_english': ('{sentence}', '{sentence}'),
        'add': ('{answer}', '{answer}'),
        'bigger_number': ('{answer}', '{answer}'),
    }.get(name, ('{answer}', '{answer_de}'))
    return _parse(_BLOCKS[name], targets, targets_de)


def of_list(function: str, position: str) -> Wordings:
    """Returns the templates of a function of the first or last word of a list."""
    english, nominative, accusative = _FUNCTIONS[function]
    place, place_de = _POSITIONS[position]
    case = f'für das {place_de[:-1]} Wort' if function == 'translation' else f'des {place_de} Wortes'
    filled = _fill(_BLOCKS['of_list'], f'{english} {place}', f'{nominative} {case}', f'{accusative} {case}')
    return _parse(filled, '{answer}', '{answer_de}')


def translated(function: str) -> Wordings:
    """Returns the templates of a function of one word, answered in the other language."""
    english, nominative, accusative = _FUNCTIONS[function]
    of = 'von {word_de}'
    filled = _fill(_BLOCKS['translated'], f'{english} {{word}}', f'{nominative} {of}', f'{accusative} {of}')
    return _parse(filled, '{answer}', '{answer_de}')


def _fill(block: str, what: str, nominative: str, accusative: str) -> str:
    return block.replace('{what}', what).replace('{nominative}', nominative).replace('{accusative}', accusative)


def _parse(block: str, targets: str, targets_de: str) -> Wordings:
    english, german = block.split('---')
    sides = [
        [Wording(line.strip(), answer, language) for line in lines.strip().splitlines()]
        for lines, answer, language in ((english, targets, 'en'), (german, targets_de, 'de'))
    ]
    return Wordings(
        trained=tuple(wording for side in sides for wording in side[:-1]),
        held_out=tuple(side[-1] for side in sides),
    )
