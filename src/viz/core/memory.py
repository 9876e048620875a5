"""Freed memory handed back to the system, which glibc otherwise keeps for the thread that freed it."""

import ctypes
import sys


def hand_back() -> None:
    """Give back what is free now; on systems other than Linux with glibc nothing, for they do so by themselves.

    Worth it where much was held for a moment, such as the copies of the weights while a session is made: threads
    that allocate later do not get what another has freed.
    """
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):  # another C library, such as musl
        return
