"""Finds where a text counts one of something as if it were several."""

import re

_NOUNS = (
    "alerts answers bytes characters comparisons differences endpoints failures findings pairs requests times "
    "verdicts writes"
)
_VERBS = "are differ do follow prove stand wait were"
_WRONG = re.compile(
    rf"(?<![\d.,])1 (?:[a-z]+ )?(?:{_NOUNS.replace(' ', '|')})\b"
    rf"|(?<![\d.,])(?<!of )1 (?:more )?(?:[a-z]+ )?(?:{'|'.join(noun[:-1] for noun in _NOUNS.split())}|more)"
    rf"(?: there)? (?:{_VERBS.replace(' ', '|')})\b"
)


def wrong_plurals(text: str) -> list[str]:
    """Each such place, such as `1 more failures` or `1 pair wait`."""
    return [found[0] for found in _WRONG.finditer(text)]
