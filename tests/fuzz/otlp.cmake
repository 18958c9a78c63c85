# SPDX-License-Identifier: Apache-2.0
weir_fuzz_target(otlp_validate SOURCES fuzz_otlp_validate.c LIBS weir_otlp weir_core)
weir_fuzz_target(otlp_rewrite SOURCES fuzz_otlp_rewrite.c LIBS weir_otlp weir_core)
weir_fuzz_target(otlp_json SOURCES fuzz_otlp_json.c ${PROJECT_SOURCE_DIR}/tests/unit/otlp/strict_json.c LIBS weir_otlp weir_core m)
weir_fuzz_target(otlp_from_json SOURCES fuzz_otlp_from_json.c LIBS weir_otlp weir_core m)
weir_fuzz_target(otlp_scatter SOURCES fuzz_otlp_scatter.c LIBS weir_otlp weir_core)
