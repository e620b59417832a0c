"""Processes that share out what a simulation does, and end with the one that started them."""

import os
from multiprocessing import connection, get_context, parent_process
from multiprocessing.pool import Pool
from signal import SIG_IGN, SIGINT, signal
from threading import Thread

CORES = os.cpu_count() or 1


def pool(processes: int = CORES) -> Pool:
    """Start processes that leave an interruption to their parent, and do not outlive it."""
    return get_context("spawn").Pool(processes, _begin)


def _begin() -> None:
    signal(SIGINT, SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    connection.wait([parent.sentinel] if parent else [])
    os._exit(1)
