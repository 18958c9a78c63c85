/* SPDX-License-Identifier: Apache-2.0
 *
 * Option tables: every type read, defaulted, refused and freed.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/quantity.h"
#include "core/memory.h"
#include "support.h"

typedef struct inner_config {
    char *name;
    uint64_t size;
} inner_config;

typedef struct test_config {
    bool flag;
    int64_t number;
    uint64_t count;
    double ratio;
    uint64_t wait_ms;
    uint64_t bytes;
    char *text;
    char *secret;
    char *endpoint;
    int colour;
    weir_strings names;
    weir_string_map headers;
    inner_config group;
    inner_config *pointer;
    weir_list list;
    const weir_node *any;
    uint64_t old_wait_ms;
} test_config;

static const char *const colours[] = {"red", "green", "", NULL};

static const weir_option inner_options[] = {
    {.name = "name", .type = WEIR_OPTION_STRING, .offset = offsetof(inner_config, name), .default_text = "nobody"},
    {.name = "size", .type = WEIR_OPTION_UINT, .offset = offsetof(inner_config, size), .default_text = "7"},
    {0}};

static const weir_option test_options[] = {
    {.name = "flag", .type = WEIR_OPTION_BOOL, .offset = offsetof(test_config, flag), .default_text = "true"},
    {.name = "number",
     .type = WEIR_OPTION_INT,
     .offset = offsetof(test_config, number),
     .default_text = "-3",
     .min = -10,
     .max = 10},
    {.name = "count",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(test_config, count),
     .min = 1,
     .unit = "items",
     .default_text = "1"},
    {.name = "ratio",
     .type = WEIR_OPTION_DOUBLE,
     .offset = offsetof(test_config, ratio),
     .max = 100,
     .default_text = "0.5"},
    {.name = "wait",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(test_config, wait_ms),
     .default_text = "1m30s",
     .max = 3600e3},
    {.name = "bytes",
     .type = WEIR_OPTION_BYTES,
     .offset = offsetof(test_config, bytes),
     .default_text = "4MiB",
     .max = 1e9},
    {.name = "text", .type = WEIR_OPTION_STRING, .offset = offsetof(test_config, text), .default_text = "hello"},
    {.name = "secret", .type = WEIR_OPTION_SECRET, .offset = offsetof(test_config, secret)},
    {.name = "endpoint",
     .type = WEIR_OPTION_ENDPOINT,
     .offset = offsetof(test_config, endpoint),
     .default_text = "localhost:4317"},
    {.name = "colour",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(test_config, colour),
     .enum_names = colours,
     .default_text = "green"},
    {.name = "names", .type = WEIR_OPTION_STRINGS, .offset = offsetof(test_config, names), .default_text = "a,b"},
    {.name = "headers", .type = WEIR_OPTION_SECRET_MAP, .offset = offsetof(test_config, headers)},
    {.name = "group",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(test_config, group),
     .group = inner_options,
     .group_size = sizeof(inner_config)},
    {.name = "pointer",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(test_config, pointer),
     .group = inner_options,
     .group_size = sizeof(inner_config)},
    {.name = "list",
     .type = WEIR_OPTION_LIST,
     .offset = offsetof(test_config, list),
     .group = inner_options,
     .group_size = sizeof(inner_config)},
    {.name = "any", .type = WEIR_OPTION_ANY, .offset = offsetof(test_config, any)},
    {.name = "tls", .type = WEIR_OPTION_ANY, .standing = WEIR_NOT_BUILT, .remark = "set insecure: true"},
    {.name = "sampling", .type = WEIR_OPTION_ANY, .standing = WEIR_SUBSUMED, .remark = "always on"},
    {.name = "old_wait",
     .type = WEIR_OPTION_DURATION,
     .standing = WEIR_DEPRECATED,
     .offset = offsetof(test_config, old_wait_ms),
     .remark = "use wait"},
    {0}};

static const char *const variables[] = {"NUMBER", "5", "FLAG", "false", "EMPTY", "", NULL};

/* A configuration read from text; done() frees it. */
typedef struct reading {
    weir_tree *tree;
    test_config config;
    bool is_good;
    weir_buffer messages;
} reading;

static void read_yaml(reading *self, const char *yaml)
{
    *self = (reading){.tree = weir_tree_new()};
    const weir_node *root = load_text(yaml, variables, self->tree, &self->messages);
    cr_assert_str_eq(weir_buffer_string(&self->messages), "");
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    self->is_good = weir_options_read(test_options, root, &self->config, diagnostics);
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, &self->messages);
    weir_diagnostics_free(diagnostics);
}

