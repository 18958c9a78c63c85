/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RECEIVERS_KAFKA_KAFKA_RECEIVER_H
#define WEIR_RECEIVERS_KAFKA_KAFKA_RECEIVER_H

#include "component.h"

extern const weir_component_type weir_receiver_kafka;

#endif
