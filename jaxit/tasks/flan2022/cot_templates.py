"""Wordings for chains of thought: ten for each data set, and ten for all of them that ask for something else."""

from jaxit.text.templates import Template

_SO = '{chain} So we arrive at this answer: {answer}.'
_THEREFORE = '{chain} From this we get the answer: {answer}.'
_FINAL = '{chain}\nFinal answer: {answer}'
_ANSWER = '{chain}\n\nAnswer: {answer}'
_HENCE = '{chain} Hence: {answer}.'
_FIRST = 'The answer is {answer}. Here is why: {chain}'
_STEPS = 'Reasoning: {chain}\nAnswer: {answer}'
_MEANS = '{chain} This means that the answer is {answer}.'


def _ten(*pairs: tuple[str, str]) -> tuple[Template, ...]:
    return tuple(Template(inputs, targets) for inputs, targets in pairs)


GSM8K = _ten(
    ('{question}\n\nWork through the arithmetic before you give the number.', _SO),
    ('Solve this word problem one step at a time.\n\n{question}', _FINAL),
    ('{question}\nShow your working first, then the result.', _ANSWER),
    ('A pupil has to explain every step of this exercise: {question}', _THEREFORE),
    ('Math problem: {question}\nReasoning, then answer:', _STEPS),
    ('Calculate, and write down how you do it.\n\n{question}', _MEANS),
    ('{question} What has to be computed, and what comes out?', _SO),
    ('How would a careful teacher solve this in class?\n\n{question}', _THEREFORE),
    ('Give the number first, and justify it after that.\n{question}', _FIRST),
    ('{question}\n\nDeal with the quantities in turn, in writing.', _HENCE),
)
STRATEGYQA = _ten(
    ('{question}\n\nCollect the facts that matter, then say yes or no.', _SO),
    ('Yes or no? Give your reasons first.\n\n{question}', _THEREFORE),
    ('{question} Reason about it before you decide.', _HENCE),
    ('This question needs several facts at once: {question}\nName them and conclude.', _FINAL),
    ('Question: {question}\nFacts and conclusion:', _STEPS),
    ('{question}\nWhat do you know about this, and what follows from it?', _MEANS),
    ('Decide the following, with an explanation that leads to your verdict.\n{question}', _ANSWER),
    ('{question}\n\nBegin with your answer and defend it.', _FIRST),
    ('Somebody asks you: {question} Think aloud.', _SO),
    ('Put two and two together, and let me see how: {question}', _THEREFORE),
)
CREAK = _ten(
    ('{question}\n\nExplain with common sense, then give the verdict.', _SO),
    ('Check this statement against what everybody knows, and report what you find.\n\n{question}', _THEREFORE),
    ('{question}\nWhat speaks for it or against it? End with your verdict.', _FINAL),
    ('Read what is claimed, give a reason, and decide.\n{question}', _ANSWER),
    ('{question}\n\nArgue first, judge afterwards.', _HENCE),
    ('{question}\nReasoning and verdict:', _STEPS),
    (
        'You are a fact checker without access to the web.\n\n{question}\n\nTell us your thoughts, then your verdict.',
        _MEANS,
    ),
    ('Give your verdict at once and a reason after it.\n{question}', _FIRST),
    ('{question}\n\nWhich fact settles this?', _SO),
    ('Would a sensible person believe it? Say why before you answer.\n\n{question}', _THEREFORE),
)
QASC = _ten(
    ('{question}\n\nLink the scientific facts together, then name the option.', _SO),
    ('Science test. Explain before you choose.\n\n{question}', _THEREFORE),
    ('{question}\nWhich facts lead to the right choice?', _FINAL),
    ('Answer this school question by reasoning from one fact to the next.\n{question}', _ANSWER),
    ('{question}\n\nFacts first, letter last.', _HENCE),
    ('{question}\nReasoning and choice:', _STEPS),
    ('A chain of two facts answers this. Write it out.\n\n{question}', _MEANS),
    ('Pick an option and say what makes it right.\n{question}', _FIRST),
    ('{question}\n\nWhat do you remember from science class that helps?', _SO),
    ('Combine what you know, spell it out, and decide.\n\n{question}', _THEREFORE),
)
ESNLI = _ten(
    ('{question}\n\nSay what the first sentence tells us, then answer.', _SO),
    ('Compare the two sentences and explain before you decide.\n\n{question}', _THEREFORE),
    ('{question}\nGive a reason, then your answer.', _FINAL),
    ('{question}\n\nWhat follows, what clashes, what stays open? Conclude.', _ANSWER),
    ('Think aloud about the scene that is described.\n{question}', _HENCE),
    ('{question}\nReasoning and answer:', _STEPS),
    ('{question}\n\nCould both be true? Does the second have to be, if the first is? Explain.', _MEANS),
    ('Answer first, then explain your answer in a sentence.\n\n{question}', _FIRST),
    ('Judge with care and in steps.\n{question}', _SO),
    ('{question}\n\nWhat speaks for your answer? Say that first.', _THEREFORE),
)
ECQA = _ten(
    ('{question}\n\nExplain which choice makes sense in everyday life, then name it.', _SO),
    ('Tell how the world usually works here, then answer.\n\n{question}', _THEREFORE),
    ('{question}\nSay what fits best and why, then answer.', _FINAL),
    ('A question of common sense. Your reasons come first.\n{question}', _ANSWER),
    ('{question}\n\nWhy is the best choice the best?', _HENCE),
    ('{question}\nReasons and choice:', _STEPS),
    ('Answer so that a child would see why.\n\n{question}', _MEANS),
    ('Choose one of the answers and say why it is the one.\n{question}', _FIRST),
    ('{question}\n\nGo through it slowly, in words, before you choose.', _SO),
    ('What would most people say, and why?\n\n{question}', _THEREFORE),
)
SENSEMAKING = _ten(
    ('{question}\n\nSay what is wrong with one of them, then name it.', _SO),
    ('One of two sentences is odd. Explain, then choose.\n\n{question}', _THEREFORE),
    ('{question}\nWhich fact of life is violated? End with "Sentence A" or "Sentence B".', _FINAL),
    ('Look for what cannot be, and say why it cannot before you choose.\n{question}', _ANSWER),
    ('{question}\n\nReason first, choice second.', _HENCE),
    ('{question}\nReason and odd one out:', _STEPS),
    ('Picture both of them, describe what goes wrong, then answer.\n\n{question}', _MEANS),
    ('Name the sentence, and add why.\n{question}', _FIRST),
    ('{question}\n\nHow do you know?', _SO),
    ('Give a reason from your knowledge of everyday things, then answer.\n\n{question}', _THEREFORE),
)
AQUA = _ten(
    ('{question}\n\nWork it out, then name the option.', _SO),
    ('Solve the problem, and write down each equation before you choose.\n\n{question}', _FINAL),
    ('{question}\nWorking, then choice:', _ANSWER),
    ('This is from an entrance exam. Derive the result.\n{question}', _THEREFORE),
    ('{question}\n\nWrite out what decides between the options.', _HENCE),
    ('{question}\nCalculation and choice:', _STEPS),
    ('Which option is right? Calculate in steps.\n\n{question}', _MEANS),
    ('Give the option, then its derivation.\n{question}', _FIRST),
    ('{question}\n\nSet up what is known and solve for what is asked.', _SO),
    ('A tutor solves this on the blackboard:\n\n{question}', _THEREFORE),
)
QED = _ten(
    ('{question}\n\nPoint to what the text says, then answer.', _SO),
    ('Find the sentence that holds the answer, and reason from it.\n\n{question}', _THEREFORE),
    ('{question}\nQuote what matters, then give the answer.', _FINAL),
    ('Explain where the answer comes from before you give it.\n{question}', _ANSWER),
    ('{question}\n\nWhat do we read there, and what does it tell us?', _HENCE),
    ('{question}\nEvidence and answer:', _STEPS),
    ('Who or what is meant? Trace it, then answer.\n\n{question}', _MEANS),
    ('Answer, and name the evidence after that.\n{question}', _FIRST),
    ('{question}\n\nRead closely and explain yourself.', _SO),
    ('Let the passage lead you to the answer, and say how it does.\n\n{question}', _THEREFORE),
)
FORWARD = {
    'gsm8k': GSM8K,
    'strategyqa': STRATEGYQA,
    'creak': CREAK,
    'qasc': QASC,
    'esnli': ESNLI,
    'ecqa': ECQA,
    'sensemaking': SENSEMAKING,
    'aqua': AQUA,
    'qed': QED,
}
INVERTED = tuple(
    Template(inputs, targets, kind='inverted')
    for inputs, targets in (
        (
            'Answer: {answer}\nExplanation: {chain}\n\nWhat was the question, with its options if it had any?',
            '{question}',
        ),
        (
            'Somebody reasons like this: {chain}\nand concludes: {answer}\n\n'
            'Write what they were asked, options included if there were any.',
            '{question}',
        ),
        ('Make up a question that has the answer "{answer}", for these reasons.\n\n{chain}', '{question}'),
        ('{question}\n\nThe answer is {answer}. Explain why.', '{chain}'),
        ('Question: {question}\nCorrect answer: {answer}\nA convincing explanation:', '{chain}'),
        ('Why is "{answer}" the right answer to the following?\n\n{question}', '{chain}'),
        (
            'Explanation: {chain}\n\nWrite the question that it belongs to, with options if need be, and the answer.',
            'Question: {question}\nAnswer: {answer}',
        ),
        (
            '{chain}\n\nWhich question and which answer does this line of thought connect?',
            '{question}\nThe answer: {answer}',
        ),
        ('Question: {question}\nThoughts: {chain}\n\nWhich answer to the question do they lead to?', '{answer}'),
        ('{question}\n\nA friend thinks: {chain}\nWhich answer does the friend give?', '{answer}'),
    )
)