static void done(reading *self)
{
    weir_options_free(test_options, &self->config);
    weir_tree_free(self->tree);
    weir_buffer_done(&self->messages);
}

static void check_defaults(const test_config *config)
{
    cr_expect(config->flag);
    cr_expect_eq(config->number, -3);
    cr_expect_eq(config->ratio, 0.5);
    cr_expect_eq(config->wait_ms, 90 * 1000);
    cr_expect_eq(config->bytes, 4 * 1024 * 1024);
    cr_expect_str_eq(config->text, "hello");
    cr_expect_null(config->secret);
    cr_expect_str_eq(config->endpoint, "localhost:4317");
    cr_expect_eq(config->colour, 1);
    cr_expect_eq(config->names.count, 2);
    cr_expect_eq(config->headers.count, 0);
    cr_expect_str_eq(config->group.name, "nobody");
    cr_expect_eq(config->group.size, 7);
    cr_expect_null(config->pointer);
    cr_expect_eq(config->list.count, 0);
    cr_expect_null(config->any);
}

Test(config_options, defaults)
{
    test_config config = {0};
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    cr_expect(weir_options_read(test_options, NULL, &config, diagnostics));
    check_defaults(&config);
    weir_options_free(test_options, &config);
    weir_diagnostics_free(diagnostics);
}

/* `key:` with nothing behind, and an empty variable, leave what is there; a group that is nothing is present. */
Test(config_options, null_means_default)
{
    reading self;
    read_yaml(&self, "flag:\nnumber:\nwait: ${env:EMPTY}\ncolour:\ntext:\nnames:\nheaders:\ngroup:\nlist:\n");
    cr_expect(self.is_good, "%s", weir_buffer_string(&self.messages));
    check_defaults(&self.config);
    done(&self);
    read_yaml(&self, "pointer:\nany:\nsecret: ${env:EMPTY}\n");
    cr_assert_not_null(self.config.pointer);
    cr_expect_eq(self.config.pointer->size, 7);
    cr_assert_not_null(self.config.any);
    cr_expect_eq(self.config.any->kind, WEIR_NODE_NULL);
    cr_expect_str_eq(self.config.secret, "");
    done(&self);
}

Test(config_options, values)
{
    reading self;
    read_yaml(&self,
              "flag: false\nnumber: 0xA\ncount: 1e3\nratio: 12\nwait: 1.5s\nbytes: 64KiB\ntext: '5'\nsecret: s3\n"
              "endpoint: '[::1]:80'\ncolour: RED\nnames: [x, y, z]\nheaders: {k: v, l: w}\ngroup: {name: g}\n"
              "pointer: {size: 8}\nlist: [{name: one}, {size: 2}, null]\nany: {free: [form]}\n");
    const test_config *config = &self.config;
    cr_assert(self.is_good, "%s", weir_buffer_string(&self.messages));
    cr_expect_not(config->flag);
    cr_expect_eq(config->number, 10);
    cr_expect_eq(config->count, 1000);
    cr_expect_eq(config->ratio, 12);
    cr_expect_eq(config->wait_ms, 1500);
    cr_expect_eq(config->bytes, 65536);
    cr_expect_str_eq(config->text, "5");
    cr_expect_str_eq(config->secret, "s3");
    cr_expect_str_eq(config->endpoint, "[::1]:80");
    cr_expect_eq(config->colour, 0);
    cr_expect_eq(config->names.count, 3);
    cr_expect_str_eq(config->headers.keys[1], "l");
    cr_expect_str_eq(config->headers.values[1], "w");
    cr_expect_str_eq(config->group.name, "g");
    cr_expect_eq(config->group.size, 7);
    cr_expect_eq(config->pointer->size, 8);
    cr_expect_str_eq(config->pointer->name, "nobody");
    const inner_config *list = config->list.items;
    cr_assert_eq(config->list.count, 3);
    cr_expect_str_eq(list[0].name, "one");
    cr_expect_eq(list[1].size, 2);
    cr_expect_eq(list[2].size, 7);
    cr_expect_not_null(weir_node_find(config->any, "free"));
    done(&self);
}

