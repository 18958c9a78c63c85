# SPDX-License-Identifier: Apache-2.0
weir_fuzz_target(otlp_validate SOURCES fuzz_otlp_validate.c LIBS weir_otlp weir_core)
weir_fuzz_target(otlp_rewrite SOURCES fuzz_otlp_rewrite.c LIBS weir_otlp weir_core)
