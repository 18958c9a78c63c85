# SPDX-License-Identifier: Apache-2.0
"""What the tests of this tier measured is printed at the end of the run and kept in build/reports."""

from pathlib import Path

import pytest

_REPORTS = Path(__file__).parents[2] / "build" / "reports"
_written = pytest.StashKey[list]()


@pytest.fixture(scope="session")
def report(pytestconfig):
    """report(name, text): writes build/reports/NAME.md, and prints it when all tests have run."""
    texts = pytestconfig.stash.setdefault(_written, [])

    def write(name: str, text: str):
        _REPORTS.mkdir(parents=True, exist_ok=True)
        (_REPORTS / f"{name}.md").write_text(text)
        texts.append(text)

    return write


def pytest_terminal_summary(terminalreporter, config):
    for text in config.stash.get(_written, []):
        terminalreporter.write_line("")
        terminalreporter.write(text)
