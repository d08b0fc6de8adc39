"""The little world of the primer: closed word lists in English and German, as tables.

Every table is text, one row a line, so that a reader can check it at a glance and add a word
with one line. Nothing here is drawn at random: `primer.py` and `primer_text.py` do that.
"""

from typing import NamedTuple


class Noun(NamedTuple):
    """A noun with its category, both plurals and the German article."""

    category: str
    word: str
    plural: str
    article_de: str
    word_de: str
    plural_de: str


class Category(NamedTuple):
    """A category of nouns: its name, and how a sentence says that something belongs to it."""

    name: str
    phrase: str
    name_de: str
    phrase_de: str


class Pair(NamedTuple):
    """Two opposite adjectives in both languages."""

    left: str
    right: str
    left_de: str
    right_de: str


class Verb(NamedTuple):
    """A verb that takes an object: present and past, third person."""

    present: str
    past: str
    present_de: str
    past_de: str


class Fact(NamedTuple):
    """A subject and what is true of it, in both languages."""

    subject: str
    value: str
    subject_de: str
    value_de: str


def _rows(table: str, separator: str | None = None) -> list[list[str]]:
    lines = [line for line in table.strip().splitlines() if line.strip()]
    return [[cell.strip() for cell in line.split(separator)] for line in lines]


CATEGORIES = tuple(
    Category(*row)
    for row in _rows(
        """
        bird      | a bird                | Vogel         | ein Vogel
        mammal    | a mammal              | Säugetier     | ein Säugetier
        fruit     | a fruit               | Frucht        | eine Frucht
        tool      | a tool                | Werkzeug      | ein Werkzeug
        vehicle   | a vehicle             | Fahrzeug      | ein Fahrzeug
        clothing  | a piece of clothing   | Kleidung      | ein Stück Kleidung
        furniture | a piece of furniture  | Möbel         | ein Möbelstück
        """,
        '|',
    )
)

NOUNS = tuple(
    Noun(*row)
    for row in _rows(
        """
        bird      sparrow  sparrows  der Spatz     Spatzen
        bird      eagle    eagles    der Adler     Adler
        bird      owl      owls      die Eule      Eulen
        bird      duck     ducks     die Ente      Enten
        bird      swan     swans     der Schwan    Schwäne
        bird      raven    ravens    der Rabe      Raben
        bird      dove     doves     die Taube     Tauben
        bird      stork    storks    der Storch    Störche
        mammal    dog      dogs      der Hund      Hunde
        mammal    cat      cats      die Katze     Katzen
        mammal    horse    horses    das Pferd     Pferde
        mammal    cow      cows      die Kuh       Kühe
        mammal    mouse    mice      die Maus      Mäuse
        mammal    bear     bears     der Bär       Bären
        mammal    fox      foxes     der Fuchs     Füchse
        mammal    goat     goats     die Ziege     Ziegen
        fruit     apple    apples    der Apfel     Äpfel
        fruit     pear     pears     die Birne     Birnen
        fruit     cherry   cherries  die Kirsche   Kirschen
        fruit     plum     plums     die Pflaume   Pflaumen
        fruit     lemon    lemons    die Zitrone   Zitronen
        fruit     grape    grapes    die Traube    Trauben
        fruit     banana   bananas   die Banane    Bananen
        fruit     peach    peaches   der Pfirsich  Pfirsiche
        tool      hammer   hammers   der Hammer    Hämmer
        tool      axe      axes      die Axt       Äxte
        tool      drill    drills    der Bohrer    Bohrer
        tool      shovel   shovels   die Schaufel  Schaufeln
        tool      needle   needles   die Nadel     Nadeln
        tool      brush    brushes   die Bürste    Bürsten
        tool      ladder   ladders   die Leiter    Leitern
        tool      broom    brooms    der Besen     Besen
        vehicle   car      cars      das Auto      Autos
        vehicle   bus      buses     der Bus       Busse
        vehicle   train    trains    der Zug       Züge
        vehicle   ship     ships     das Schiff    Schiffe
        vehicle   boat     boats     das Boot      Boote
        vehicle   bicycle  bicycles  das Fahrrad   Fahrräder
        vehicle   plane    planes    das Flugzeug  Flugzeuge
        vehicle   tractor  tractors  der Traktor   Traktoren
        clothing  shirt    shirts    das Hemd      Hemden
        clothing  coat     coats     der Mantel    Mäntel
        clothing  hat      hats      der Hut       Hüte
        clothing  shoe     shoes     der Schuh     Schuhe
        clothing  dress    dresses   das Kleid     Kleider
        clothing  sock     socks     die Socke     Socken
        clothing  glove    gloves    der Handschuh Handschuhe
        clothing  skirt    skirts    der Rock      Röcke
        furniture table    tables    der Tisch     Tische
        furniture chair    chairs    der Stuhl     Stühle
        furniture bed      beds      das Bett      Betten
        furniture shelf    shelves   das Regal     Regale
        furniture cupboard cupboards der Schrank   Schränke
        furniture bench    benches   die Bank      Bänke
        furniture desk     desks     der Schreibtisch Schreibtische
        furniture sofa     sofas     das Sofa      Sofas
        """
    )
)

