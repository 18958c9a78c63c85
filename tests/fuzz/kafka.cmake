# SPDX-License-Identifier: Apache-2.0
weir_fuzz_target(kafka_envelope SOURCES fuzz_kafka_envelope.c LIBS weir_kafka)
