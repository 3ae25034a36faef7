"""How often is it looked which objects nobody needs any more?"""

import gc
from typing import Final

_AFTER: Final = 5_000
"""So many objects more than there were: seven times as many as Python waits for."""


def settle() -> None:
    """What is there now stays; of what comes, look through many at once.

    A thousand runs at once are ten thousand objects, and all of them live until their rows stand:
    to look at them again and again, and to find nothing, is a tenth of writing them down.
    """
    gc.freeze()
    gc.set_threshold(_AFTER, *gc.get_threshold()[1:])
    gc.enable()
