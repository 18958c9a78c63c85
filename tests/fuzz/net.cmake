# SPDX-License-Identifier: Apache-2.0
weir_fuzz_target(http
    SOURCES fuzz_http.c ${PROJECT_SOURCE_DIR}/tests/unit/net/http_bench.c ${PROJECT_SOURCE_DIR}/tests/unit/net/fake_net.c
    LIBS weir_net)
weir_fuzz_target(http2_client
    SOURCES fuzz_http2_client.c ${PROJECT_SOURCE_DIR}/tests/unit/net/fake_net.c
    LIBS weir_net)
weir_fuzz_target(inflate SOURCES fuzz_inflate.c LIBS weir_net)
