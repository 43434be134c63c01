"""Is the new side's event more frequent than the old side's, on the same requests? The sequential McNemar test."""

import math

from numpy.typing import ArrayLike

from parallelrun.judge.special import Floats, floats, log_beta, log_beta_above


def log_e_mcnemar(new_only: ArrayLike, old_only: ArrayLike) -> Floats:
    """The logarithm of the e-value against "the new side has it no more often than the old side".

    Only requests in which one side has it and the other has not say anything: under the hypothesis such a request shows
    *new only* with probability 1/2 at most. Against that stands a coin with any probability from 1/2 to 1, all weighted
    equally:

        E = 2^(b+c+1) B(b+1, c+1) P(X > 1/2),   X ~ Beta(b+1, c+1)

    with b new-only and c old-only requests. An e-process under Ville's inequality (Ville 1939): whenever one looks, the
    chance that E ever reaches 1/a is at most a.
    """
    b, c = floats(new_only), floats(old_only)
    return (b + c + 1) * math.log(2) + log_beta(b + 1, c + 1) + log_beta_above(b + 1, c + 1, 0.5)
