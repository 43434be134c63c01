"""Text of strangers, made safe to look at: nothing that moves a cursor, hides or reverses what is read."""

import unicodedata

_KEPT = frozenset("\t\n")


def visible(text: str) -> str:
    r"""The text with control, format and separator characters written out, such as `\u202e`; tabs and line ends stay.

    Terminals obey control characters, and format characters turn the direction of reading or take no room: a value
    could pass for another.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written_out(char) if _is_hidden(char) else char for char in text)


def _is_hidden(char: str) -> bool:
    return char not in _KEPT and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _written_out(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def in_one_line(text: str) -> str:
    r"""`visible`, with line ends and tabs written out as well."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")