Test(config_options, other_ways_to_write)
{
    reading self;
    read_yaml(&self, "number: ${env:NUMBER}\nflag: '${env:FLAG}'\ntext: ${env:NUMBER}\nnames: p,q\n"
                     "headers: [{name: a, value: b}]\nendpoint: http://host\ncolour: ''\nwait: '0'\n");
    cr_assert(self.is_good, "%s", weir_buffer_string(&self.messages));
    cr_expect_eq(self.config.number, 5);
    cr_expect_not(self.config.flag);
    cr_expect_str_eq(self.config.text, "5");
    cr_expect_eq(self.config.names.count, 2);
    cr_expect_str_eq(self.config.names.items[1], "q");
    cr_expect_str_eq(self.config.headers.keys[0], "a");
    cr_expect_str_eq(self.config.endpoint, "http://host");
    cr_expect_eq(self.config.colour, 2);
    cr_expect_eq(self.config.wait_ms, 0);
    done(&self);
}

typedef struct mistake_case {
    const char *yaml;
    const char *message;
} mistake_case;

Test(config_options, mistakes)
{
    static const mistake_case cases[] = {
        {"flag: yes", "1:7: error: flag: expected true or false, found \"yes\""},
        {"flag: 'true'", "1:7: error: flag: expected true or false, found \"true\""},
        {"number: '5'", "1:9: error: number: expected a whole number, found \"5\""},
        {"number: 1.5", "1:9: error: number: expected a whole number, found the number 1.5"},
        {"number: 11", "1:9: error: number: must be between -10 and 10, is 11"},
        {"count: 0", "1:8: error: count: must be at least 1 items, is 0"},
        {"count: -1", "1:8: error: count: must not be negative, is -1"},
        {"count: 1e40", "1:8: error: count: expected a smaller number, found the number 1e40"},
        {"count: [1]", "1:8: error: count: expected a whole number, found a list"},
        {"ratio: 100.5", "1:8: error: ratio: must be between 0 and 100, is 100.5"},
        {"ratio: .nan", "1:8: error: ratio: must be between 0 and 100, is .nan"},
        {"ratio: many", "1:8: error: ratio: expected a number, found \"many\""},
        {"wait: 5", "1:7: error: wait: a duration needs a unit: write \"5s\" or \"5ms\""},
        {"wait: 2h", "1:7: error: wait: must be between 0s and 1h, is 2h"},
        {"wait: -5s", "1:7: error: wait: must not be negative, is -5s"},
        {"wait: soon", "1:7: error: wait: expected a duration such as \"200ms\", \"1m30s\" or \"1h\", found \"soon\""},
        {"bytes: 1XB",
         "1:8: error: bytes: expected a number of bytes or a size such as \"64KiB\" or \"10MB\", found \"1XB\""},
        {"bytes: 2GB", "1:8: error: bytes: must be between 0 and 1000000000 bytes, is 2GB"},
        {"text: 5", "1:7: error: text: expected a text; put it in quotes: \"5\""},
        {"text: true", "1:7: error: text: expected a text; put it in quotes: \"true\""},
        {"text: {a: b}", "1:7: error: text: expected a text, found a mapping"},
        {"endpoint: localhost",
         "1:11: error: endpoint: expected \"host:port\", found \"localhost\": the port is missing"},
        {"endpoint: ::1:80", "1:11: error: endpoint: expected \"host:port\", found \"::1:80\": an IPv6 address stands "
                             "in brackets: \"[::1]:4317\""},
        {"endpoint: h:70000",
         "1:11: error: endpoint: expected \"host:port\", found \"h:70000\": the port must be a number from 0 to 65535"},
        {"endpoint: unix:///x", "1:11: error: endpoint: expected \"host:port\", found \"unix:///x\": only http:// and "
                                "https:// may stand in front of the host"},
        {"colour: gren",
         "1:9: error: colour: expected \"red\", \"green\" or \"\", found \"gren\"; did you mean \"green\"?"},
        {"names: 5", "1:8: error: names: expected a list of texts, found the number 5"},
        {"names: [a, 5]", "1:12: error: names[1]: expected a text; put it in quotes: \"5\""},
        {"headers: x", "1:10: error: headers: expected a mapping of names to texts, found something else"},
        {"headers: {a: 1}", "1:14: error: headers.a: expected a text; put the value in quotes"},
        {"headers: [{name: a}]",
         "1:11: error: headers[0]: expected a mapping with \"name\" and \"value\", found a mapping"},
        {"group: 5", "1:8: error: group: expected a mapping, found the number 5"},
        {"group:\n  nmae: x", "2:3: error: group.nmae: unknown key; did you mean \"name\"? (known here: name, size)"},
        {"list:\n  - name: x\n  - zzzzzz: 1", "3:5: error: list[1].zzzzzz: unknown key (known here: name, size)"},
        {"list: {name: x}",
         "1:7: error: list: expected a list of mappings (lines that begin with \"- \"), found a mapping"},
        {"pointer: [x]", "1:10: error: pointer: expected a mapping, found a list"},
        {"tls: {}", "1:1: error: tls: weir cannot do this yet: set insecure: true"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        reading self;
        read_yaml(&self, cases[i].yaml);
        WEIR_FREE char *expected = weir_format("config.yaml:%s\n", cases[i].message);
        cr_expect_not(self.is_good, "%s", cases[i].yaml);
        cr_expect_str_eq(weir_buffer_string(&self.messages), expected, "%s said %s", cases[i].yaml,
                         weir_buffer_string(&self.messages));
        done(&self);
    }
}

/* These are said, and the configuration is good all the same. */
Test(config_options, remarks)
{
    reading self;
    read_yaml(&self, "sampling: {x: 1}\nold_wait: 3s\n");
    cr_expect(self.is_good);
    cr_expect_eq(self.config.old_wait_ms, 3000);
    cr_expect_str_eq(weir_buffer_string(&self.messages),
                     "config.yaml:1:1: note: sampling: accepted, but not needed: always on\n"
                     "config.yaml:2:1: warning: old_wait: deprecated: use wait\n");
    done(&self);
}

Test(config_options, all_mistakes_are_told_at_once)
{
    reading self;
    read_yaml(&self, "wait: 5\ncount: 0\nflags: true\n");
    cr_expect_str_eq(
        weir_buffer_string(&self.messages),
        "config.yaml:1:7: error: wait: a duration needs a unit: write \"5s\" or \"5ms\"\n"
        "config.yaml:2:8: error: count: must be at least 1 items, is 0\n"
        "config.yaml:3:1: error: flags: unknown key; did you mean \"flag\"? (known here: flag, number, count, ratio, "
        "wait, bytes, "
        "text, secret, endpoint, colour, names, headers, group, pointer, list, any, sampling, old_wait)\n");
    done(&self);
}

Test(config_options, required_keys)
{
    static const weir_option options[] = {
        {.name = "endpoint", .type = WEIR_OPTION_ENDPOINT, .required = true, .summary = "Where to send."}, {0}};
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    const weir_node *root = load_text("exporters:\n  otlp: {}\n", NULL, tree, &messages);
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    char *endpoint = NULL;
    cr_expect_not(weir_options_read(options, weir_node_find(root, "exporters.otlp"), &endpoint, diagnostics));
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, &messages);
    cr_expect_str_eq(weir_buffer_string(&messages),
                     "config.yaml:2:9: error: exporters.otlp: the key \"endpoint\" is missing: Where to send.\n");
    weir_diagnostics_free(diagnostics);
    weir_tree_free(tree);
}

