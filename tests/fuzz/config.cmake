# SPDX-License-Identifier: Apache-2.0
weir_fuzz_target(config SOURCES fuzz_config.c LIBS weir_config)
