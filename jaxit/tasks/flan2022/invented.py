r"""One invented row for each set of Flan 2022 that is none of FLAN 2021, as their sources yield them.

They show what a task reads like where its data is not here; nobody trains on them. All of it was written for this
project, in the style of each set: no sentence comes from one. Line breaks of the chains are a backslash and an n, as in
the files. The keys are those of `cot.SIZES`, of the members of `dialog` and of `additions`; an inversion has the row that it inverts.
"""

from collections.abc import Mapping

from jaxit.tasks.sources import Record

ROWS: Mapping[str, Record] = {
    # Chains of thought
    'gsm8k': {
        'question': (
            'Lotte picks 12 apples from each of 5 trees. She gives a third of them to her neighbor and bakes the rest '
            'into pies, with 8 apples to a pie. How many pies does she bake?'
        ),
        'answer': '5',
        'chain': (
            'Lotte picks 12 * 5 = 60 apples. She gives away 60 / 3 = 20 apples, so she has 60 - 20 = 40 apples left. '
            'That makes 40 / 8 = 5 pies.'
        ),
    },
    'strategyqa': {
        'question': 'Could an adult giraffe stand upright in an ordinary garage?',
        'answer': 'no',
        'chain': (
            'An adult giraffe is more than four meters tall. The ceiling of an ordinary garage is between two and '
            'three meters high.'
        ),
    },
    'creak': {
        'question': (
            'Can this be right?\n"A snowman has to be kept in a warm room, so that it does not freeze."\nOptions:\n'
            '- yes\n- no'
        ),
        'answer': 'no',
        'chain': 'A snowman is made of snow, which is frozen already and would melt in a warm room.',
    },
    'qasc': {
        'question': (
            'What helps a duck to stay dry?\nOptions:\n- (A) webbed feet\n- (B) moonlight\n- (C) pond plants\n'
            '- (D) oil on its feathers\n- (E) a long neck\n- (F) cold water\n- (G) its eggs\n- (H) loud calls'
        ),
        'answer': '(D)',
        'chain': (
            'Ducks spread oil over their feathers. Oil does not mix with water and keeps it out. Oil on its feathers '
            'helps a duck to stay dry.'
        ),
    },
    'esnli': {
        'question': (
            'Premise: "A woman in a straw hat sells melons from a boat on the canal."\nGiven the premise, is this '
            'hypothesis true? "A woman is selling fruit on the water."\nOptions:\n- yes\n- no\n'
            '- it is not possible to tell'
        ),
        'answer': 'yes',
        'chain': 'Melons are fruit, and a boat on a canal is on the water.',
    },
    'ecqa': {
        'question': (
            'Where should you keep an umbrella if you do not want to forget it on a rainy morning?\nOptions:\n- '
            'attic\n- by the front door\n- oven\n- bottom of a trunk\n- bathtub'
        ),
        'answer': 'by the front door',
        'chain': (
            'Whoever leaves the house goes out by the front door. An umbrella that stands there is seen at the right '
            'moment. Nobody looks into an attic, an oven, a trunk or a bathtub on the way out.'
        ),
    },
    'sensemaking': {
        'question': (
            'Which of these two cannot be meant seriously?\nOptions:\n- Sentence A: "She watered the tomatoes with a '
            'can."\n- Sentence B: "She watered the tomatoes with a candle."\n'
        ),
        'answer': 'Sentence B',
        'chain': 'A candle holds no water.',
    },
    'aqua': {
        'question': (
            'A baker sells rolls in bags of 6 and in bags of 10. Today she filled 14 bags with 108 rolls. How many of '
            'the bags hold 10 rolls?\nOptions:\n(A) 4\n(B) 5\n(C) 6\n(D) 7\n(E) 8'
        ),
        'answer': '(C)',
        'chain': (
            'Let x be the number of bags with 10 rolls.\n6 * (14 - x) + 10 * x = 108\n84 + 4 * x = 108\n4 * x = 24\n'
            'x = 6'
        ),
    },
    'qed': {
        'question': (
            'Who built the pier at Port Selby?\n\nThe pier at Port Selby was opened in 1896. It was built by Agnes '
            'Corley, an engineer from Haldvik, and rests on 140 piles of oak.'
        ),
        'answer': 'Agnes Corley',
        'chain': (
            'The sentence that matters is "It was built by Agnes Corley, an engineer from Haldvik, and rests on 140 '
            'piles of oak." Its first word, "It", stands for the pier at Port Selby.'
        ),
    },
    # Conversations
    'wiki_dialog': {
        'author_num': [0, 1, 0, 1, 0, 1],
        'passage': (
            'The clock in the tower of Tarn was built in 1742 by Josef Lund, a locksmith. It has a single hand, which '
            'shows the hours. The hand is stopped each night at ten, so that the bell does not wake the town.'
        ),
        'pid': '0@1',
        'sentences': [
            'The clock in the tower of Tarn was built in 1742 by Josef Lund, a locksmith.',
            'It has a single hand, which shows the hours.',
            'The hand is stopped each night at ten, so that the bell does not wake the town.',
        ],
        'title': 'Tower clock of Tarn',
        'utterances': [
            'Who built the tower clock of Tarn?',
            'The clock in the tower of Tarn was built in 1742 by Josef Lund, a locksmith.',
            'What is unusual about its face?',
            'It has a single hand, which shows the hours.',
            'Does it strike at night as well?',
            'The hand is stopped each night at ten, so that the bell does not wake the town.',
        ],
    },
    'qrecc': {
        'answer': 'No. They crowd together in a ball around the queen and shiver to keep her warm.',
        'answer_url': 'http://www.example.com/bees-in-winter',
        'context': [
            'How do honeybees make honey?',
            'They collect nectar from flowers and dry it in the hive until it thickens.',
            'How far do they fly for it?',
            'Most of them stay within a few kilometers of the hive.',
            'How do they tell one another where the flowers are?',
            'A bee that has found some dances on the comb. The dance shows the direction and the distance.',
            'Who worked that out?',
            'Karl von Frisch, an Austrian zoologist.',
            'Did he get a prize for it?',
            'Yes, a Nobel Prize in 1973, which he shared with two others.',
            'What do bees live on in the cold months?',
            'They live on the honey that they stored in summer.',
        ],
        'conversation_id': 1,
        'question': 'Do they sleep through the winter?',
        'question_rewrite': 'Do honeybees sleep through the winter?',
        'source': 'nq',
        'turn_id': 7,
    },
    # The two sets beside those of FLAN 2021
    'lambada': {
        'passage': (
            "`` you have forgotten the bread again , '' said mother , and put the empty basket on the table .\n"
            'tim looked at the floor . he had been to the mill , to the smith and to the pond , but nowhere near the '
            'baker . he took his cap , picked up the basket and ran back to the village for the bread'
        ),
    },
    'unified_qa_science_inst': {
        'input': (
            r'What makes a puddle disappear on a warm , windy day? \n (A) erosion (B) evaporation (C) melting '
            r'(D) freezing'
        ),
        'output': 'evaporation',
    },
}
