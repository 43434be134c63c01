"""The clock of alerts goes on whatever is done to the machine's."""

from dataclasses import dataclass

from parallelrun.alerts.clock import Clock


@dataclass
class Machine:
    """A machine's two clocks, in seconds."""

    wall: float = 1_000.0
    monotonic: float = 5.0

    def passes(self, seconds: float) -> None:
        """Time goes by on both."""
        self.wall += seconds
        self.monotonic += seconds

    def clock(self) -> Clock:
        """The clock under test."""
        return Clock(lambda: self.wall, lambda: self.monotonic)


def test_it_goes_on_where_the_clock_is_set_back() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall -= 3600
    machine.passes(2)
    assert clock() == 1_002_000


def test_it_follows_where_the_machine_has_slept() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += 8 * 3600
    machine.passes(1)
    assert clock() == (1_001 + 8 * 3600) * 1000
