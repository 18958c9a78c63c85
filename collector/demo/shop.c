/* SPDX-License-Identifier: Apache-2.0 */
#include "demo/shop.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "demo/random.h"
#include "demo/story.h"

struct weir_shop {
    weir_demo_random random;
    bool has_previous_order;
    weir_demo_span_context previous_order;
    weir_recorder recorder;
};

weir_shop *weir_shop_new(uint64_t seed)
{
    weir_shop *shop = WEIR_NEW(weir_shop);
    shop->random.state = seed;
    return shop;
}

void weir_shop_free(weir_shop *shop)
{
    free(shop);
}

/* One of what customers do, with how often (of 1000 visits) and what may go wrong in it (of 1000 of its kind). */
typedef struct visit_kind {
    unsigned permille;
    void (*tell)(weir_visit *visit);
    struct {
        unsigned permille;
        weir_trouble trouble;
    } troubles[3];
} visit_kind;

static const visit_kind kinds[] = {
    {620, weir_story_browse, {{30, WEIR_TROUBLE_SLOW_QUERY}}},
    {160, weir_story_login, {{80, WEIR_TROUBLE_WRONG_PASSWORD}, {10, WEIR_TROUBLE_SLOW_QUERY}}},
    {220,
     weir_story_checkout,
     {{40, WEIR_TROUBLE_CARD_DECLINED}, {60, WEIR_TROUBLE_NETWORK_DOWN}, {20, WEIR_TROUBLE_SLOW_QUERY}}},
};

static const visit_kind *pick_kind(weir_demo_random *random)
{
    uint64_t roll = weir_demo_random_range(random, 0, 999);
    for (size_t i = 0; i < WEIR_COUNT_OF(kinds); i++) {
        if (roll < kinds[i].permille)
            return &kinds[i];
        roll -= kinds[i].permille;
    }
    WEIR_UNREACHABLE("the kinds of visits add up to 1000");
    return NULL;
}

static weir_trouble pick_trouble(weir_demo_random *random, const visit_kind *kind)
{
    uint64_t roll = weir_demo_random_range(random, 0, 999);
    for (size_t i = 0; i < WEIR_COUNT_OF(kind->troubles); i++) {
        if (roll < kind->troubles[i].permille)
            return kind->troubles[i].trouble;
        roll -= kind->troubles[i].permille;
    }
    return WEIR_TROUBLE_NONE;
}

static const char *pick_user_agent(weir_demo_random *random)
{
    static const char *const agents[] = {
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 "
        "Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
        "Mobile/15E148 Safari/604.1",
    };
    return agents[weir_demo_random_range(random, 0, WEIR_COUNT_OF(agents) - 1)];
}

/* Who comes, and what for. */
static void begin_visit(weir_shop *shop, const visit_kind *kind, weir_visit *ret_visit)
{
    weir_demo_random *random = &shop->random;
    weir_recorder *recorder = &shop->recorder;
    weir_recorder_begin(recorder, random);
    *ret_visit = (weir_visit){
        .recorder = recorder,
        .trouble = pick_trouble(random, kind),
        .customer = (unsigned)weir_demo_random_range(random, 1000, 9999),
        .product = (unsigned)weir_demo_random_range(random, 1, 400),
        .amount_cents = (unsigned)weir_demo_random_range(random, 490, 24990),
        .user_agent = pick_user_agent(random),
    };
    ret_visit->session_id =
        weir_recorder_format(recorder, "s-%08x", (unsigned)weir_demo_random_range(random, 0, UINT32_MAX));
    ret_visit->order_id =
        weir_recorder_format(recorder, "o-%08x", (unsigned)weir_demo_random_range(random, 0, UINT32_MAX));
    /* 203.0.113.0/24 is set aside for examples (RFC 5737). */
    ret_visit->client_address =
        weir_recorder_format(recorder, "203.0.113.%u", (unsigned)weir_demo_random_range(random, 1, 254));
    if (shop->has_previous_order && weir_demo_random_chance(random, 200))
        ret_visit->previous_order = &shop->previous_order;
}

/* Packs what one service recorded, if anything. */
static void add_exports(weir_shop *shop, weir_shop_service service, weir_shop_visit *visit)
{
    weir_recorder *recorder = &shop->recorder;
    const weir_shop_service_facts *facts = weir_shop_service_get(service);
    unsigned replica = (unsigned)weir_demo_random_range(&shop->random, 0, facts->replicas - 1);
    weir_demo_resource *resource = weir_shop_service_resource(recorder, service, replica);

    weir_shop_export traces = {.signal = WEIR_SHOP_TRACES, .service = service};
    traces.body = weir_recorder_pack_spans(recorder, service, resource, facts->scope, &traces.len, &traces.items);
    if (traces.body)
        visit->exports[visit->export_count++] = traces;

    weir_shop_export logs = {.signal = WEIR_SHOP_LOGS, .service = service};
    logs.body = weir_recorder_pack_logs(recorder, service, resource, facts->name, &logs.len, &logs.items);
    if (logs.body)
        visit->exports[visit->export_count++] = logs;
}

void weir_shop_next(weir_shop *shop, uint64_t now_unix_nano, weir_shop_visit *ret_visit)
{
    const visit_kind *kind = pick_kind(&shop->random);
    weir_visit visit;
    begin_visit(shop, kind, &visit);
    kind->tell(&visit);
    if (visit.published_order) {
        shop->previous_order = weir_demo_span_context_of(visit.published_order);
        shop->has_previous_order = true;
    }
    weir_recorder_settle(&shop->recorder, now_unix_nano);

    ret_visit->export_count = 0;
    for (int service = 0; service < WEIR_SHOP_SERVICES; service++)
        add_exports(shop, (weir_shop_service)service, ret_visit);
}

void weir_shop_visit_done(weir_shop_visit *visit)
{
    for (size_t i = 0; i < visit->export_count; i++)
        free(visit->exports[i].body);
    visit->export_count = 0;
}
