"""Which settings two configurations have in different."""

from collections.abc import Iterator

from parallelrun.config.section import Section


def changed_keys(before: Section, after: Section, above: str = "") -> Iterator[str]:
    """The keys whose values differ, as `limits.body`; never the values, which may be secret. Lists count as a whole."""
    for name, field in type(before).model_fields.items():
        key = f"{above}{field.alias or name}"
        old, new = getattr(before, name), getattr(after, name)
        if isinstance(old, Section) and type(old) is type(new):
            yield from changed_keys(old, new, f"{key}.")
        elif old != new:
            yield key


def fixed_changes(before: Section, after: Section, fixed: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the changed keys that are among `fixed` or below one of them."""
    return tuple(
        key for key in changed_keys(before, after) if any(key == name or key.startswith(f"{name}.") for name in fixed)
    )
