"""What reads verdicts does not load what computes them."""

import subprocess
import sys


def test_scipy_is_loaded_only_to_judge() -> None:
    code = (
        "import sys, parallelrun.engine, parallelrun.rollout, parallelrun.api.app\n"
        "assert 'numpy' not in sys.modules and 'scipy' not in sys.modules\n"
        "from parallelrun.judge import judge, replay\n"
        "assert callable(judge) and callable(replay) and 'scipy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
