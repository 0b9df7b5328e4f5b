"""The words by which habits of a model are known; all in lower case, with the plain apostrophe."""


def words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


REFUSALS = (
    "i can't assist",
    "i cannot assist",
    "can't assist with",
    "cannot assist with",
    "i can't help",
    "i cannot help",
    "can't help with",
    "i'm not able to",
    "i am not able to",
    "i'm unable to",
    "i am unable to",
    "i won't be able to",
    "i can't provide",
    "i cannot provide",
    "cannot provide",
    "i can't fulfill",
    "i cannot fulfill",
    "cannot fulfill",
    "i can't comply",
    "i cannot comply",
    "cannot comply",
    "i can't answer",
    "i cannot answer",
    "i can't generate",
    "i cannot generate",
    "i can't create",
    "i cannot create",
    "i can't write",
    "i cannot write",
    "i can't do that",
    "i cannot do that",
    "i can't engage",
    "i cannot engage",
    "i can't discuss",
    "i cannot discuss",
    "i can't support",
    "i cannot support",
    "i cannot condone",
    "i can't condone",
    "i cannot endorse",
    "i cannot encourage",
    "i cannot recommend",
    "i cannot offer",
    "i can't offer",
    "i won't provide",
    "i will not provide",
    "i won't help",
    "i will not help",
    "i refuse to",
    "i must decline",
    "i have to decline",
    "i must refuse",
    "i don't have personal",
    "i do not have personal",
    "i don't feel comfortable",
    "i'm not comfortable",
    "i do not feel comfortable",
    "not appropriate for me to",
    "against my programming",
    "against my guidelines",
    "would not be appropriate",
)
APOLOGIES = ("sorry", "apologize", "apologise", "apologies", "my mistake")
SELF_DESCRIPTIONS = (
    "as an ai",
    "as a language model",
    "as a large language model",
    "i'm an ai",
    "i am an ai",
    "i'm just an ai",
    "i am a language model",
    "i'm a language model",
    "ai language model",
    "ai assistant",
    "my training data",
    "knowledge cutoff",
    "my last update",
    "my last knowledge update",
)
HEDGES = words_of(
    "may might could possibly perhaps probably likely seems seem appears appear generally usually typically often "
    "sometimes potentially presumably roughly approximately depends depending subjective uncertain unclear"
)
STEP_WORDS = words_of(
    "first firstly second secondly third thirdly next then finally step steps therefore thus hence lastly"
)
FIRST_PERSON = words_of("i i'm i've i'd i'll me my mine myself we we're our us")
SECOND_PERSON = words_of("you you're you'll you've your yours yourself")
CERTAINTY = words_of(
    "always never definitely certainly clearly obviously absolutely must undoubtedly exactly every all"
)
CONNECTIVES = words_of(
    "however although because while but since whereas moreover furthermore additionally also instead overall"
)
WARNINGS = (
    "important to note",
    "please note",
    "keep in mind",
    "consult a",
    "it's important",
    "it is important",
    "be aware",
    "disclaimer",
)
FILLER_OPENERS = (
    "sure",
    "certainly",
    "of course",
    "absolutely",
    "great question",
    "good question",
    "happy to help",
    "i'd be happy",
    "i'd be glad",
    "here is",
    "here's",
    "here are",
    "okay",
    "thank you",
    "thanks for",
)
CLOSING_OFFERS = (
    "let me know",
    "feel free to",
    "if you have any",
    "if you need any",
    "if you'd like",
    "if you would like",
    "would you like",
    "hope this helps",
    "happy to help",
    "anything else",
    "further assistance",
    "do you want me to",
)
PRAISE = (
    "great question",
    "good question",
    "excellent question",
    "interesting question",
    "fantastic question",
    "what a great",
    "that's a great",
    "you're right",
    "you are right",
    "you're absolutely right",
    "you are absolutely right",
    "great idea",
    "love this",
    "i love",
)
SUMMARIES = (
    "in conclusion",
    "in summary",
    "to summarize",
    "to summarise",
    "to sum up",
    "in short",
    "overall,",
    "ultimately,",
    "summary:",
    "conclusion",
    "tl;dr",
    "key takeaway",
)
FINAL_ANSWERS = ("the answer is", "final answer", "answer:", "\\boxed", "therefore, the", "correct answer")
YES = frozenset({"yes", "yeah", "yep", "true", "correct"})
NO = frozenset({"no", "nope", "false", "incorrect"})

# Two of a language's commonest words that the others do not share say enough about a whole answer.
ENGLISH_STOP_WORDS = words_of(
    "the of and to in is that it for as with on are be this by from at or an was not have which can will has"
)
OTHER_STOP_WORDS = words_of(
    "der und das ist nicht ein eine mit für auf den dem von zu sich les des une est que dans pour pas sur qui "
    "avec el los las una por con para del como más il che di non per sono della gli nel o os um uma não em da "
    "het een van dat niet voor och att som det på и в не на что с по это как"
)
