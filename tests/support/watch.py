# SPDX-License-Identifier: Apache-2.0
"""weir's memory, looked at while it runs."""

import threading
from pathlib import Path


class Watch:
    """Looks at the program's memory ten times a second while it runs. A context manager."""

    def __init__(self, program):
        self.rss_mib = self.held_mib = 0.0
        self.limit_mib = None
        self._program = program
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    @property
    def rss_means_something(self) -> bool:
        """Sanitizers keep what was freed, and shadow the rest."""
        program = Path(self._program.argv[0]).read_bytes()
        return b"__asan_init" not in program and b"__tsan_init" not in program

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def _look(self):
        while not self._end.wait(0.1):
            self.rss_mib = max(self.rss_mib, self._program.rss_kib() / 1024)
            self.held_mib = max(self.held_mib, self._program.metric("weir_memory_account_used") / 2**20)
            self.limit_mib = self._program.metric("weir_memory_account_limit") / 2**20
