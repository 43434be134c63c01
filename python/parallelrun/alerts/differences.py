"""A difference as an alert: an example pair, how often, and the rule that would hide it."""

from collections.abc import Mapping

from parallelrun.alerts.alert import Alert
from parallelrun.config.words import number
from parallelrun.evidence.model import Judged
from parallelrun.evidence.status import Status
from parallelrun.evidence.suggest import suggest
from parallelrun.evidence.visible import in_one_line

KIND = "difference"

WHY_OVER: Mapping[Status, str] = {
    "ignored": "A rule hides it now.",
    "noise": "The old side differs from itself there, too: it is noise.",
    "race": "It is gone whenever it is asked again: it is a race.",
}
"""Why a difference is not open any more, by its status."""


def key_of(signature: str) -> str:
    """The key of the difference's alert."""
    return f"{KIND}:{signature}"


def signature_of(key: str) -> str | None:
    """The signature of the difference that an alert is about; None where it is about none."""
    kind, _, signature = key.partition(":")
    return signature if kind == KIND else None


def difference_alert(judged: Judged, compared: int) -> Alert:
    """What is said about an open difference.

    Args:
        judged: it.
        compared: how many requests of its endpoint had both answers compared.
    """
    difference, example = judged.difference, judged.example
    count = difference.verdicts.confirmed + difference.verdicts.unconfirmed
    rule = suggest(difference, example).yaml
    lines = [f"{number(count, 'pair')} of {number(compared, 'compared request')} at this endpoint."]
    if example:
        lines.append(f"old: {_value(example.old)}")
        lines.append(f"new: {_value(example.new)}")
        lines.append(f"An example: parallelrun show {example.pair}")
    lines += ["If it does not matter, this rule hides it:", *(f"    {line}" for line in rule.splitlines())]
    return Alert(
        key_of(difference.signature),
        "warning",
        f"New difference at {difference.endpoint}: {difference.location} ({difference.kind})",
        "\n".join(lines),
        {
            "signature": difference.signature,
            "endpoint": difference.endpoint,
            "location": difference.location,
            "kind": difference.kind,
            "count": count,
            "compared": compared,
            "pair_id": example.pair if example else None,
            "old": example.old if example else None,
            "new": example.new if example else None,
            "silence": rule,
        },
    )


def _value(text: str | None) -> str:
    return "nothing here" if text is None else in_one_line(text)
