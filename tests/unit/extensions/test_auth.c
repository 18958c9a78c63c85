/* SPDX-License-Identifier: Apache-2.0
 *
 * The authenticators as components: their configuration is read from YAML, their files lie on disk, their timers are
 * fired by hand.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "config/diagnostics.h"
#include "config/yaml.h"
#include "core/memory.h"
#include "extensions/basicauth.h"
#include "extensions/bearertokenauth.h"
#include "extensions/headers_setter.h"
#include "net/grpc.h"

/* ---- a loop whose only timer is fired by the test ---- */

typedef struct lab_timer {
    weir_timer super;
    weir_timer_fn fire;
    void *user;
} lab_timer;

static lab_timer *the_timer;

static weir_timer *lab_timer_new(weir_loop *loop, weir_timer_fn fire, void *user)
{
    the_timer = WEIR_NEW(lab_timer);
    *the_timer = (lab_timer){.super.loop = loop, .fire = fire, .user = user};
    return &the_timer->super;
}

static void lab_timer_start(weir_timer *timer, uint64_t delay_ms)
{
    (void)timer;
    cr_assert_eq(delay_ms, 1000);
}

static void lab_timer_free(weir_timer *timer)
{
    free(timer);
    the_timer = NULL;
}

static uint64_t lab_now_ns(weir_loop *loop)
{
    (void)loop;
    return 1000 * 1000 * 1000;
}

static const weir_loop_ops lab_ops = {
    .timer_new = lab_timer_new, .timer_start = lab_timer_start, .timer_free = lab_timer_free, .now_ns = lab_now_ns};
static weir_loop lab_loop = {&lab_ops};

/* ---- one extension under test ---- */

typedef struct auth_lab {
    const weir_component_type *type;
    weir_tree *tree;
    weir_diagnostics *diagnostics;
    weir_buffer messages;
    void *config;
    weir_host host;
    void *shared;
} auth_lab;

static weir_client_auth *the_additional;

static weir_client_auth *lend_additional(const weir_host *host, const char *id, weir_error *ret_error)
{
    (void)host;
    (void)id;
    (void)ret_error;
    return the_additional;
}

/* Reads the configuration; `messages` has what weir says about it. */
static void read_config(auth_lab *lab, const weir_component_type *type, const char *yaml)
{
    weir_node *node;
    weir_yaml_error yaml_error;
    weir_place place = {.file = "test.yaml"};
    *lab = (auth_lab){.type = type,
                      .tree = weir_tree_new(),
                      .diagnostics = weir_diagnostics_new(),
                      .config = weir_alloc(1, type->config_size),
                      .host = {.control = &lab_loop, .client_auth = lend_additional}};
    cr_assert_eq(weir_yaml_parse(lab->tree, weir_text_of(yaml), &place, &node, &yaml_error), WEIR_OK);
    if (weir_options_read(type->options, node, lab->config, lab->diagnostics))
        type->check(lab->config, node, lab->diagnostics);
    weir_diagnostics_print(lab->diagnostics, WEIR_SEVERITY_WARNING, &lab->messages);
}

static void done(auth_lab *lab)
{
    if (lab->shared)
        lab->type->close(lab->shared);
    weir_options_free(lab->type->options, lab->config);
    free(lab->config);
    weir_diagnostics_free(lab->diagnostics);
    weir_tree_free(lab->tree);
    weir_buffer_done(&lab->messages);
    cr_assert_null(the_timer);
}

static weir_status start(auth_lab *lab, const weir_component_type *type, const char *yaml, weir_error *ret_error)
{
    read_config(lab, type, yaml);
    cr_assert_eq(weir_diagnostics_count(lab->diagnostics, WEIR_SEVERITY_ERROR), 0, "%s: %s", yaml,
                 weir_buffer_string(&lab->messages));
    cr_assert_eq(type->open(&lab->host, "test", lab->config, &lab->shared, ret_error), WEIR_OK);
    return type->extension_start(lab->shared, ret_error);
}

static void start_good(auth_lab *lab, const weir_component_type *type, const char *yaml)
{
    weir_error error = {0};
    cr_assert_eq(start(lab, type, yaml, &error), WEIR_OK, "%s", error.text);
}

