"""Wordings of the summarization cluster: ten for each data set, the inverted ones last."""

from jaxit.tasks.flan2021.data_set import asks, inverts

AESLC = (
    asks(
        'An employee wrote this message and left the subject field blank:\n\n{email}\n\n'
        'Fill it in with a few words that say what the message is about.'
    ),
    asks('Message: {email}\n\nUnder what subject could this be sent?'),
    asks('{email}\n\nHow would you title this e-mail so that its reader sees at a glance what it concerns?'),
    asks('Please suggest a short, specific subject for the e-mail below.\n\n{email}'),
    asks('E-mail:\n{email}\n\nSubject:'),
    asks('Condense this e-mail into the handful of words that belong on its subject line.\n---\n{email}\n---'),
    asks('Here is a message from a work mailbox. What should stand in the subject field?\n\n{email}'),
    asks('{email}\n\nThat was the whole e-mail; only the subject is missing. Supply one.'),
    inverts('The subject of an e-mail reads "{answer}". Compose the e-mail itself.', '{email}'),
    inverts(
        'Subject: {answer}\n\nNow the body of the message, as someone at an energy company might have written it:',
        '{email}',
    ),
)

CNN_DAILYMAIL = (
    asks('{article}\n\nList the main points of this news story, one short sentence to a line.'),
    asks(
        'Read the report below and write down its highlights as a few brief sentences, each on a line of its own.'
        '\n\n{article}'
    ),
    asks('News story: {article}\n\nHighlights:'),
    asks(
        'A reader in a hurry has half a minute for the following article. Which facts should she remember? '
        'Put each on its own line.\n\n{article}'
    ),
    asks('{article}\n\nThe editor wants a box of key points beside this story. Please draft it, point by point.'),
    asks(
        'What happened, according to this article? Answer in a few short sentences, each on a new line.\n'
        '"""\n{article}\n"""'
    ),
    asks(
        'Boil the story down to bullet points without the bullets: one line for each thing that matters.\n\n'
        'Story:\n{article}\n\nPoints:'
    ),
    inverts('These are the key points of a news story:\n{answer}\n\nWrite out the full story.', '{article}'),
    inverts('Turn the notes below into a complete news article.\n\n{answer}', '{article}'),
    inverts(
        '{answer}\n\nImagine that these lines stood above an article in a newspaper. What did the article itself say?',
        '{article}',
    ),
)

GIGAWORD = (
    asks('{document}\n\nWrite a headline, in lower case, for the news report that opens with this sentence.'),
    asks('Opening sentence: {document}\nHeadline:'),
    asks('How might a news agency put the following into a headline?\n\n{document}'),
    asks('Shorten this sentence from a newswire until only a headline is left: {document}'),
    asks('Give the gist of the sentence below in as few words as a headline has.\n\n{document}'),
    asks('News: {document}\n\nIn telegram style, what is the news?'),
    asks('You have room for one short line only. Say the following in it.\n\n"{document}"'),
    asks('{document}\n\nThat is how the report begins; please give it a headline.'),
    inverts('Headline: {answer}\nWrite the first sentence of the report, as a news agency would.', '{document}'),
    inverts('A report runs under the headline "{answer}". With what sentence does it start?', '{document}'),
)

MULTI_NEWS = (
    asks('{articles}\n\nCombine what is reported above into one summary.'),
    asks(
        'Below is what the press wrote about some event. Read the coverage and write a single account that '
        'brings the essentials together.\n\n{articles}'
    ),
    asks('Sources:\n\n{articles}\n\nDigest:'),
    asks(
        'Please summarize the coverage below in a few paragraphs at most; leave out whatever is merely repeated.'
        '\n\n{articles}'
    ),
    asks(
        '{articles}\n\nWhat story does all of this tell when it is taken together? '
        'Answer with a summary of a few hundred words.'
    ),
    asks(
        'You edit a digest of the news. From the material that follows, write the entry for your readers.\n\n'
        '{articles}\n\nEntry:'
    ),
    asks('Press reports:\n\n{articles}\n\nSet down in your own words who did what, and why it matters.'),
    asks('How would you brief someone who has read none of the following?\n\n{articles}'),
    inverts('{answer}\n\nThis digest was written from press reports. Reconstruct the reports.', '{articles}'),
    inverts(
        'Summary of a news event:\n{answer}\n\nWrite what such a summary could be based on: one article or more, '
        'with "Article 1", "Article 2" and so on above them.',
        '{articles}',
    ),
)

