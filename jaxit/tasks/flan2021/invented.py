"""One invented row for each data set of FLAN 2021, in the raw schema of its source: what `Tfds.records` yields.

They show what a task reads like where its data has not been downloaded; nobody trains on them. All of it is made up
for this project: no sentence comes from a data set, and the people, the firms and nearly all places are invented. Only
what is asked without a text to read (trivia, science, sums) is true of the world. The rows look as real ones do, down
to the marks that preprocessors take out.
"""

from collections.abc import Mapping

from jaxit.tasks.preprocessors import Record

_GUIDE = (
    'Cut the herbs in the morning, when the dew has dried but the sun is not yet hot. They hold most of their scent at '
    'that time. Tie five or six stems together with string. Larger bunches dry too slowly and may go mouldy in the '
    'middle. Hang the bunches upside down in a dark, airy room for one to two weeks. Sunlight would bleach the leaves. '
    'Once the leaves crumble between your fingers, strip them off and keep them in a jar with a tight lid.'
)
_GUIDE_IN_BRIEF = (
    'Cut the herbs in the morning. Tie a few stems together. Hang the bunches upside down in a dark, airy room. Strip '
    'off the leaves when they crumble, and keep them in a jar.'
)

ROWS: Mapping[str, Record] = {
    # Summarization
    'aeslc': {
        'email_body': (
            'Marta,\nThe inspection of the Willow Creek compressor has been moved from Thursday to Monday, March 12, '
            'because the inspector is ill.\nPlease tell the night crew, and send me the new shift plan by Friday '
            'noon.\nThanks,\nGordon\n'
        ),
        'subject_line': 'Compressor inspection moved to March 12\n',
    },
    'cnn_dailymail': {
        'article': (
            'PORT ELDER, Maine (CNN) -- A goat that slipped out of its pen on Sunday rode a ferry to Gull Island and '
            'back before anyone noticed, the harbor master said. Deckhands found the animal asleep on a pile of life '
            'jackets. "She had a better trip than most of our passengers," said harbor master June Abbott. The goat, '
            'named Pickle, was returned to her owner on Monday. The ferry company has put a second latch on its gate.'
        ),
        'highlights': (
            'A goat escapes from its pen in Port Elder, Maine, and rides a ferry to an island and back.\n'
            'Deckhands find it asleep on a pile of life jackets.\n'
            'Pickle is home again, and the ferry has a second latch on its gate.'
        ),
        'id': '3c1f0e9ab7d24856a1e07c35f98b2d4460ce7a1d',
        'publisher': 'cnn',
    },
    'gigaword': {
        'document': (
            'the city council of lindvale voted on monday to plant five thousand trees along its busiest roads by next '
            'spring , officials said .'
        ),
        'summary': 'lindvale to plant trees along busiest roads',
    },
    'multi_news': {
        'document': (
            "A baker in the small town of Harlow Bend brews beer from the loaves that she can't sell. \n \n Nadia "
            'Flint, 41, dries the bread overnight and takes the crumbs to the brewery next door, where they replace a '
            'third of the malt. "It felt wrong to throw away good bread," she said. ||||| Harlow Bend\'s new beer sold '
            'out in a weekend. \n \n Brewer Tom Okafor says that the 600 bottles of "Crust" were gone by Sunday noon '
            'and that the next batch is due in May. A tenth of the takings goes to the food bank of the town.'
        ),
        'summary': (
            '– A baker in Harlow Bend hated to throw away good bread, so now it ends up in bottles. Nadia Flint dries '
            'her unsold loaves and takes the crumbs to the brewery next door, where they stand in for a third of the '
            'malt. The first 600 bottles of the beer, named "Crust," were gone in a weekend; more is due in May, and a '
            "tenth of what it earns goes to the town's food bank."
        ),
    },
    'newsroom': {
        'compression': 3.0,
        'compression_bin': 'low',
        'coverage': 1.0,
        'coverage_bin': 'high',
        'date': '20170512081500',
        'density': 4.0,
        'density_bin': 'mixed',
        'summary': (
            'Withdrawn in 2003, the night train to Port Selby will run again from June, and the first week is sold out.'
        ),
        'text': (
            'The night train to Port Selby, which was withdrawn in 2003, will run again from June.\n\nIts eleven '
            'sleeping cars have been rebuilt in the old workshops at Alder, where half of the staff are former '
            'conductors. A single berth costs no more than a room in a cheap hotel, and breakfast is included.\n\n'
            'Tickets for the first week sold out within an hour.'
        ),
        'title': 'The Night Train Is Coming Back',
        'url': 'http://www.example.com/2017/05/12/travel/night-train-port-selby.html',
    },
    'samsum': {
        'dialogue': (
            "Priya: Are you still at the market?\r\nLeon: Yes, why?\r\nPriya: We're out of eggs. Can you get a "
            'dozen?\r\nLeon: Sure. Anything else?\r\nPriya: Something sweet for Grandma, she comes at 4 :)\r\nLeon: '
            'Plum cake it is! <file_gif>'
        ),
        'id': '13900001',
        'summary': (
            'Leon is at the market. He will bring a dozen eggs and a plum cake, because Grandma is coming at 4.'
        ),
    },
    'xsum': {
        'document': (
            'The bird, a young gannet, was found walking along the hard shoulder near Dunfarrow on Tuesday morning.\nA '
            'driver wrapped it in her coat and called the police, who took it to a wildlife centre.\nVet Isla Reid '
            'said it had flown into a power line but would recover "with rest and a great deal of fish".\nIt is to be '
            'released on the coast next month.'
        ),
        'summary': (
            'A seabird that was found wandering along a motorway has been rescued and is expected to return to the sea.'
        ),
    },
    'ag_news_subset': {
        'description': (
            'An unmanned plane powered by sunlight alone stayed aloft for nine days over the Sarrin desert, its '
            'makers said on Tuesday, longer than any other plane of its kind. The team #39;s next goal is a month.'
        ),
        'label': 3,
        'title': 'Solar Plane Stays Up for Nine Days',
    },
    'opinion_abstracts_rotten_tomatoes': {
        '_critic_consensus': (
            "The Lantern Keeper takes its time, and its script is thin in places, but Ines Barro's quiet performance "
            'and the luminous views of the sea make it a voyage worth taking.'
        ),
        '_critics': {
            'key': ['9000001', '9000002', '9000003', '9000004'],
            'value': [
                'Slow to start, but the last half hour glows.',
                'Ines Barro says more with one raised eyebrow than most actors do in a monologue.',
                'The coast is beautifully shot; the script could have done with some of its light.',
                'I came for the sea and stayed for the grandmother.',
            ],
        },
        '_movie_id': 'the_lantern_keeper',
        '_movie_name': 'The Lantern Keeper',
    },
    'opinion_abstracts_idebate': {
        '_argument_sentences': {
            'key': ['0', '1', '2'],
            'value': [
                'When the city museum of Orvell dropped its entrance fee, twice as many people came within a year.',
                'Most of the new visitors said that they had not been inside a museum since they left school.',
                'A family of five should not have to choose between a painting and a week of lunches.',
            ],
        },
        '_claim': 'Without an entrance fee, museums reach people who would otherwise stay away.',
        '_claim_id': 'free-museums_0',
        '_debate_name': 'This House would make museums free for everyone.',
    },
    'wiki_lingua_english_en': {
        'gem_id': 'wiki_lingua_english_en-train-0',
        'gem_parent_id': 'wiki_lingua_english_en-train-0',
        'references': [],
        'source': _GUIDE,
        'source_aligned': {'en': _GUIDE},
        'target': _GUIDE_IN_BRIEF,
        'target_aligned': {'en': _GUIDE_IN_BRIEF},
    },
    # Structure to text
    'web_nlg_en': {
        'category': 'Airport',
        'gem_id': 'web_nlg_en-train-0',
        'gem_parent_id': 'web_nlg_en-train-0',
        'input': [
            'Tarn_Airport | cityServed | "Tarn, Velland"',
            'Tarn_Airport | elevationAboveTheSeaLevel | 41',
            'Tarn_Airport | runwayLength | 1850.0',
        ],
        'references': [],
        'target': (
            'Tarn Airport serves the city of Tarn in Velland. It lies 41 metres above sea level, and its runway is '
            '1,850 metres long.'
        ),
        'webnlg_id': 'train/Airport/3/Id1',
    },
    'common_gen': {
        'concept_set_id': 0,
        'concepts': ['fence', 'ladder', 'paint', 'stand'],
        'gem_id': 'common_gen-train-0',
        'gem_parent_id': 'common_gen-train-0',
        'references': [],
        'target': 'A girl stands on a ladder and paints the top of a tall fence.',
    },
    'e2e_nlg': {
        'gem_id': 'e2e_nlg-train-0',
        'gem_parent_id': 'e2e_nlg-train-0',
        'meaning_representation': (
            'name[The Brass Kettle], eatType[coffee shop], food[French], priceRange[cheap], customer rating[5 out of '
            '5], area[riverside], familyFriendly[yes], near[Mill Lane Books]'
        ),
        'references': [],
        'target': (
            'The Brass Kettle is a cheap, family-friendly coffee shop by the riverside, near Mill Lane Books. It '
            'serves French food and has a customer rating of 5 out of 5.'
        ),
    },
    'dart': {
        'dart_id': 0,
        'gem_id': 'dart-train-0',
        'gem_parent_id': 'dart-train-0',
        'references': [],
        'subtree_was_extended': False,
        'target': 'One of the highest peaks of Norland is Mount Aller in the Sill Mountains, at 2,114 metres.',
        'target_sources': ['WikiTableQuestions_mturk'],
        'tripleset': [
            'Mount Aller ELEVATION_(M) 2,114',
            'Mount Aller RANGE Sill Mountains',
            '[TABLECONTEXT] MOUNTAIN Mount Aller',
            '[TABLECONTEXT] [TITLE] Highest peaks of Norland',
        ],
    },
    # Reading comprehension
    'squad_v1': {
        'answers': {'answer_start': [170], 'text': ['paper lanterns']},
        'context': (
            'The town of Bellmere is known for its night market, which has been held every Friday since 1921. Traders '
            'set out their stalls along the canal at dusk and light them with paper lanterns. Motor vehicles are '
            'barred from the quay until the market closes at midnight.'
        ),
        'id': '60d0000000000000000000a1',
        'question': 'How do traders at the night market of Bellmere light their stalls?',
        'title': 'Bellmere',
    },
    'squad_v2': {
        'answers': {'answer_start': [], 'text': []},
        'context': (
            'The Haldvik tramway opened in 1908 with a single line from the station to the cattle market. Its first '
            'four cars were painted green. A second line, to the harbor, followed in 1924 and was served by longer '
            'cars.'
        ),
        'id': '60d0000000000000000000b2',
        'is_impossible': True,
        'plausible_answers': {'answer_start': [126], 'text': ['green']},
        'question': 'What color were the cars of the line to the harbor?',
        'title': 'Haldvik_tramway',
    },
    'drop': {
        'answer': '9',
        'passage': (
            'The regatta of 1931 at Port Selby drew 48 boats, of which 17 were rowed by crews from other towns. It was '
            'stopped twice on account of fog, and in the end only 39 boats crossed the line. The winners, a crew of '
            'bakers from Kettle Street, finished 26 seconds ahead of the fire brigade.'
        ),
        'query_id': '00000000-0000-4000-8000-0000000000d10',
        'question': 'How many boats did not cross the line?',
        'validated_answers': [],
    },
    'multirc': {
        'answer': 'Because it had begun to rain',
        'idx': {'answer': 0, 'paragraph': 0, 'question': 0},
        'label': 1,
        'paragraph': (
            'Oona missed the last bus, so she walked home along the river with her cello on her back. Halfway there it '
            'began to rain. She knocked at the mill, and the miller, who knew her mother, gave her tea and lent her a '
            'big black umbrella.'
        ),
        'question': 'Why did Oona knock at the mill?',
    },
    'openbookqa': {
        'answerKey': 1,
        'clarity': 2.0,
        'fact1': 'wood lets heat through much more slowly than metal does',
        'humanScore': 1.0,
        'question': {
            'choice_A': 'steel',
            'choice_B': 'wood',
            'choice_C': 'copper',
            'choice_D': 'silver',
            'stem': 'To stir hot soup for a long time without burning your fingers, use a spoon made of',
        },
        'turkIdAnonymized': '0a1b2c3d4e',
    },
    'bool_q': {
        'answer': False,
        'passage': (
            'The Haldvik Ferry crosses the sound between Haldvik and Korsk. It runs every half hour from five in the '
            'morning to midnight. Passengers on foot travel free of charge; the toll on cars and lorries covers the '
            'cost of the crossing.'
        ),
        'question': 'do you have to pay for the haldvik ferry on foot',
        'title': 'Haldvik Ferry',
    },
    # Open-domain question answering
    'trivia_qa': {
        'answer': {
            'aliases': ['Curling', 'Curling (sport)', 'Sport of curling'],
            'matched_wiki_entity_name': 'Curling',
            'normalized_aliases': ['curling', 'curling sport', 'sport of curling'],
            'normalized_matched_wiki_entity_name': 'curling',
            'normalized_value': 'curling',
            'type': 'WikipediaEntity',
            'value': 'Curling',
        },
        'entity_pages': {
            'doc_source': ['TagMe'],
            'filename': ['Curling.txt'],
            'title': ['Curling'],
            'wiki_context': [
                'In curling, two teams take turns at sliding stones over a sheet of ice. Sweeping the ice in front of '
                'a stone makes it go farther.'
            ],
        },
        'question': 'In which winter sport do players sweep the ice with brooms in front of a sliding stone?',
        'question_id': 'tc_0',
        'question_source': 'http://quiz.example.com/',
        'search_results': {
            'description': ['Brooms, stones and ice: the rules in five minutes.'],
            'filename': ['0/0_0.txt'],
            'rank': [0],
            'search_context': ['Brooms, stones and ice: here is how a match of curling is played.'],
            'title': ['Curling for beginners'],
            'url': ['http://www.example.com/curling'],
        },
    },
    'natural_questions': {
        'answer': ['cooper', 'a cooper'],
        'question': 'what do you call someone whose trade is to make barrels',
    },
    'arc_challenge': {
        'answerKey': 1,
        'choices': {
            'label': [0, 1, 2, 3],
            'text': [
                'It feeds minerals to the leaves.',
                'It slows the loss of water from the soil.',
                'It draws insects that pollinate the flowers.',
                'It lets more sunlight reach the roots.',
            ],
        },
        'id': 'INVENTED_7_1',
        'question': (
            'A gardener covers the soil around young plants with a thick layer of straw. How does the straw most '
            'likely help the plants during a dry summer?'
        ),
    },
    'arc_easy': {
        'answerKey': 2,
        'choices': {'label': [0, 1, 2, 3], 'text': ['bat', 'whale', 'frog', 'rabbit']},
        'id': 'INVENTED_3_1',
        'question': 'Which of these animals hatches from an egg?',
    },
    # Paraphrase
    'glue_mrpc': {
        'idx': 0,
        'label': 1,
        'sentence1': (
            "The island 's only bridge will be closed for repairs from Monday to Thursday , the harbor board said ."
        ),
        'sentence2': (
            'Repairs will close the only bridge to the island from Monday until Thursday , according to the harbor '
            'board .'
        ),
    },
    'glue_qqp': {
        'idx': 0,
        'label': 1,
        'question1': 'How can I keep my glasses from fogging up in winter?',
        'question2': "What can I do so that my glasses don't steam up when it's cold outside?",
    },
    'paws_wiki': {
        'label': 0,
        'sentence1': 'In 1902 , the Corley brothers sold the mill to Marta Vance and moved to Haldvik .',
        'sentence2': 'In 1902 , Marta Vance sold the mill to the Corley brothers and moved to Haldvik .',
    },
    'stsb': {
        'idx': 0,
        'label': 3.75,
        'sentence1': 'A boy is carrying a ladder across a yard.',
        'sentence2': 'A boy carries a wooden ladder through a yard.',
    },
    # Sentiment
    'imdb_reviews': {
        'label': 1,
        'text': (
            'I expected nothing from a film about a snail race, and I was wrong. The jokes land, the children act as '
            'if nobody were watching, and the last lap had our whole row on its feet.<br /><br />See it with somebody '
            'who laughs easily.'
        ),
    },
    'sentiment140': {
        'date': 'Mon May 11 06:42:07 PDT 2009',
        'polarity': 0,
        'query': 'NO_QUERY',
        'text': 'missed the bus, lost my umbrella &amp; spilled soup on my new shoes... can this monday just be over ',
        'user': 'juno_in_the_rain',
    },
    'yelp_polarity_reviews': {
        'label': 0,
        'text': (
            r'The dumplings were cold, and when I said so, the waiter told me they were \""meant to be refreshing.\""'
            r'\n\nWe paid for two plates, left one of them, and bought chips on the way home.'
        ),
    },
    'sst2': {
        'idx': 0,
        'label': 1,
        'sentence': 'a warm , sly comedy that never raises its voice and never loses its footing ',
    },
    # Text formatting
    'true_case': {
        'da': 'På mandag viser Anna Lind fra Bergen sine billeder fra Lapland på Café Orion.',
        'en': 'On Monday, Anna Lind from Bergen will show her photos of Lapland at the Café Orion.',
    },
    'fix_punct': {
        'da': 'Vores hytte er lille, men den har alt, hvad du behøver: en brændeovn, to senge og udsigt over fjorden.',
        'en': 'Our hut is small, but it has everything you need: a stove, two beds and a view of the fjord.',
    },
    'word_segment': {
        'da': 'Butikken har åbent hver dag fra ni til fem undtagen på helligdage.',
        'en': 'The shop is open every day from nine to five, except on public holidays.',
    },
    # Common sense
    'copa': {
        'choice1': 'Someone opened the window.',
        'choice2': 'Someone struck a match.',
        'idx': 0,
        'label': 0,
        'premise': 'The candle on the table went out.',
        'question': 'cause',
    },
    'hellaswag': {
        'activity_label': 'Home and Garden',
        'context': (
            '[header] How to keep cut tulips fresh [title] Trim the stems. [step] Lay the tulips on a chopping board '
            'and hold the bunch with one hand.'
        ),
        'endings': [
            'Pull out the petals one by one until only the stems are left.',
            'Cut off the heads just below the petals, so that the stems stay long.',
            'Cut an inch off the bottom of each stem at a slant, which helps the tulips to take up water.',
            'Put the board into a hot oven and wait until the leaves are crisp.',
        ],
        'label': 2,
        'source_id': 'wikihow~00000',
        'split_type': 'indomain',
    },
    'story_cloze': {
        'context': (
            'Bruno found an old accordion in the attic. He could not play a note, but he practised every evening. At '
            'first the neighbours closed their windows. In June they asked him to play at the street party.'
        ),
        'endings': [
            'Bruno played three songs, and the whole street danced.',
            'Bruno had never touched an accordion in his life.',
        ],
        'label': 1,
    },
    'piqa': {
        'goal': 'How do you get the last bit of thick honey out of a jar?',
        'id': 'Get-Honey-Out-of-a-Jar',
        'label': 0,
        'sol1': 'Stand the closed jar in warm water for a few minutes, then pour the honey out.',
        'sol2': 'Stand the closed jar in ice water for a few minutes, then pour the honey out.',
    },
    # Translation
    'para_crawl_enes': {
        'en': 'All our rooms have a balcony with a view of the sea, and breakfast is served on the terrace until noon.',
        'es': (
            'Todas nuestras habitaciones tienen balcón con vistas al mar, y el desayuno se sirve en la terraza hasta '
            'el mediodía.'
        ),
    },
    'wmt14_enfr': {
        'en': 'The committee will vote on the proposal tomorrow, once the interpreters have had their lunch.',
        'fr': 'La commission votera demain sur la proposition, une fois que les interprètes auront déjeuné.',
    },
    'wmt16_translate_deen': {
        'de': 'Der See war so fest zugefroren, dass das ganze Dorf auf Schlittschuhen zur Kirche lief.',
        'en': 'The lake was frozen so hard that the whole village skated to church.',
    },
    'wmt16_translate_tren': {
        'en': 'The new library will open its doors to students next week.',
        'tr': 'Yeni kütüphane gelecek hafta kapılarını öğrencilere açacak.',
    },
    'wmt16_translate_csen': {
        'cs': 'Když přestalo pršet, děti vyběhly ven počítat šneky.',
        'en': 'When it stopped raining, the children ran out to count the snails.',
    },
    'wmt16_translate_fien': {
        'en': "The last ferry leaves at nine o'clock, so we still have time to drink our coffee.",
        'fi': 'Viimeinen lautta lähtee kello yhdeksän, joten ehdimme vielä juoda kahvimme.',
    },
    'wmt16_translate_roen': {
        'en': 'The mayor promised that the bridge would be repaired before winter.',
        'ro': 'Primarul a promis că podul va fi reparat înainte de iarnă.',
    },
    'wmt16_translate_ruen': {
        'en': 'The museum has bought a map on which the island does not have a name yet.',
        'ru': 'Музей приобрёл карту, на которой у острова ещё нет названия.',
    },
    # Coreference
    'definite_pronoun_resolution': {
        'candidates': ['The baker', 'the boy'],
        'label': 1,
        'pronoun': 'he',
        'sentence': 'The baker thanked the boy because he had found the lost key.',
    },
    'winogrande': {
        'label': 0,
        'option1': 'Carla',
        'option2': 'Denise',
        'sentence': 'Carla asked Denise for directions because _ had never been to the town before.',
    },
    'wsc': {
        'idx': 0,
        'label': 1,
        'span1_index': 5,
        'span1_text': 'Frida',
        'span2_index': 7,
        'span2_text': 'she',
        'text': 'Selma lent her bicycle to Frida because she lived too far away to walk.',
    },
    'wsc273': {
        'idx': 0,
        'label': 1,
        'option1': 'The owl',
        'option1_normalized': 'the owl',
        'option2': 'The mouse',
        'option2_normalized': 'the mouse',
        'pronoun_end': 40,
        'pronoun_start': 38,
        'pronoun_text': 'it',
        'text': 'The owl did not see the mouse because it was hiding under the leaves.',
    },
    # Entailment
    'anli_r1': {
        'context': (
            'Tilda Moran (born 4 May 1951) is a weaver and teacher from Velland. She made her first tapestry at the '
            'age of nine and had her first exhibition in 1972, in the waiting room of the railway station at Tarn.'
        ),
        'hypothesis': 'Tilda Moran was younger than thirty when her work was first exhibited.',
        'label': 0,
        'uid': '00000000-0000-4000-8000-0000000000a1',
    },
    'anli_r2': {
        'context': (
            'The Haldvik Cup is a rowing race held each August on Lake Ostra. It was founded in 1934 by two brothers '
            'who could not agree on which of them was faster. Crews of four row from the old mill to the bathing '
            'beach, a distance of three kilometres.'
        ),
        'hypothesis': 'The elder of the two brothers won the first Haldvik Cup.',
        'label': 1,
        'uid': '00000000-0000-4000-8000-0000000000a2',
    },
    'anli_r3': {
        'context': (
            'Dear guests, the lift is out of order until Thursday. If your room is above the third floor, our porters '
            'will gladly carry your bags up at any hour. Breakfast is served on the ground floor as always.'
        ),
        'hypothesis': 'Guests on the fifth floor have to carry their bags upstairs themselves this week.',
        'label': 2,
        'uid': '00000000-0000-4000-8000-0000000000a3',
    },
    'cb': {
        'hypothesis': 'the Hallorans have moved to the coast',
        'idx': 0,
        'label': 1,
        'premise': (
            'A: Do you ever see the Hallorans? B: Now and then, they still live across the street. A: Oh, I thought '
            'that they had moved to the coast. B: No, they only talk about it.'
        ),
    },
    'rte': {
        'hypothesis': 'The Orvell Zoo has at least three snow leopards.',
        'idx': 0,
        'label': 0,
        'premise': (
            'Three snow leopard cubs were born last week at the Orvell Zoo, which now has five of the animals, its '
            'director said on Tuesday.'
        ),
    },
    'mnli_matched': {
        'hypothesis': 'No animal ever touched what they planted.',
        'idx': 0,
        'label': 2,
        'premise': 'uh-huh well we used to have a vegetable garden but the deer ate everything we planted',
    },
    'mnli_mismatched': {
        'hypothesis': 'The brochure does not mention the hill.',
        'idx': 1,
        'label': 0,
        'premise': 'The brochure says that the walk takes two hours, but it leaves out the hill.',
    },
    'qnli': {
        'idx': 0,
        'label': 0,
        'question': 'What is the roof of the town hall made of?',
        'sentence': 'The town hall, whose copper roof turned green long ago, stands between two chestnut trees.',
    },
    'wnli': {
        'idx': 0,
        'label': 0,
        'sentence1': 'Nora could not hear the radio over the lawn mower because it was so loud.',
        'sentence2': 'The radio was so loud.',
    },
    'snli': {
        'hypothesis': 'The two children are sisters.',
        'label': 1,
        'premise': 'Two children in yellow raincoats stamp in a puddle.',
    },
    # Math
    'math_dataset': {
        'answer': '7',
        'question': 'Solve 7*k - 12 = 3*k + 16 for k.',
    },
    # Conversational question answering
    'quac': {
        'answers': {
            'answer_start': [70],
            'text': ['A passenger who ran a small record label heard him there and recorded him in a boathouse.'],
        },
        'background': 'Ruben Aske (born 1962) is a harmonica player and songwriter from Korsk.',
        'context': (
            'In 1984 Aske moved to Haldvik, where he played on the ferry for tips. A passenger who ran a small record '
            'label heard him there and recorded him in a boathouse. The album, Low Tide, sold out within a month. '
            'CANNOTANSWER'
        ),
        'followup': 'y',
        'orig_answer': {
            'answer_start': 70,
            'text': 'A passenger who ran a small record label heard him there and recorded him in a boathouse.',
        },
        'question': 'How was he discovered?',
        'section_title': '1984-1990: First recordings',
        'title': 'Ruben Aske',
        'yesno': 'x',
    },
    'coqa': {
        'answers': {
            'answer_end': [18, 74, 121, 143, 187],
            'answer_start': [8, 52, 76, 123, 162],
            'input_text': ['a hen', 'in his hat', 'to church', 'Duchess', 'the right hat'],
        },
        'questions': [
            'What kind of animal did Mr. Pim keep?',
            'Where did she lay her eggs?',
            'Where did he go one Sunday?',
            'Who followed him there?',
            'What was she looking for?',
        ],
        'source': 'mctest',
        'story': (
            'Mr. Pim kept a hen named Duchess. Every morning she laid an egg in his hat. One Sunday Mr. Pim wore '
            'another hat to church. Duchess followed him all the way there to look for the right hat.'
        ),
    },
    # Word disambiguation
    'wic': {
        'end1': 32,
        'end2': 30,
        'idx': 0,
        'label': 0,
        'sentence1': 'The owl sat on the lowest branch.',
        'sentence2': 'The bank is closing its branch in our village.',
        'start1': 26,
        'start2': 24,
        'word': 'branch',
    },
    # Linguistic acceptability
    'cola': {
        'idx': 0,
        'label': 0,
        'sentence': 'The gardener put the roses.',
    },
    # Question classification
    'trec': {
        'label-coarse': 4,
        'label-fine': 13,
        'text': 'How many strings does a concert harp have ?',
    },
    # Reading comprehension with common sense
    'record': {
        'answers': ['Emil'],
        'entities': ['Emil', 'Hollby', 'Lindvale', 'Otto Brandt'],
        'idx': {'passage': 0, 'query': 0},
        'passage': (
            'The village of Lindvale has a new postman, and he is eleven years old. When Otto Brandt broke his leg in '
            'January, his grandson Emil offered to carry the letters until he could walk again. The post office in '
            'Hollby agreed, on condition that the boy does his homework first.\n@highlight\nOtto Brandt, the postman '
            'of Lindvale, broke his leg in January\n@highlight\nHis grandson Emil delivers the letters for now'
        ),
        'query': 'Neighbours say that the mail has never been so punctual, since @placeholder runs from door to door.',
    },
    'cosmos_qa': {
        'answer0': 'The dog ate half of it .',
        'answer1': 'The oven burned half of it .',
        'answer2': 'A guest took half of it home .',
        'answer3': 'Nothing at all happened to it .',
        'context': (
            'I had worked on that cake for hours , and when I came back from the phone there was only half of it left '
            '. My dog lay under the table with cream on her nose and would not look at me .'
        ),
        'id': 'invented##Blog_0##q1_a1',
        'label': 0,
        'question': 'What may have happened to the cake ?',
    },
}
