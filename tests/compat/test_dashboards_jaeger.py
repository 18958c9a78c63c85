# SPDX-License-Identifier: Apache-2.0
"""A real Jaeger reads dashboards/jaeger and hands it to its pages."""

import json
import re
from pathlib import Path

import pytest
import requests

from support.jaeger import Jaeger

FOLDER = Path(__file__).resolve().parents[2] / "dashboards" / "jaeger"


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.json")))
def test_the_pages_get_the_links(name, tmp_path):
    """Filled in as docs/dashboards.md says."""
    config = tmp_path / name
    config.write_text((FOLDER / name).read_text().replace("__KIBANA_URL__", "https://kibana.example:5601"))
    jaeger = Jaeger(tmp_path)
    jaeger.argv += ["--set", f"extensions.jaeger_query.ui.config_file={config}"]
    jaeger.start()
    try:
        page = requests.get(f"http://127.0.0.1:{jaeger.query_port}/search", timeout=10).text
    finally:
        jaeger.kill()
    served = json.loads(re.search(r"JAEGER_CONFIG = (.*);", page)[1])
    assert served == json.loads(config.read_text())
    assert all(link["url"].startswith("https://kibana.example:5601/app/discover") for link in served["linkPatterns"])
