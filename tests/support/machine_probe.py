# SPDX-License-Identifier: Apache-2.0
"""machine_probe.py FOLDER: what this machine needs, twenty times a second until standard input is closed, for an fdatasync
after an append of 4 KiB in FOLDER, and how late it wakes a process that has slept. Prints a JSON object: `syncs_ms`,
`late_ms`."""

import json
import os
import select
import sys
import time

EVERY_S = 0.05


def main(folder: str):
    syncs_ms, late_ms = [], []
    with open(os.path.join(folder, "probe"), "wb", buffering=0) as file:
        while True:
            slept = time.perf_counter()
            if select.select([sys.stdin], [], [], EVERY_S)[0]:
                break
            woken = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            late_ms.append((woken - slept - EVERY_S) * 1000)
            syncs_ms.append((time.perf_counter() - woken) * 1000)
    print(json.dumps({"syncs_ms": syncs_ms, "late_ms": late_ms}))


main(sys.argv[1])
