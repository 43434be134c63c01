"""Whom to tell what, once: alerts from events and facts, and their way to each target.

What decides is pure: `conditions`, `happenings` and `differences` make alerts, the `Book` tells each matter once, an
`Outbox` per target bounds how much of it is told when. `Alerts` runs them; a `Delivery` carries the messages of one
target and never holds up anything else.
"""