static void expect_refused(const weir_component_type *type, const char *yaml, const char *words)
{
    auth_lab lab;
    read_config(&lab, type, yaml);
    cr_expect_gt(weir_diagnostics_count(lab.diagnostics, WEIR_SEVERITY_ERROR), 0, "accepted: %s", yaml);
    cr_expect(strstr(weir_buffer_string(&lab.messages), words), "%s: %s", yaml, weir_buffer_string(&lab.messages));
    cr_expect_null(strstr(weir_buffer_string(&lab.messages), "canary"), "%s", weir_buffer_string(&lab.messages));
    done(&lab);
}

/* The value of the header `name` that the extension makes of "x-old: old". */
static void expect_header(auth_lab *lab, const weir_metadata *metadata, const char *name, const char *value)
{
    weir_headers headers = {0};
    weir_error error = {0};
    weir_client_auth *auth = lab->type->extension_client_auth(lab->shared);
    cr_assert_not_null(auth);
    weir_headers_add(&headers, WEIR_TEXT("x-old"), WEIR_TEXT("old"));
    cr_assert_eq(auth->decorate(auth, metadata, &headers, &error), WEIR_OK, "%s", error.text);
    weir_text found = weir_headers_get(&headers, weir_text_of(name));
    if (value)
        cr_expect(weir_text_is(found, value), "%s: %.*s", name, WEIR_TEXT_ARG(found));
    else
        cr_expect_null(found.data, "%s: %.*s", name, WEIR_TEXT_ARG(found));
    weir_headers_done(&headers);
}

weir_text weir_http_request_header(const weir_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (weir_text_is(request->headers[i].name, name))
            return request->headers[i].value;
    return (weir_text){0};
}

/* Whether a request with this header is let in; `ret_attributes` and `ret_error` may be NULL. */
static bool lets_in(auth_lab *lab, const char *name, const char *value, weir_headers *ret_attributes,
                    weir_error *ret_error)
{
    weir_headers attributes = {0};
    weir_error error = {0};
    weir_server_auth *auth = lab->type->extension_server_auth(lab->shared);
    cr_assert_not_null(auth);
    weir_http_header header = {weir_text_of(name), weir_text_of(value)};
    weir_http_request request = {.headers = &header, .header_count = 1, .loop = &lab_loop};
    bool let_in = auth->authenticate(auth, &request, ret_attributes ? ret_attributes : &attributes, &error);
    cr_expect(let_in == (error.class_ == WEIR_ERROR_NONE));
    cr_expect_null(strstr(error.text, "canary"));
    weir_headers_done(&attributes);
    if (ret_error)
        *ret_error = error;
    return let_in;
}

/* ---- files ---- */

static char path[] = "/tmp/weir-test-auth-XXXXXX";

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_file(void)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
}

static void remove_file(void)
{
    unlink(path);
}

TestSuite(auth, .init = make_file, .fini = remove_file);

static void a_second_passes(void)
{
    cr_assert_not_null(the_timer);
    the_timer->fire(the_timer->user);
}

/* A configuration with the file's path for %s. */
static void start_with_file(auth_lab *lab, const weir_component_type *type, const char *format)
{
    char yaml[256];
    snprintf(yaml, sizeof yaml, format, path);
    start_good(lab, type, yaml);
}

/* ---- basicauth ---- */

#define ANN_GOOD "Basic YW5uOmdvb2Q="       /* ann:good */
#define ANN_CANARY "Basic YW5uOmNhbmFyeQ==" /* ann:canary */

Test(auth, basic_configuration)
{
    const weir_component_type *type = &weir_extension_basicauth;
    expect_refused(type, "{}", "no credentials");
    expect_refused(type, "{htpasswd: {inline: 'a:canary'}, client_auth: {username: a}}", "only one of");
    expect_refused(type, "{htpasswd: {}}", "inline");
    expect_refused(type, "{client_auth: {username: 'a:b', password: canary}}", "colon");
}

