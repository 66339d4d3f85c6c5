"""Keeps the sandbox's own frames out of the tracebacks that a script prints."""

import functools
import traceback

_OWN = __file__.rpartition("/")[0] + "/"


def _without_own(walk):
    @functools.wraps(walk)
    def filtered(start):
        for step in walk(start):
            frame = step[0]
            if not frame.f_code.co_filename.startswith(_OWN):
                yield step

    return filtered


def install():
    """Filters where `traceback`, and with it `logging`, walks over frames."""
    for name in ("walk_tb", "walk_stack", "_walk_tb_with_full_positions"):
        setattr(traceback, name, _without_own(getattr(traceback, name)))