Test(config_options, durations_in_go_syntax)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"0", 0},          {"0s", 0},        {"1ns", 1},    {"1us", 1},
                {"1\xc2\xb5s", 1}, {"999us", 1},     {"1ms", 1},    {"1500us", 2},
                {"1.5s", 1500},    {".5s", 500},     {"1.s", 1000}, {"1h2m3s4ms", 3723004},
                {"100m", 6000000}, {"0.1s0.2s", 300}};
    static const char *const bad[] = {"",    "5",  "s",    "1",        "1x", "-1s", "1 s",
                                      "1s ", ".s", "1e3s", "9999999h", "1d", "+1s"};
    for (size_t i = 0; i < WEIR_COUNT_OF(good); i++) {
        uint64_t ms = 12345;
        cr_expect(weir_parse_duration(good[i].text, &ms), "%s", good[i].text);
        cr_expect_eq(ms, good[i].ms, "%s gave %lu", good[i].text, (unsigned long)ms);
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(bad); i++) {
        uint64_t ms;
        cr_expect_not(weir_parse_duration(bad[i], &ms), "%s", bad[i]);
    }
}

Test(config_options, sizes)
{
    uint64_t bytes;
    cr_expect(weir_parse_bytes("10", &bytes) && bytes == 10);
    cr_expect(weir_parse_bytes("10MB", &bytes) && bytes == 10000000);
    cr_expect(weir_parse_bytes("2 mib", &bytes) && bytes == 2097152);
    cr_expect_not(weir_parse_bytes("", &bytes));
    cr_expect_not(weir_parse_bytes("MB", &bytes));
    cr_expect_not(weir_parse_bytes("99999999999TiB", &bytes));
    cr_expect_not(weir_parse_bytes("1MBs", &bytes));
}