Test(auth, basic_client_sends_rfc7617)
{
    auth_lab lab;
    start_good(&lab, &weir_extension_basicauth, "{client_auth: {username: Aladdin, password: open sesame}}");
    expect_header(&lab, NULL, "authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    cr_expect(lab.type->extension_client_auth(lab.shared)->needs_encryption(NULL));
    cr_expect_null(lab.type->extension_server_auth(lab.shared));
    done(&lab);
}

Test(auth, basic_client_follows_its_password_file)
{
    auth_lab lab;
    write_file("good\n");
    start_with_file(&lab, &weir_extension_basicauth, "{client_auth: {username: ann, password: no, password_file: %s}}");
    expect_header(&lab, NULL, "authorization", ANN_GOOD);
    write_file("canary\n");
    a_second_passes();
    expect_header(&lab, NULL, "authorization", ANN_CANARY);
    write_file("");
    a_second_passes();
    expect_header(&lab, NULL, "authorization", ANN_CANARY);
    unlink(path);
    a_second_passes();
    expect_header(&lab, NULL, "authorization", ANN_CANARY);
    done(&lab);
}

Test(auth, basic_server_lets_in_who_is_in_the_list)
{
    auth_lab lab;
    weir_headers attributes = {0};
    start_good(&lab, &weir_extension_basicauth, "{htpasswd: {inline: \"bob:x\\nann:good\"}}");
    for (int i = 0; i < 3; i++)
        cr_expect(lets_in(&lab, "authorization", ANN_GOOD, NULL, NULL));
    cr_expect(lets_in(&lab, "authorization", "basic YW5uOmdvb2Q=", &attributes, NULL), "the scheme has no case");
    cr_expect(weir_text_is(weir_headers_get(&attributes, WEIR_TEXT("username")), "ann"));
    cr_expect(weir_text_is(weir_headers_get(&attributes, WEIR_TEXT("raw")), "YW5uOmdvb2Q="));
    weir_headers_done(&attributes);
    cr_expect_null(lab.type->extension_client_auth(lab.shared));
    done(&lab);
}

Test(auth, basic_server_refuses_everyone_else)
{
    static const char *const bad[] = {ANN_CANARY,
                                      "Basic",
                                      "Basic ",
                                      "Basic YW5u" /* no colon */,
                                      "Basic Ym9iOmdvb2Q=" /* bob:good */,
                                      "Bearer good",
                                      "Basic YW5uOmdvb2Q",
                                      "Basic !!!!",
                                      "",
                                      "YW5uOmdvb2Q="};
    auth_lab lab;
    start_good(&lab, &weir_extension_basicauth, "{htpasswd: {inline: 'ann:good'}}");
    for (size_t i = 0; i < WEIR_COUNT_OF(bad); i++) {
        weir_error error;
        cr_expect_not(lets_in(&lab, "authorization", bad[i], NULL, &error), "%s", bad[i]);
        cr_expect_eq(error.status, WEIR_DENIED);
    }
    cr_expect_not(lets_in(&lab, "x-authorization", ANN_GOOD, NULL, NULL));
    done(&lab);
}

Test(auth, basic_server_follows_its_file_and_keeps_the_last_good_one)
{
    auth_lab lab;
    write_file("ann:good\n");
    start_with_file(&lab, &weir_extension_basicauth, "{htpasswd: {file: %s, inline: 'bob:good'}}");
    cr_expect(lets_in(&lab, "authorization", ANN_GOOD, NULL, NULL));
    cr_expect(lets_in(&lab, "authorization", "Basic Ym9iOmdvb2Q=", NULL, NULL), "inline counts beside the file");
    write_file("ann:$unknown$format\n");
    a_second_passes();
    cr_expect(lets_in(&lab, "authorization", ANN_GOOD, NULL, NULL));
    write_file("ann:canary\n");
    a_second_passes();
    cr_expect_not(lets_in(&lab, "authorization", ANN_GOOD, NULL, NULL),
                  "a remembered verdict does not outlive its file");
    cr_expect(lets_in(&lab, "authorization", ANN_CANARY, NULL, NULL));
    done(&lab);
}

Test(auth, guessing_is_slowed_down_and_those_who_are_known_are_let_in)
{
    auth_lab lab;
    weir_error error = {0};
    start_good(&lab, &weir_extension_basicauth, "{htpasswd: {inline: 'ann:good'}}");
    cr_expect(lets_in(&lab, "authorization", ANN_GOOD, NULL, NULL));
    for (int i = 0; i < 25; i++) {
        WEIR_BUFFER header = {0};
        char guess[16];
        snprintf(guess, sizeof guess, "ann:%02d", i);
        weir_buffer_append_text(&header, "Basic ");
        weir_base64_encode((weir_bytes){(const uint8_t *)guess, strlen(guess)}, &header);
        cr_expect_not(lets_in(&lab, "authorization", weir_buffer_string(&header), NULL, &error));
    }
    cr_expect_eq(error.class_, WEIR_ERROR_THROTTLED);
    cr_expect(lets_in(&lab, "authorization", ANN_GOOD, NULL, NULL));
    done(&lab);
}

Test(auth, a_missing_file_stops_the_start)
{
    auth_lab lab;
    weir_error error = {0};
    cr_expect_neq(start(&lab, &weir_extension_basicauth, "{htpasswd: {file: /nowhere/canary}}", &error), WEIR_OK);
    cr_expect(strstr(error.text, "/nowhere/"), "%s", error.text);
    done(&lab);
}

/* ---- bearertokenauth ---- */

Test(auth, bearer_configuration)
{
    const weir_component_type *type = &weir_extension_bearertokenauth;
    expect_refused(type, "{}", "no bearer token");
    expect_refused(type, "{token: canary, tokens: [canary]}", "not both");
    expect_refused(type, "{tokens: {a: canary}}", "tokens");
    expect_refused(type, "{token: canary, header: ''}", "name");
}

Test(auth, bearer_sends_the_first_and_takes_any)
{
    auth_lab lab;
    start_good(&lab, &weir_extension_bearertokenauth, "{tokens: [one, two]}");
    expect_header(&lab, NULL, "authorization", "Bearer one");
    cr_expect(lets_in(&lab, "authorization", "Bearer one", NULL, NULL));
    cr_expect(lets_in(&lab, "authorization", "Bearer two", NULL, NULL));
    cr_expect_not(lets_in(&lab, "authorization", "Bearer three", NULL, NULL));
    cr_expect_not(lets_in(&lab, "authorization", "Bearer on", NULL, NULL));
    cr_expect_not(lets_in(&lab, "authorization", "one", NULL, NULL));
    cr_expect_not(lets_in(&lab, "authorization", "", NULL, NULL));
    cr_expect_not(lets_in(&lab, "x-token", "Bearer one", NULL, NULL));
    done(&lab);
}

Test(auth, bearer_with_another_header_and_no_scheme)
{
    auth_lab lab;
    start_good(&lab, &weir_extension_bearertokenauth, "{header: X-Api-Key, scheme: '', token: one}");
    expect_header(&lab, NULL, "x-api-key", "one");
    cr_expect(lets_in(&lab, "x-api-key", "one", NULL, NULL));
    cr_expect_not(lets_in(&lab, "x-api-key", "Bearer one", NULL, NULL));
    done(&lab);
}

Test(auth, bearer_follows_its_file)
{
    auth_lab lab;
    write_file("one # the new one\n\n  two\told\n");
    start_with_file(&lab, &weir_extension_bearertokenauth, "{token: not used, filename: %s}");
    expect_header(&lab, NULL, "authorization", "Bearer one");
    cr_expect(lets_in(&lab, "authorization", "Bearer two", NULL, NULL));
    cr_expect_not(lets_in(&lab, "authorization", "Bearer old", NULL, NULL));
    write_file("three");
    a_second_passes();
    expect_header(&lab, NULL, "authorization", "Bearer three");
    cr_expect_not(lets_in(&lab, "authorization", "Bearer one", NULL, NULL));
    done(&lab);
}

/* ---- headers_setter ---- */

Test(auth, setter_configuration)
{
    const weir_component_type *type = &weir_extension_headers_setter;
    expect_refused(type, "{}", "no headers");
    expect_refused(type, "{headers: [{key: a}]}", "no value");
    expect_refused(type, "{headers: [{value: canary}]}", "key");
    expect_refused(type, "{headers: [{key: '', value: canary}]}", "key");
    expect_refused(type, "{headers: [{key: a, value: canary, from_context: b}]}", "several values");
    expect_refused(type, "{headers: [{key: a, value: canary, action: replace}]}", "upsert");
}

Test(auth, setter_actions)
{
    auth_lab lab;
    start_good(&lab, &weir_extension_headers_setter,
               "headers: [{key: x-old, value: new, action: insert}, {key: X-New, value: new, action: insert},\n"
               "          {key: x-none, value: new, action: update}]");
    expect_header(&lab, NULL, "x-old", "old");
    expect_header(&lab, NULL, "x-new", "new");
    expect_header(&lab, NULL, "x-none", NULL);
    cr_expect_not(
        lab.type->extension_client_auth(lab.shared)->needs_encryption(lab.type->extension_client_auth(lab.shared)));
    done(&lab);
    start_good(&lab, &weir_extension_headers_setter, "headers: [{key: x-old, value: new, action: update}]");
    expect_header(&lab, NULL, "x-old", "new");
    done(&lab);
    start_good(&lab, &weir_extension_headers_setter, "headers: [{key: x-old, value: new}]");
    expect_header(&lab, NULL, "x-old", "new");
    done(&lab);
    start_good(&lab, &weir_extension_headers_setter, "headers: [{key: X-Old, action: delete}]");
    expect_header(&lab, NULL, "x-old", NULL);
    done(&lab);
}

Test(auth, setter_takes_values_from_the_senders_request)
{
    auth_lab lab;
    const weir_metadata_entry entries[] = {{WEIR_TEXT("x-tenant"), WEIR_TEXT("acme")},
                                           {WEIR_TEXT(":auth.username"), WEIR_TEXT("ann")}};
    weir_metadata *metadata = weir_metadata_new(entries, 2, "");
    start_good(&lab, &weir_extension_headers_setter,
               "headers: [{key: tenant, from_context: X-Tenant, default_value: nobody},\n"
               "          {key: user, from_attribute: username}, {key: subject, from_attribute: subject}]");
    expect_header(&lab, metadata, "tenant", "acme");
    expect_header(&lab, metadata, "user", "ann");
    expect_header(&lab, metadata, "subject", "");
    expect_header(&lab, NULL, "tenant", "nobody");
    weir_metadata_unref(metadata);
    done(&lab);
}

Test(auth, setter_does_not_choose_among_several_values)
{
    auth_lab lab;
    weir_headers headers = {0};
    weir_error error = {0};
    const weir_metadata_entry entries[] = {{WEIR_TEXT("x-tenant"), WEIR_TEXT("canary")},
                                           {WEIR_TEXT("X-Tenant"), WEIR_TEXT("other")}};
    weir_metadata *metadata = weir_metadata_new(entries, 2, "");
    start_good(&lab, &weir_extension_headers_setter, "headers: [{key: tenant, from_context: x-tenant}]");
    weir_client_auth *auth = lab.type->extension_client_auth(lab.shared);
    cr_expect_neq(auth->decorate(auth, metadata, &headers, &error), WEIR_OK);
    cr_expect_eq(error.class_, WEIR_ERROR_PERMANENT, "one client's mistake must not hold back what others sent");
    cr_expect_null(strstr(error.text, "canary"));
    weir_headers_done(&headers);
    weir_metadata_unref(metadata);
    done(&lab);
}

Test(auth, setter_follows_its_file)
{
    auth_lab lab;
    write_file(" one\n");
    start_with_file(&lab, &weir_extension_headers_setter, "{headers: [{key: a, value_file: %s}]}");
    expect_header(&lab, NULL, "a", "one");
    write_file("two");
    a_second_passes();
    expect_header(&lab, NULL, "a", "two");
    done(&lab);
}

Test(auth, setter_comes_after_the_additional_authenticator)
{
    auth_lab basic, setter;
    start_good(&basic, &weir_extension_basicauth, "{client_auth: {username: ann, password: good}}");
    the_additional = basic.type->extension_client_auth(basic.shared);
    start_good(&setter, &weir_extension_headers_setter,
               "{headers: [{key: authorization, value: other, action: insert}, {key: a, value: b}],\n"
               " additional_auth: basicauth}");
    expect_header(&setter, NULL, "authorization", ANN_GOOD);
    expect_header(&setter, NULL, "a", "b");
    weir_client_auth *auth = setter.type->extension_client_auth(setter.shared);
    cr_expect(auth->needs_encryption(auth));
    done(&setter);
    done(&basic);
}

Test(auth, setters_in_a_ring_stop_the_start)
{
    auth_lab lab;
    weir_error error = {0};
    read_config(&lab, &weir_extension_headers_setter,
                "{headers: [{key: a, value: b}], additional_auth: headers_setter}");
    cr_assert_eq(lab.type->open(&lab.host, "test", lab.config, &lab.shared, &error), WEIR_OK);
    the_additional = lab.type->extension_client_auth(lab.shared);
    cr_expect_not(the_additional->needs_encryption(the_additional));
    cr_expect_neq(lab.type->extension_start(lab.shared, &error), WEIR_OK);
    cr_expect(strstr(error.text, "ring"), "%s", error.text);
    done(&lab);
}
