/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/memory.h"
#include "support.h"

Test(config_diagnostics, are_printed_by_place_and_severity)
{
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    weir_diagnostics_at(diagnostics, WEIR_SEVERITY_ERROR, "a.yaml", 9, 1, "third");
    weir_diagnostics_at(diagnostics, WEIR_SEVERITY_NOTE, "b.yaml", 1, 1, "fifth\n\x1b[31m");
    weir_diagnostics_at(diagnostics, WEIR_SEVERITY_WARNING, "a.yaml", 2, 7, "second");
    weir_diagnostics_at(diagnostics, WEIR_SEVERITY_ERROR, "a.yaml", 2, 3, "first");
    weir_diagnostics_at(diagnostics, WEIR_SEVERITY_ERROR, "a.yaml", 9, 1, "fourth");
    weir_diagnostics_error(diagnostics, NULL, "no place: %d", 5);
    WEIR_BUFFER all = {0};
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, &all);
    cr_expect_str_eq(weir_buffer_string(&all),
                     "a.yaml:2:3: error: first\na.yaml:2:7: warning: second\na.yaml:9:1: error: third\n"
                     "a.yaml:9:1: error: fourth\nb.yaml:1:1: note: fifth  [31m\nerror: no place: 5\n");
    WEIR_BUFFER errors = {0};
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_ERROR, &errors);
    cr_expect_str_eq(
        weir_buffer_string(&errors),
        "a.yaml:2:3: error: first\na.yaml:9:1: error: third\na.yaml:9:1: error: fourth\nerror: no place: 5\n");
    cr_expect_eq(weir_diagnostics_count(diagnostics, WEIR_SEVERITY_ERROR), 4);
    cr_expect_eq(weir_diagnostics_count(diagnostics, WEIR_SEVERITY_WARNING), 1);
    weir_diagnostics_free(diagnostics);
}

Test(config_diagnostics, are_bounded_but_counted)
{
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    for (int i = 0; i < WEIR_DIAGNOSTICS_MAX + 50; i++)
        weir_diagnostics_error(diagnostics, NULL, "number %d", i);
    WEIR_BUFFER all = {0};
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_ERROR, &all);
    cr_expect_eq(weir_diagnostics_count(diagnostics, WEIR_SEVERITY_ERROR), WEIR_DIAGNOSTICS_MAX + 50);
    cr_expect_not_null(strstr(weir_buffer_string(&all), "number 199\n… and 50 more\n"));
    weir_diagnostics_free(diagnostics);
}

Test(config_diagnostics, nearest_name)
{
    static const char *const names[] = {"endpoint", "timeout", "compression", "headers", "tls"};
    static const struct {
        const char *written, *meant;
    } cases[] = {{"endpont", "endpoint"},
                 {"enpdoint", "endpoint"},
                 {"Timeout", "timeout"},
                 {"time_out", "timeout"},
                 {"header", "headers"},
                 {"tsl", "tls"},
                 {"xyz", NULL},
                 {"", NULL},
                 {"compresion", "compression"},
                 {"end", NULL}};
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        const char *nearest = weir_nearest(cases[i].written, names, WEIR_COUNT_OF(names));
        cr_expect_str_eq(nearest ? nearest : "-", cases[i].meant ? cases[i].meant : "-", "%s", cases[i].written);
    }
    cr_expect_null(weir_nearest("x", NULL, 0));
}