OPPOSITES = tuple(
    Pair(*row)
    for row in _rows(
        """
        big    small  groß     klein
        hot    cold   heiß     kalt
        old    new    alt      neu
        fast   slow   schnell  langsam
        long   short  lang     kurz
        high   low    hoch     niedrig
        hard   soft   hart     weich
        full   empty  voll     leer
        clean  dirty  sauber   schmutzig
        bright dark   hell     dunkel
        strong weak   stark    schwach
        rich   poor   reich    arm
        wet    dry    nass     trocken
        loud   quiet  laut     leise
        thick  thin   dick     dünn
        early  late   früh     spät
        open   closed offen    geschlossen
        wide   narrow breit    schmal
        happy  sad    froh     traurig
        good   bad    gut      schlecht
        """
    )
)

COLOURS = (
    ('red', 'rot'),
    ('green', 'grün'),
    ('blue', 'blau'),
    ('yellow', 'gelb'),
    ('black', 'schwarz'),
    ('white', 'weiß'),
    ('brown', 'braun'),
    ('grey', 'grau'),
)

# What any thing of the world can be, for phrases such as 'the table is old'.
THING_ADJECTIVES = (
    *COLOURS,
    ('big', 'groß'),
    ('small', 'klein'),
    ('old', 'alt'),
    ('new', 'neu'),
    ('clean', 'sauber'),
    ('dirty', 'schmutzig'),
    ('wet', 'nass'),
    ('dry', 'trocken'),
    ('good', 'gut'),
    ('bad', 'schlecht'),
)

STATES = (('is', 'ist'), ('was', 'war'), ('is very', 'ist sehr'), ('was very', 'war sehr'))

VERBS = tuple(
    Verb(*row)
    for row in _rows(
        """
        sees   saw     sieht     sah
        buys   bought  kauft     kaufte
        finds  found   findet    fand
        draws  drew    zeichnet  zeichnete
        takes  took    nimmt     nahm
        likes  liked   mag       mochte
        loses  lost    verliert  verlor
        sells  sold    verkauft  verkaufte
        brings brought bringt    brachte
        hides  hid     versteckt versteckte
        paints painted malt      malte
        needs  needed  braucht   brauchte
        """
    )
)

NAMES = ('Anna', 'Ben', 'Clara', 'David', 'Emma', 'Felix', 'Greta', 'Jonas', 'Lena', 'Paul')

CAPITALS = tuple(
    Fact(*row)
    for row in _rows(
        """
        Germany  Berlin     Deutschland  Berlin
        France   Paris      Frankreich   Paris
        Italy    Rome       Italien      Rom
        Spain    Madrid     Spanien      Madrid
        Austria  Vienna     Österreich   Wien
        Poland   Warsaw     Polen        Warschau
        Russia   Moscow     Russland     Moskau
        Greece   Athens     Griechenland Athen
        Japan    Tokyo      Japan        Tokio
        China    Beijing    China        Peking
        Egypt    Cairo      Ägypten      Kairo
        England  London     England      London
        Norway   Oslo       Norwegen     Oslo
        Portugal Lisbon     Portugal     Lissabon
        Sweden   Stockholm  Schweden     Stockholm
        Denmark  Copenhagen Dänemark     Kopenhagen
        """
    )
)

COLOUR_FACTS = tuple(
    Fact(*row)
    for row in _rows(
        """
        grass       | green  | das Gras       | grün
        snow        | white  | der Schnee     | weiß
        blood       | red    | das Blut       | rot
        the sky     | blue   | der Himmel     | blau
        coal        | black  | die Kohle      | schwarz
        the sun     | yellow | die Sonne      | gelb
        chocolate   | brown  | die Schokolade | braun
        milk        | white  | die Milch      | weiß
        ash         | grey   | die Asche      | grau
        a frog      | green  | der Frosch     | grün
        a tomato    | red    | die Tomate     | rot
        an elephant | grey   | der Elefant    | grau
        the sea     | blue   | das Meer       | blau
        salt        | white  | das Salz       | weiß
        a lemon     | yellow | die Zitrone    | gelb
        a raven     | black  | der Rabe       | schwarz
        """,
        '|',
    )
)

TOPICS = (('sport', 'Sport'), ('food', 'Essen'), ('weather', 'Wetter'), ('music', 'Musik'), ('school', 'Schule'))

