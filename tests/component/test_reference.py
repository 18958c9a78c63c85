# SPDX-License-Identifier: Apache-2.0
"""The reference pages in docs/ are what the binary writes."""
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEIR = os.environ.get("WEIR_BINARY", ROOT / "build/dev/bin/weir")


def test_pages_in_docs_are_current(tmp_path):
    subprocess.run([WEIR, "reference", tmp_path], check=True)
    written = {page.name: page.read_text() for page in tmp_path.glob("*.md")}
    kept = {page.name: page.read_text() for page in (ROOT / "docs/reference").glob("*-*.md")}
    assert len(written) >= 10
    assert kept == written, "run: weir reference docs/reference"


def test_schema_is_json_and_knows_every_component():
    schema = json.loads(subprocess.run([WEIR, "schema"], check=True, capture_output=True, text=True).stdout)
    listing = subprocess.run([WEIR, "components"], check=True, capture_output=True, text=True).stdout
    text = json.dumps(schema)
    for line in listing.splitlines():
        assert line.split()[1] in text
