"""What to read aloud: words of many languages, others that could be theirs, and numbers, without sense or order.

The words are those of the first article of the Universal Declaration of Human Rights.
"""

import functools
from collections import defaultdict

import numpy as np

_ARTICLE = {
    "en": "all human beings are born free and equal in dignity and rights they are endowed with reason and conscience "
    "and should act towards one another in a spirit of brotherhood",
    "de": "alle menschen sind frei und gleich an würde und rechten geboren sie sind mit vernunft und gewissen begabt "
    "und sollen einander im geist der brüderlichkeit begegnen",
    "fr": "tous les êtres humains naissent libres et égaux en dignité et en droits ils sont doués de raison et de "
    "conscience et doivent agir les uns envers les autres dans un esprit de fraternité",
    "es": "todos los seres humanos nacen libres e iguales en dignidad y derechos y dotados como están de razón y "
    "conciencia deben comportarse fraternalmente los unos con los otros",
    "it": "tutti gli esseri umani nascono liberi ed eguali in dignità e diritti essi sono dotati di ragione e di "
    "coscienza e devono agire gli uni verso gli altri in spirito di fratellanza",
    "pt": "todos os seres humanos nascem livres e iguais em dignidade e em direitos dotados de razão e de consciência "
    "devem agir uns para com os outros em espírito de fraternidade",
    "nl": "alle mensen worden vrij en gelijk in waardigheid en rechten geboren zij zijn begiftigd met verstand en "
    "geweten en behoren zich jegens elkander in een geest van broederschap te gedragen",
    "sv": "alla människor är födda fria och lika i värde och rättigheter de har utrustats med förnuft och samvete och "
    "bör handla gentemot varandra i en anda av gemenskap",
    "pl": "wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw są oni obdarzeni rozumem i "
    "sumieniem i powinni postępować wobec innych w duchu braterstwa",
    "cs": "všichni lidé se rodí svobodní a sobě rovní co do důstojnosti a práv jsou nadáni rozumem a svědomím a mají "
    "spolu jednat v duchu bratrství",
    "fi": "kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan heille on annettu järki ja "
    "omatunto ja heidän on toimittava toisiaan kohtaan veljeyden hengessä",
    "tr": "bütün insanlar hür haysiyet ve haklar bakımından eşit doğarlar akıl ve vicdana sahiptirler ve birbirlerine "
    "karşı kardeşlik zihniyeti ile hareket etmelidirler",
    "hu": "minden emberi lény szabadon születik és egyenlő méltósága és joga van az emberek ésszel és lelkiismerettel "
    "bírván egymással szemben testvéri szellemben kell hogy viseltessenek",
    "ro": "toate ființele umane se nasc libere și egale în demnitate și în drepturi ele sunt înzestrate cu rațiune și "
    "conștiință și trebuie să se comporte unele față de altele în spiritul fraternității",
    "id": "semua orang dilahirkan merdeka dan mempunyai martabat dan hak yang sama mereka dikaruniai akal dan hati "
    "nurani dan hendaknya bergaul satu sama lain dalam semangat persaudaraan",
    "sw": "watu wote wamezaliwa huru hadhi na haki zao ni sawa wote wamejaliwa akili na dhamiri hivyo yapasa "
    "watendeane kindugu",
    "ru": "все люди рождаются свободными и равными в своём достоинстве и правах они наделены разумом и совестью и "
    "должны поступать в отношении друг друга в духе братства",
    "el": "όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα είναι προικισμένοι με "
    "λογική και συνείδηση και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης",
}
LANGUAGES = tuple(_ARTICLE)
_INVENTED, _NUMBER = 0.3, 0.1  # parts of the words


def random_text(rng: np.random.Generator, language: str, words: int) -> str:
    """So many words in short sentences."""
    text, left = [], 0
    for _ in range(words):
        if left == 0:
            left = int(rng.integers(2, 10))
        left -= 1
        text.append(_random_word(rng, language) + ("" if left else str(rng.choice([",", ".", ".", "?", "!"]))))
    return " ".join(text).rstrip(",") + "."


def _random_word(rng: np.random.Generator, language: str) -> str:
    kind = rng.uniform()
    if kind < _NUMBER:
        return str(rng.integers(10 ** rng.integers(1, 4)))
    if kind < _NUMBER + _INVENTED:
        return _invent(rng, language)
    words = _ARTICLE[language].split()
    return words[rng.integers(len(words))]


def _invent(rng: np.random.Generator, language: str) -> str:
    """A word that the language has not but could have: each letter follows the two before it somewhere."""
    following = _following(language)
    word = ""
    while True:
        choices = following[("  " + word)[-2:]]
        letter = choices[rng.integers(len(choices))]
        if (letter == " " and len(word) > 1) or len(word) == 12:
            return word
        if letter == " ":
            word = ""  # too short: begin again
        else:
            word += letter


@functools.cache
def _following(language: str) -> dict[str, str]:
    """Letters and ends of words by the two letters before them, as often as they come."""
    found: dict[str, str] = defaultdict(str)
    for word in _ARTICLE[language].split():
        padded = f"  {word} "
        for place in range(len(padded) - 2):
            found[padded[place : place + 2]] += padded[place + 2]
    return found
