#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom. A room may include itself and the rooms listed for it; everything else is an error."""
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1])
COMPONENT = {"core", "net", "otlp", "batch", "config", "telemetry", "component.h"}
MAY_INCLUDE = {
    "core": set(),
    "net": {"core"},
    "otlp": {"core"},
    "batch": {"core", "net", "otlp"},
    "config": {"core", "net", "otlp", "batch"},
    "telemetry": {"core", "net", "otlp", "batch", "config"},
    "tls": {"core", "net", "telemetry"},
    "queue": {"core", "net", "otlp", "batch", "telemetry"},
    "kafka": COMPONENT,
    "processors": COMPONENT,
    "extensions": COMPONENT | {"queue"},
    "receivers": COMPONENT | {"kafka"},
    "exporters": COMPONENT | {"queue", "kafka"},
    "demo": {"core", "net"},
    "tools": {"core", "net", "otlp", "batch", "config", "queue", "exporters"},
}
INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.M)


def room_of(path):
    parts = path.relative_to(ROOT).parts
    if parts[0] == "collector":
        return parts[1] if len(parts) > 2 or parts[1] == "component.h" else "top"
    return parts[0]


def target_of(include):
    first = include.split("/")[0]
    return first


def main():
    files = [p for top in ("collector", "receivers", "exporters") for p in sorted((ROOT / top).rglob("*.[ch]"))]
    wrong = []
    for path in files:
        room = room_of(path)
        if room in ("top", "component.h"):
            continue
        if room not in MAY_INCLUDE:
            wrong.append(f"{path.relative_to(ROOT)}: the room {room} is not in the list of this test")
            continue
        for include in INCLUDE.findall(path.read_text()):
            target = target_of(include)
            generated = include.endswith(".pb-c.h")
            if target != room and target not in MAY_INCLUDE[room] and not generated:
                wrong.append(f"{path.relative_to(ROOT)}: {room} may not include {include}")
    print("\n".join(wrong) or f"{len(files)} files include only what they may")
    sys.exit(bool(wrong) or not files)


main()
