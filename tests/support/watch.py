# SPDX-License-Identifier: Apache-2.0
"""weir's memory, looked at while it runs."""

import threading
from pathlib import Path


class Watch:
    """Looks at the program's memory, with `every` seconds between, while it runs. A context manager."""

    def __init__(self, program, every: float = 0.1):
        self.rss_mib = self.held_mib = 0.0
        self.limit_mib = None
        self.error: Exception | None = None
        self._program, self._every = program, every
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

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
        assert self.error is None, f"memory was not watched to the end: {self.error!r}"

    def _watch(self):
        try:
            while not self._end.wait(self._every):
                self._look()
        except Exception as error:  # a thread has nobody to raise to
            self.error = error

    def _look(self):
        self.rss_mib = max(self.rss_mib, self._program.rss_kib() / 1024)
        self.held_mib = max(self.held_mib, self._program.metric("weir_memory_account_used_max") / 2**20)
        self.limit_mib = self._program.metric("weir_memory_account_limit") / 2**20