# topic -> what somebody does; the German verb stands apart because an adverb follows it.
ACTIVITIES = {
    'sport': _rows(
        """
        kicks the ball       | tritt     | den Ball
        runs a race          | läuft     | ein Rennen
        scores a goal        | schießt   | ein Tor
        wins the match       | gewinnt   | das Spiel
        meets the team       | trifft    | die Mannschaft
        swims in the pool    | schwimmt  | im Becken
        """,
        '|',
    ),
    'food': _rows(
        """
        cooks soup           | kocht     | Suppe
        bakes bread          | backt     | Brot
        eats cake            | isst      | Kuchen
        fries eggs           | brät      | Eier
        cuts the cheese      | schneidet | den Käse
        drinks milk          | trinkt    | Milch
        """,
        '|',
    ),
    'weather': _rows(
        """
        hears the thunder    | hört      | den Donner
        feels the wind       | spürt     | den Wind
        watches the clouds   | sieht     | die Wolken
        walks in the rain    | geht      | im Regen
        stands in the fog    | steht     | im Nebel
        waits for sunshine   | wartet    | auf Sonnenschein
        """,
        '|',
    ),
    'music': _rows(
        """
        plays the piano      | spielt    | Klavier
        sings a song         | singt     | ein Lied
        beats the drum       | schlägt   | die Trommel
        sings in the choir   | singt     | im Chor
        tunes the guitar     | stimmt    | die Gitarre
        hears the violin     | hört      | die Geige
        """,
        '|',
    ),
    'school': _rows(
        """
        asks the teacher     | fragt     | die Lehrerin
        does the homework    | macht     | die Hausaufgaben
        writes a test        | schreibt  | einen Test
        opens the textbook   | öffnet    | das Schulbuch
        sits in class        | sitzt     | im Unterricht
        learns spelling      | lernt     | Rechtschreibung
        """,
        '|',
    ),
}

ADVERBS = (
    ('today', 'heute'),
    ('again', 'wieder'),
    ('now', 'jetzt'),
    ('often', 'oft'),
    ('at noon', 'mittags'),
    ('at night', 'nachts'),
    ('in the morning', 'morgens'),
    ('in the evening', 'abends'),
    ('on Sunday', 'am Sonntag'),
    ('on Monday', 'am Montag'),
)

# What opinions are about, and the opinions.
OPINION_SUBJECTS = (
    ('the film', 'der Film'),
    ('the book', 'das Buch'),
    ('the meal', 'das Essen'),
    ('the song', 'das Lied'),
    ('the game', 'das Spiel'),
    ('the trip', 'die Reise'),
    ('the hotel', 'das Hotel'),
    ('the party', 'die Feier'),
    ('the concert', 'das Konzert'),
    ('the lesson', 'die Stunde'),
)
OPINIONS = {
    'positive': (
        ('great', 'toll'),
        ('wonderful', 'wunderbar'),
        ('excellent', 'ausgezeichnet'),
        ('lovely', 'schön'),
        ('perfect', 'perfekt'),
        ('fantastic', 'fantastisch'),
    ),
    'negative': (
        ('terrible', 'schrecklich'),
        ('awful', 'furchtbar'),
        ('boring', 'langweilig'),
        ('horrible', 'grauenhaft'),
        ('dull', 'öde'),
        ('bad', 'schlecht'),
    ),
}
OPINION_FRAMES = (
    ('{Subject} was {opinion}.', '{Subject} war {opinion}.'),
    ('{Subject} was really {opinion}.', '{Subject} war wirklich {opinion}.'),
    ('I think {subject} was {opinion}.', 'Ich finde, {subject} war {opinion}.'),
    ('Everyone said that {subject} was {opinion}.', 'Alle sagten, dass {subject} {opinion} war.'),
)


def indefinite(word: str) -> str:
    """Returns an English noun with 'a' or 'an'."""
    return f'{"an" if word[0] in "aeiou" else "a"} {word}'


def indefinite_de(noun: Noun) -> str:
    """Returns a German noun with its indefinite article, as subject."""
    return f'{"eine" if noun.article_de == "die" else "ein"} {noun.word_de}'


def accusative_de(noun: Noun) -> str:
    """Returns a German noun with its indefinite article, as object.

    'Rabe' and 'Bär' are weak nouns: they take an ending here.
    """
    weak = {'Rabe': 'Raben', 'Bär': 'Bären', 'Spatz': 'Spatzen'}
    article = {'der': 'einen', 'die': 'eine', 'das': 'ein'}[noun.article_de]
    return f'{article} {weak.get(noun.word_de, noun.word_de)}'


def category(name: str) -> Category:
    """Returns a category by its English name."""
    return next(c for c in CATEGORIES if c.name == name)
