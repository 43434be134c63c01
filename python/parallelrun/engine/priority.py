"""Python's threads stand back for those that answer clients."""

import os
import sys
import threading

NICENESS = 10
"""By how much, of the 19 that there are: a tenth of a core is left to them where everything else wants it."""


def stand_back() -> None:
    """Lowers the scheduling priority of every Python thread, and so of those that they start from now on.

    To be called once the data plane has started. Its threads keep their priority, so that where cores are short no
    client waits for counters that are read, a report that is rendered or examples that are stored. Only Linux has
    priorities by thread; elsewhere, and where it is not allowed, all stays as it is.
    """
    if sys.platform != "linux":
        return
    for thread in threading.enumerate():
        if thread.native_id is not None:
            try:
                present = os.getpriority(os.PRIO_PROCESS, thread.native_id)
                os.setpriority(os.PRIO_PROCESS, thread.native_id, present + NICENESS)
            except OSError:  # it has just ended, or a sandbox forbids it
                continue
