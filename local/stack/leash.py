"""Run a module that ends, with all it has started, when its parent is gone."""

import os
import runpy
import signal
import sys
import threading
import time

WATCH_INTERVAL_S = 0.25


def end_with_parent() -> None:
    """End this process group when the parent dies; polling works on every Unix."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_INTERVAL_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    end_with_parent()
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
