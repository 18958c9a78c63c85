# SPDX-License-Identifier: Apache-2.0
"""count_results.py FILE...: prints how many tests passed, failed and were skipped in JUnit reports of ctest and pytest.

A report that is missing or cut short counts as one failure."""

import sys
import xml.etree.ElementTree as ElementTree


def outcome(case) -> str:
    children = {child.tag for child in case}
    if children & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in children else "passed"


def main(paths):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        try:
            for case in ElementTree.parse(path).iter("testcase"):
                counts[outcome(case)] += 1
        except (OSError, ElementTree.ParseError):
            counts["failed"] += 1
    print(*counts.values())


main(sys.argv[1:])
