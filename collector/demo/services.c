/* SPDX-License-Identifier: Apache-2.0 */
#include "demo/services.h"

#include "core/assert.h"

/* In the order of weir_shop_service. */
static const weir_shop_service_facts services[WEIR_SHOP_SERVICES] = {
    {"web", "5.12.0", "webjs", "2.0.1", NULL, "@opentelemetry/instrumentation-fetch", 0, 1},
    {"api-gateway", "1.8.3", "go", "1.36.0", "go", "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
     8080, 2},
    {"bff", "3.4.1", "nodejs", "2.0.1", "nodejs", "@opentelemetry/instrumentation-http", 3000, 2},
    {"user-service", "2.9.0", "java", "1.51.0", "OpenJDK Runtime Environment", "io.opentelemetry.tomcat-10.0", 8081, 2},
    {"order-service", "4.1.7", "java", "1.51.0", "OpenJDK Runtime Environment", "io.opentelemetry.tomcat-10.0", 8082,
     3},
    {"payment-service", "1.15.2", "python", "1.35.0", "cpython", "opentelemetry.instrumentation.grpc", 50051, 2},
};

const weir_shop_service_facts *weir_shop_service_get(weir_shop_service service)
{
    WEIR_ASSERT(service < WEIR_SHOP_SERVICES);
    return &services[service];
}

/* Where a program on a server runs: every replica is a pod of its own, spread over three nodes. */
static void add_pod(weir_recorder *recorder, weir_demo_resource *resource, weir_shop_service service, unsigned replica)
{
    const weir_shop_service_facts *facts = weir_shop_service_get(service);
    char *pod = weir_recorder_format(recorder, "%s-7c9f5d6b8-%04x%c", facts->name, (unsigned)service * 4099 + 11,
                                     (char)('a' + replica));
    weir_demo_resource_text(recorder, resource, "k8s.namespace.name", "shop");
    weir_demo_resource_text(recorder, resource, "k8s.deployment.name", facts->name);
    weir_demo_resource_text(recorder, resource, "k8s.pod.name", pod);
    weir_demo_resource_text(recorder, resource, "k8s.node.name",
                            weir_recorder_format(recorder, "node-%u", ((unsigned)service + replica) % 3 + 1));
    weir_demo_resource_text(recorder, resource, "host.name", pod);
    weir_demo_resource_text(recorder, resource, "process.runtime.name", facts->runtime);
    weir_demo_resource_int(recorder, resource, "process.pid", 1);
}

weir_demo_resource *weir_shop_service_resource(weir_recorder *recorder, weir_shop_service service, unsigned replica)
{
    const weir_shop_service_facts *facts = weir_shop_service_get(service);
    WEIR_ASSERT(replica < facts->replicas);
    weir_demo_resource *resource = weir_recorder_resource(recorder);
    weir_demo_resource_text(recorder, resource, "service.name", facts->name);
    weir_demo_resource_text(recorder, resource, "service.namespace", "shop");
    weir_demo_resource_text(recorder, resource, "service.version", facts->version);
    weir_demo_resource_text(
        recorder, resource, "service.instance.id",
        weir_recorder_format(recorder, "627cc493-f310-47de-96bd-%08x%04x", (unsigned)service, replica));
    weir_demo_resource_text(recorder, resource, "deployment.environment.name", "demo");
    weir_demo_resource_text(recorder, resource, "telemetry.sdk.name", "opentelemetry");
    weir_demo_resource_text(recorder, resource, "telemetry.sdk.language", facts->language);
    weir_demo_resource_text(recorder, resource, "telemetry.sdk.version", facts->sdk);
    if (facts->runtime)
        add_pod(recorder, resource, service, replica);
    return resource;
}
