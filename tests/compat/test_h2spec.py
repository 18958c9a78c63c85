# SPDX-License-Identifier: Apache-2.0
"""h2spec, the conformance test of HTTP/2, against both ports of the otlp receiver. What fails is listed here, and why it may.

h2spec sends a GET without gRPC's content type and expects a page. The gRPC port answers that at once with 415 (as the
Collector does, where 26 cases fail), so that what a case does to the open stream afterwards may meet a closed one. The HTTP port
runs the same code and answers with a page.
"""

import pytest

from support.tools import h2spec

NOWHERE = """
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
"""

NGHTTP2 = "nghttp2 ignores frames on streams that are closed, also long after; no request comes of them"
NO_PAGE = "gRPC answers with headers alone; h2spec waits for a DATA frame"

ON_CLOSED_STREAMS = {
    ("http2/5.1", "closed: Sends a DATA frame after sending RST_STREAM frame"): NGHTTP2,
    ("http2/5.1", "closed: Sends a HEADERS frame after sending RST_STREAM frame"): NGHTTP2,
    ("http2/5.1", "closed: Sends a DATA frame"): NGHTTP2,
    ("http2/5.1", "closed: Sends a HEADERS frame"): NGHTTP2,
    ("http2/5.1.1", "Sends stream identifier that is numerically smaller than previous"): NGHTTP2,
}

FAILS = {
    "grpc": {
        **ON_CLOSED_STREAMS,
        ("generic/2", "Sends a WINDOW_UPDATE frame on half-closed (remote) stream"): NO_PAGE,
        ("generic/2", "Sends a PRIORITY frame on half-closed (remote) stream"): NO_PAGE,
        (
            "http2/5.1.2",
            "Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
        ): "each request is answered before the next one comes: they never add up",
    },
    "http": {
        **ON_CLOSED_STREAMS,
        ("http2/3.5", "Sends invalid connection preface"): "the port speaks HTTP/1.1 too, and answers 400 in that",
    },
}

# These break a rule on a stream whose request is refused by its headers alone: where the answer is out first, the stream
# is closed by then, and nghttp2 ignores what comes on it. Which of the two happens is a matter of microseconds.
RACES = {
    ("http2/5.1", "half closed (remote): Sends a DATA frame"),
    ("http2/5.1", "half closed (remote): Sends a HEADERS frame"),
    ("http2/6.1", 'Sends a DATA frame on the stream that is not in "open" or "half-closed (local)" state'),
    ("http2/6.1", "Sends a DATA frame with invalid pad length"),
    ("http2/6.9", "Sends a WINDOW_UPDATE frame with a flow control window increment of 0 on a stream"),
    (
        "http2/6.9.1",
        "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream",
    ),
    ("http2/8.1", "Sends a second HEADERS frame without the END_STREAM flag"),
    ("http2/8.1.2.1", "Sends a HEADERS frame that contains a pseudo-header field as trailers"),
    (
        "http2/8.1.2.6",
        'Sends a HEADERS frame with the "content-length" header field which does not equal the DATA frame payload length',
    ),
    (
        "http2/8.1.2.6",
        'Sends a HEADERS frame with the "content-length" header field which does not equal the sum of the multiple DATA'
        " frames payload length",
    ),
}


@pytest.mark.parametrize("port", ["grpc", "http"])
def test_h2spec(weir, tmp_path, port):
    program = weir(NOWHERE)

    cases = h2spec(program.grpc_port if port == "grpc" else program.http_port, tmp_path)

    assert len(cases) > 140, "h2spec has about 145 cases"
    failed = {(case.section, case.title): case.failure for case in cases if case.failure}
    unexplained = {case: why for case, why in failed.items() if case not in FAILS[port] and case not in RACES}
    assert not unexplained, "\n".join(f"{case}: {why}" for case, why in unexplained.items())
    assert not FAILS[port].keys() - failed.keys(), "these pass by now: take them off the list"