NEWSROOM = (
    asks('Title: {title}\n\n{article}\n\nSum the article up in a sentence or two.'),
    asks('{title}\n\n{article}\n\nWhat might a newspaper print as a teaser for this article?'),
    asks('Tell me briefly what this piece says.\n\n{title}\n\n{article}'),
    asks(
        'Write the short description that a search engine could show for this page.\n\n'
        'Page title: {title}\nPage text: {article}'
    ),
    asks('Keep it short: what is the article about?\n"""\n{article}\n"""'),
    asks('Headline: {title}\nArticle: {article}\n\nWhat it comes down to:'),
    asks(
        'Not everyone has time for the whole story, so please write a brief summary of it.\n\nStory: {title}\n{article}'
    ),
    inverts('Headline: {title}\nIn brief: {answer}\n\nIn full:', '{article}'),
    inverts(
        '{article}\n\nThis article has been summarized as follows: {answer}\nWhich headline would suit it?', '{title}'
    ),
    inverts('An editor has nothing but a summary to go by:\n\n{answer}\n\nHelp out with a headline.', '{title}'),
)

SAMSUM = (
    asks('{dialogue}\n\nReport in the third person what this chat was about.'),
    asks(
        'Some people are texting each other:\n\n{dialogue}\n\nWhat comes of it? Summarize in a few sentences at most.'
    ),
    asks('Chat log:\n{dialogue}\n\nWhat it was about, in brief:'),
    asks('I missed this conversation. Could you tell me in short what was said?\n\n{dialogue}'),
    asks('Retell the messages below in one to three plain sentences, naming the people.\n\n{dialogue}'),
    asks(
        'What is going on between these people, and where do they leave it? Go by the messages and be brief.\n---\n'
        '{dialogue}\n---'
    ),
    asks('{dialogue}\n\nMake a short note of this exchange for someone who was not there.'),
    inverts(
        'Write a chat to which the following summary applies. Begin each message with the name of its sender.\n\n'
        '{answer}',
        '{dialogue}',
    ),
    inverts('Summary of a conversation: {answer}\nThe conversation, message by message:', '{dialogue}'),
    inverts('{answer}\n\nShow how the people mentioned here might have texted about this.', '{dialogue}'),
)

XSUM = (
    asks('{document}\n\nSay in a single sentence what this article reports.'),
    asks(
        'The opening sentence of this article has been removed; it told the whole story in brief. Write it anew.'
        '\n\n{document}'
    ),
    asks('Article: {document}\n\nIn one sentence:'),
    asks(
        'If you could tell a friend only one thing from the report below, what would it be? '
        'Answer with a sentence.\n\n{document}'
    ),
    asks('Please squeeze the following news into one sentence of some twenty words.\n\n{document}'),
    asks('What is the essence of this text? One sentence will do.\n"""\n{document}\n"""'),
    asks('{document}\n\nThe front page has room for one sentence about this article. Write that sentence.'),
    asks('Leave the particulars of the report aside and state its point in one sentence.\n\n{document}\n\nPoint:'),
    inverts('Expand this sentence into a full news article: {answer}', '{document}'),
    inverts('A news article begins like this:\n\n{answer}\n\nHow does it go on?', '{document}'),
)

AG_NEWS = (
    asks('{title}\n{text}\n\nWhich page of the paper would you turn to for this piece?\n\n{options}'),
    asks('Sort the news item by topic.\n\nTitle: {title}\nText: {text}\n\n{options}'),
    asks('{options}\n\nWhat is the subject of the following report?\n\n{title}\n{text}'),
    asks('Headline: {title}\nOpening lines: {text}\n\n{options}\n\nSubject of the story:'),
    asks(
        'A news site files each story in one category. Please choose the category for this one.\n\n'
        '"{title}"\n{text}\n\n{options}'
    ),
    asks('{text}\n\nThe headline over these lines is: {title}\nWhat kind of news is it?\n\n{options}'),
    asks(
        'Every desk of a newsroom covers one field. Name the field of the desk that ran this story.\n\n'
        '{title}\n{text}\n\n{options}'
    ),
    asks(
        'Judge by headline and text what the story deals with.\n\n{options}\n\n'
        'Headline: {title}\n\nText: {text}\n\nTopic:'
    ),
    inverts('Field: {answer}\nNews in brief: {text}\n\nWrite a headline for it.', '{title}'),
    inverts(
        'Write the opening lines of a news story. It stands in the section "{answer}", and its headline is:\n{title}',
        '{text}',
    ),
)

