# SPDX-License-Identifier: Apache-2.0
"""h2spec, the conformance test of HTTP/2, against the gRPC port. What fails is listed here, and why it may."""

from support.tools import h2spec

NOWHERE = """
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
"""

# (section, title): the reason.
EXPLAINED = {}


def test_h2spec(weir, tmp_path):
    program = weir(NOWHERE)

    cases = h2spec(program.grpc_port, tmp_path)

    assert len(cases) > 140, "h2spec has about 146 cases"
    failed = {(case.section, case.title): case.failure for case in cases if case.failure}
    unexplained = {case: why for case, why in failed.items() if case not in EXPLAINED}
    assert not unexplained, "\n".join(f"{case}: {why}" for case, why in unexplained.items())
    assert not EXPLAINED.keys() - failed.keys(), "these pass by now: take them off the list"
