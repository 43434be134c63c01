"""The running process: the core, the evidence, the admin API, and what keeps them going until a signal ends them."""

from parallelrun.engine.engine import Engine
from parallelrun.engine.run import run
from parallelrun.engine.start import StartError
from parallelrun.engine.status import ConfigStatus, Ending

__all__ = ["ConfigStatus", "Ending", "Engine", "StartError", "run"]