ROTTEN_TOMATOES = (
    asks('Critics on "{movie}":\n{reviews}\n\nSum up in a sentence or two what they make of it.'),
    asks('Film: {movie}\nReviews:\n{reviews}\nConsensus:'),
    asks(
        '{reviews}\n\nThis is what was written in reviews of "{movie}". What is the verdict of the critics as a whole?'
    ),
    asks('How was the film "{movie}" received? Base a short answer on what critics said.\n\n{reviews}'),
    asks(
        'Please distil a single opinion from the comments below, in the tone of a film magazine.\n\n'
        'About {movie}:\n{reviews}'
    ),
    asks(
        "You write the line that stands under a film's score and tells readers what critics generally think of it. "
        'Below is what they said about "{movie}".\n\n{reviews}\n\nThe line:'
    ),
    asks('"{movie}" is out, and the press has spoken:\n\n{reviews}\n\nBlend it all into one brief statement.'),
    inverts(
        'On the whole, critics sum up the film "{movie}" like this: {answer}\n\n'
        'Invent excerpts from reviews that fit, numbered, ten at most.',
        '{reviews}',
    ),
    inverts(
        'The common view of "{movie}" among critics:\n{answer}\n\nWrite what one of them might have said.', '{review}'
    ),
    inverts('{reviews}\n\nAltogether: {answer}\n\nWhich film is being reviewed here?', '{movie}'),
)

IDEBATE = (
    asks(
        'Topic of a debate: {debate}\n\nOne side argues:\n{arguments}\n\n'
        'Which claim is this meant to support? State it in one sentence.'
    ),
    asks('{arguments}\n\nPut the point that is being argued here into a single sentence.'),
    asks('Debate: {debate}\nArguments:\n{arguments}\nClaim:'),
    asks(
        'What does the speaker want us to believe? Read what was said in a debate on the motion below, and name the '
        'claim behind it.\n\nMotion: {debate}\n\n{arguments}'
    ),
    asks(
        'Please sum up this line of reasoning as one claim.\n\n{arguments}\n\n'
        'It was put forward in the following debate: {debate}'
    ),
    asks(
        'A debater has collected evidence but does not yet know how to introduce it. '
        'Find a short claim that the evidence backs up.\n\nThe debate: {debate}\nThe evidence:\n{arguments}'
    ),
    asks('Under discussion: {debate}\n\n{arguments}\n\nIn short, what is being asserted?'),
    inverts(
        'In a debate with the title "{debate}", somebody claims: {answer}\n\n'
        'Argue for it in numbered points, ten at most.',
        '{arguments}',
    ),
    inverts('Claim: {answer}\nDebate: {debate}\n\nBack the claim up with one argument.', '{argument}'),
    inverts(
        'Here is a claim, and below it what is said in its favour. Guess the title of the debate.\n\n'
        '{answer}\n\n{arguments}',
        '{debate}',
    ),
)

WIKI_LINGUA = (
    asks('{guide}\n\nGive the steps of this guide in brief.'),
    asks('Shorten the how-to text below until only the bare instructions remain.\n\n{guide}'),
    asks('Guide: {guide}\n\nIn short:'),
    asks(
        'What does the following text advise its readers to do? Answer step by step, with a short command for each.'
        '\n\n{guide}'
    ),
    asks(
        'I would like to follow this advice without having to read all of it. '
        'Please give me the essentials in short sentences.\n\n{guide}'
    ),
    asks(
        'Text of a how-to page:\n"""\n{guide}\n"""\n\nReduce it to what a checklist would hold, as running text '
        'without numbers.'
    ),
    asks('{guide}\n\nHow would this read if each piece of advice had to make do with one short sentence of its own?'),
    asks('Drop the explanations and keep the advice. Here is the text.\n\n{guide}\n\nAdvice:'),
    inverts('A how-to guide in brief: {answer}\n\nNow write it at length, with explanations.', '{guide}'),
    inverts('{answer}\n\nWrite the full guide of which this is the summary.', '{guide}'),
)
