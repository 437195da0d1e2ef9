"""Learning-rate schedules: what share of the rate each step gets.

Built in the lecture `sgd`.
"""

import math
from collections.abc import Callable

# --8<-- [start:constant]
Schedule = Callable[[int], float]  # from the number of a step to a share of the rate


def constant(t: int) -> float:
    """Keep the rate as it is."""
    return 1.0


# --8<-- [end:constant]
# --8<-- [start:schedules]
def step_decay(t: int, every: int, factor: float = 0.1) -> float:
    """Drop the rate to `factor` of itself, `every` so many steps."""
    return factor ** (t // every)


def cosine(t: int, steps: int) -> float:
    """Let the rate glide from 1 to 0 along half a wave, in so many steps."""
    return (1 + math.cos(math.pi * t / steps)) / 2


def warm_up(t: int, steps: int) -> float:
    """Raise the rate in a straight line, in so many steps, and then keep it."""
    return min(1.0, (t + 1) / steps)


# --8<-- [end:schedules]
