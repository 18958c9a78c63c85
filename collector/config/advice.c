/* SPDX-License-Identifier: Apache-2.0 */
#include "config/advice.h"

#include <string.h>

#include "core/memory.h"

typedef struct advice {
    weir_section section;
    const char *type;
    const char *text;
} advice;

#define COLLECT_FILES "let Fluent Bit or a Collector with this receiver read them and send OTLP to weir's otlp receiver"
#define COLLECT_METRICS \
    "weir carries metrics but does not collect them; let a Collector with this receiver send OTLP to weir"
#define SEND_OTLP "let a Collector receive this protocol and send OTLP to weir's otlp receiver"
#define VIA_OTLP                                                                                                    \
    "send OTLP with the otlp or otlphttp exporter; where the backend does not take OTLP, to a Collector with this " \
    "exporter"
#define AFTER_WEIR "weir computes no metrics; put a Collector with this connector behind an otlp exporter"
#define PART_OF_JAEGER "a part of Jaeger itself: leave this file to Jaeger, and send to it with the otlp exporter"
#define NOT_YET_PROCESSOR "not built yet; until then run a Collector with this processor behind weir, or leave it out"

/* By section, then by name. Underscores do not count: the Collector is renaming filelog to file_log, and so on. */
static const advice advices[] = {
    {WEIR_SECTION_RECEIVERS, "awscontainerinsightreceiver", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "awsxray", SEND_OTLP},
    {WEIR_SECTION_RECEIVERS, "datadog", SEND_OTLP},
    {WEIR_SECTION_RECEIVERS, "docker_stats", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "elasticsearch", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "file_log", COLLECT_FILES},
    {WEIR_SECTION_RECEIVERS, "fluentforward",
     "Fluent Bit can send OTLP itself: use its opentelemetry output and weir's otlp receiver"},
    {WEIR_SECTION_RECEIVERS, "hostmetrics", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "httpcheck", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "influxdb", SEND_OTLP},
    {WEIR_SECTION_RECEIVERS, "jaeger",
     "let the applications send OTLP (Jaeger's own clients are retired), or a Collector translate"},
    {WEIR_SECTION_RECEIVERS, "jmx", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "journald", COLLECT_FILES},
    {WEIR_SECTION_RECEIVERS, "k8s_cluster", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "k8s_events", "let a Collector with this receiver send OTLP to weir's otlp receiver"},
    {WEIR_SECTION_RECEIVERS, "k8sobjects", "let a Collector with this receiver send OTLP to weir's otlp receiver"},
    {WEIR_SECTION_RECEIVERS, "kafkametrics", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "kubeletstats", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "loki", SEND_OTLP},
    {WEIR_SECTION_RECEIVERS, "mongodb", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "mysql", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "nginx", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "opencensus", "OpenCensus has ended; let the applications send OTLP"},
    {WEIR_SECTION_RECEIVERS, "otlpjsonfile", "read the file with a Collector and send OTLP to weir's otlp receiver"},
    {WEIR_SECTION_RECEIVERS, "postgresql", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "prometheus",
     "let Prometheus scrape the targets itself; weir carries metrics but does not collect them"},
    {WEIR_SECTION_RECEIVERS, "redis", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "signalfx", SEND_OTLP},
    {WEIR_SECTION_RECEIVERS, "skywalking", SEND_OTLP},
    {WEIR_SECTION_RECEIVERS, "snmp", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "splunk_hec", SEND_OTLP},
    {WEIR_SECTION_RECEIVERS, "statsd", COLLECT_METRICS},
    {WEIR_SECTION_RECEIVERS, "syslog", COLLECT_FILES},
    {WEIR_SECTION_RECEIVERS, "tcplog", COLLECT_FILES},
    {WEIR_SECTION_RECEIVERS, "udplog", COLLECT_FILES},
    {WEIR_SECTION_RECEIVERS, "windowseventlog", COLLECT_FILES},
    {WEIR_SECTION_RECEIVERS, "zipkin",
     "let the applications send OTLP (OpenTelemetry SDKs do), or a Collector translate"},

    {WEIR_SECTION_PROCESSORS, "adaptive_sampling", PART_OF_JAEGER},
    {WEIR_SECTION_PROCESSORS, "cumulativetodelta",
     "weir passes metrics through unchanged; run this processor in a Collector"},
    {WEIR_SECTION_PROCESSORS, "deltatocumulative",
     "weir passes metrics through unchanged; run this processor in a Collector"},
    {WEIR_SECTION_PROCESSORS, "deltatorate",
     "weir passes metrics through unchanged; run this processor in a Collector"},
    {WEIR_SECTION_PROCESSORS, "groupbyattrs", "leave it out: exporters regroup where their format needs it"},
    {WEIR_SECTION_PROCESSORS, "groupbytrace", "leave it out: tail_sampling gathers whole traces itself"},
    {WEIR_SECTION_PROCESSORS, "k8s_attributes",
     "set k8s.* attributes by OTEL_RESOURCE_ATTRIBUTES from the pod's fields, or run this processor in a Collector in "
     "front"},
    {WEIR_SECTION_PROCESSORS, "logdedup", NOT_YET_PROCESSOR},
    {WEIR_SECTION_PROCESSORS, "logstransform", "transform logs where they are read, in Fluent Bit or a Collector"},
    {WEIR_SECTION_PROCESSORS, "metricstransform",
     "weir passes metrics through unchanged; run this processor in a Collector"},
    {WEIR_SECTION_PROCESSORS, "queued_retry",
     "removed from the Collector too; use sending_queue and retry_on_failure of the exporter"},
    {WEIR_SECTION_PROCESSORS, "routing", "write one pipeline per destination and a filter processor in each"},
    {WEIR_SECTION_PROCESSORS, "span", "use the attributes or transform processor"},
    {WEIR_SECTION_PROCESSORS, "spanmetrics",
     "weir computes no metrics; use the spanmetrics connector of a Collector behind weir"},
    {WEIR_SECTION_PROCESSORS, "filter", NOT_YET_PROCESSOR},
    {WEIR_SECTION_PROCESSORS, "redaction", NOT_YET_PROCESSOR},
    {WEIR_SECTION_PROCESSORS, "tail_sampling",
     "not built yet; use probabilistic_sampler, or a Collector with this processor behind weir"},
    {WEIR_SECTION_PROCESSORS, "transform", "not built yet; use attributes and resource where they suffice"},

    {WEIR_SECTION_EXPORTERS, "alertmanager", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "awscloudwatchlogs", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "awsemf", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "awss3", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "awsxray", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "azuremonitor", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "cassandra", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "clickhouse", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "coralogix", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "datadog", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "googlecloud", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "influxdb", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "jaeger",
     "Jaeger takes OTLP: use the otlp exporter with its port 4317 (the Collector has removed this exporter too)"},
    {WEIR_SECTION_EXPORTERS, "jaeger_storage_exporter", PART_OF_JAEGER},
    {WEIR_SECTION_EXPORTERS, "jaeger_thrift", "Jaeger takes OTLP: use the otlp exporter with its port 4317"},
    {WEIR_SECTION_EXPORTERS, "loadbalancing",
     "weir scales by Kafka partitions, which keep a trace together; or put a Collector with this exporter in between"},
    {WEIR_SECTION_EXPORTERS, "logging", "renamed: use debug"},
    {WEIR_SECTION_EXPORTERS, "loki", "Loki takes OTLP: use otlphttp with its endpoint /otlp"},
    {WEIR_SECTION_EXPORTERS, "opencensus", "OpenCensus has ended; use the otlp exporter"},
    {WEIR_SECTION_EXPORTERS, "opensearch", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "otelarrow", "use the otlp exporter"},
    {WEIR_SECTION_EXPORTERS, "prometheus",
     "Prometheus takes OTLP at /api/v1/otlp when its OTLP receiver is switched on; or put a Collector in between"},
    {WEIR_SECTION_EXPORTERS, "prometheusremotewrite",
     "Prometheus takes OTLP at /api/v1/otlp when its OTLP receiver is switched on; or put a Collector in between"},
    {WEIR_SECTION_EXPORTERS, "pulsar", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "sentry", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "signalfx", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "splunk_hec", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "syslog", VIA_OTLP},
    {WEIR_SECTION_EXPORTERS, "zipkin",
     "use the otlp exporter; Zipkin's OpenTelemetry module and Jaeger both take OTLP"},

    {WEIR_SECTION_EXTENSIONS, "healthcheckv2", "use health_check: it also reports backends and queues at /status"},
    {WEIR_SECTION_EXTENSIONS, "http_forwarder", "leave it out and use a proxy"},
    {WEIR_SECTION_EXTENSIONS, "jaeger_query", PART_OF_JAEGER},
    {WEIR_SECTION_EXTENSIONS, "jaeger_storage", PART_OF_JAEGER},
    {WEIR_SECTION_EXTENSIONS, "jaegerremotesampling", "let Jaeger serve its sampling strategies itself"},
    {WEIR_SECTION_EXTENSIONS, "k8s_observer",
     "leave it out: weir has no receivers that are made for discovered endpoints"},
    {WEIR_SECTION_EXTENSIONS, "memory_ballast",
     "leave it out: weir has no garbage collector (the Collector has removed it too)"},
    {WEIR_SECTION_EXTENSIONS, "memory_limiter", "use the memory_limiter processor"},
    {WEIR_SECTION_EXTENSIONS, "oauth2client",
     "not built yet; write the authorization header under the exporter's headers"},
    {WEIR_SECTION_EXTENSIONS, "oidc", "not built yet; authenticate clients in a proxy in front"},
    {WEIR_SECTION_EXTENSIONS, "opamp", "leave it out: weir is configured by its files"},
    {WEIR_SECTION_EXTENSIONS, "pprof", "leave it out: profile weir with perf; it is a native program"},
    {WEIR_SECTION_EXTENSIONS, "remote_sampling", PART_OF_JAEGER},
    {WEIR_SECTION_EXTENSIONS, "sigv4auth", "not built yet; put a signing proxy in between"},
    {WEIR_SECTION_EXTENSIONS, "zpages",
     "not built yet; leave it out and look at /metrics and at health_check's /status"},

    {WEIR_SECTION_CONNECTORS, "count", AFTER_WEIR},
    {WEIR_SECTION_CONNECTORS, "datadog", AFTER_WEIR},
    {WEIR_SECTION_CONNECTORS, "exceptions", AFTER_WEIR},
    {WEIR_SECTION_CONNECTORS, "failover",
     "exporters retry by themselves; put a load balancer in front of several backends"},
    {WEIR_SECTION_CONNECTORS, "forward", "write the receivers, processors and exporters of both pipelines into one"},
    {WEIR_SECTION_CONNECTORS, "grafanacloud", AFTER_WEIR},
    {WEIR_SECTION_CONNECTORS, "roundrobin",
     "exporters use several connections by themselves; put a load balancer in front of several backends"},
    {WEIR_SECTION_CONNECTORS, "routing", "write one pipeline per destination and a filter processor in each"},
    {WEIR_SECTION_CONNECTORS, "servicegraph", AFTER_WEIR},
    {WEIR_SECTION_CONNECTORS, "signaltometrics", AFTER_WEIR},
    {WEIR_SECTION_CONNECTORS, "spanmetrics", AFTER_WEIR},
    {WEIR_SECTION_CONNECTORS, "sum", AFTER_WEIR},
};

static bool same_but_underscores(const char *left, const char *right)
{
    for (;; left++, right++) {
        left += strspn(left, "_");
        right += strspn(right, "_");
        if (*left != *right)
            return false;
        if (*left == '\0')
            return true;
    }
}

const char *weir_advice(weir_section section, const char *type)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(advices); i++) {
        if (advices[i].section == section && same_but_underscores(advices[i].type, type))
            return advices[i].text;
    }
    return NULL;
}
