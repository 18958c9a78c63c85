/* SPDX-License-Identifier: Apache-2.0 */
#include "demo/story.h"

#include "core/assert.h"

enum {
    GRPC_OK = 0,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_UNAVAILABLE = 14,

    CARD_NETWORK_US = 90000,
    CARD_NETWORK_TIMEOUT_US = 3000000,
    PASSWORD_HASH_US = 60000, /* slow on purpose, as password hashes are */
    CONSUMER_LAG_US = 25000,
};

static const weir_statement select_user = {"SELECT", "users", "SELECT id, name, tier FROM users WHERE id = $1"};
static const weir_statement select_login = {"SELECT", "users", "SELECT id, password_hash FROM users WHERE email = $1"};
static const weir_statement update_points = {"UPDATE", "users", "UPDATE users SET points = points + $2 WHERE id = $1"};
static const weir_statement select_products = {
    "SELECT", "products", "SELECT id, name, price_cents FROM products WHERE category = $1 ORDER BY rank LIMIT 24"};
static const weir_statement insert_order = {
    "INSERT", "orders",
    "INSERT INTO orders (id, user_id, product_id, amount_cents, state) VALUES ($1, $2, $3, $4, $5)"};
static const weir_statement insert_payment = {"INSERT", "payments",
                                              "INSERT INTO payments (id, order_id, amount_cents) VALUES ($1, $2, $3)"};

/* ---- the way in: web → gateway → bff --------------------------------------------------------------------------- */

/* Opens the page's own span around a call to the gateway. */
static void click(weir_visit *visit, const char *name, const weir_route *route, const char *path)
{
    weir_recorder *recorder = visit->recorder;
    weir_demo_span *root = weir_recorder_span(recorder, WEIR_SHOP_WEB, NULL, WEIR_DEMO_KIND(INTERNAL), name);
    weir_demo_span_text(recorder, root, "session.id", visit->session_id);
    weir_demo_span_text(recorder, root, "user_agent.original", visit->user_agent);
    weir_demo_span_bool(recorder, root, "browser.mobile", visit->customer % 3 == 0);
    weir_recorder_spend(recorder, 2000);
    int status = weir_visit_http(visit, WEIR_SHOP_WEB, root, WEIR_SHOP_GATEWAY, route, path);
    weir_recorder_spend(recorder, 6000);
    if (status >= 500) {
        weir_recorder_log(recorder, WEIR_SHOP_WEB, root, WEIR_DEMO_SEVERITY(ERROR), "the page could not be shown (%d)",
                          status);
        weir_demo_span_fail(recorder, root, "the page could not be shown");
    }
    weir_demo_span_end(recorder, root);
}

/* What the gateway does for each route: it knows the session and passes the request on. */
static int forward(weir_visit *visit, weir_demo_span *server, const weir_route *route, const char *path)
{
    weir_demo_span_text(visit->recorder, server, "session.id", visit->session_id);
    return weir_visit_http(visit, WEIR_SHOP_GATEWAY, server, WEIR_SHOP_BFF, route, path);
}

/* ---- user-service ---------------------------------------------------------------------------------------------- */

static int get_user(weir_visit *visit, weir_demo_span *server)
{
    weir_demo_span_text(visit->recorder, server, "user.id",
                        weir_recorder_format(visit->recorder, "%u", visit->customer));
    weir_visit_redis(visit, WEIR_SHOP_USERS, server, "GET", "GET session:?");
    weir_visit_sql(visit, WEIR_SHOP_USERS, server, &select_user, 1500);
    return 200;
}

static int post_session(weir_visit *visit, weir_demo_span *server)
{
    weir_recorder *recorder = visit->recorder;
    weir_visit_sql(visit, WEIR_SHOP_USERS, server, &select_login, 1800);
    weir_demo_span *check =
        weir_recorder_span(recorder, WEIR_SHOP_USERS, server, WEIR_DEMO_KIND(INTERNAL), "PasswordEncoder.matches");
    weir_recorder_spend(recorder, PASSWORD_HASH_US);
    weir_demo_span_end(recorder, check);
    if (visit->trouble == WEIR_TROUBLE_WRONG_PASSWORD) {
        weir_demo_log_record *log = weir_recorder_log(recorder, WEIR_SHOP_USERS, server, WEIR_DEMO_SEVERITY(WARN),
                                                      "wrong password for user %u", visit->customer);
        weir_demo_log_text(recorder, log, "client.address", visit->client_address);
        return 401;
    }
    weir_visit_redis(visit, WEIR_SHOP_USERS, server, "SET", "SET session:? ? EX 3600");
    weir_recorder_log(recorder, WEIR_SHOP_USERS, server, WEIR_DEMO_SEVERITY(INFO), "user %u logged in",
                      visit->customer);
    return 201;
}

/* The receipt and the loyalty points, after the customer got the answer: reads what order-service wrote. */
static void consume_order(weir_visit *visit)
{
    weir_recorder *recorder = visit->recorder;
    weir_recorder_spend(recorder, CONSUMER_LAG_US);
    weir_demo_span *consumer =
        weir_visit_process(visit, WEIR_SHOP_USERS, visit->published_order, "orders", visit->order_id);
    /* Now and then two orders came with one poll: the other one is in a trace of its own. */
    if (visit->previous_order) {
        weir_demo_span_link(recorder, consumer, visit->previous_order);
        weir_demo_span_int(recorder, consumer, "messaging.batch.message_count", 2);
    }
    weir_visit_sql(visit, WEIR_SHOP_USERS, consumer, &update_points, 2500);
    weir_recorder_log(recorder, WEIR_SHOP_USERS, consumer, WEIR_DEMO_SEVERITY(INFO), "receipt for order %s sent",
                      visit->order_id);
    weir_demo_span_end(recorder, consumer);
}

/* ---- payment-service ------------------------------------------------------------------------------------------- */

static int network_down(weir_visit *visit, weir_demo_span *server)
{
    weir_recorder *recorder = visit->recorder;
    static const char type[] = "requests.exceptions.ReadTimeout";
    static const char message[] =
        "HTTPSConnectionPool(host='api.cards.example', port=443): Read timed out. (read timeout=3)";
    static const char stack[] = "Traceback (most recent call last):\n"
                                "  File \"/app/payments/service.py\", line 88, in Charge\n"
                                "    receipt = self.network.charge(card, amount)\n"
                                "  File \"/app/payments/network.py\", line 41, in charge\n"
                                "    answer = self.session.post(self.url, json=body, timeout=3)\n"
                                "requests.exceptions.ReadTimeout: Read timed out. (read timeout=3)";
    weir_demo_span *client = weir_visit_outside(visit, WEIR_SHOP_PAYMENTS, server, "api.cards.example", "/v2/charges",
                                                CARD_NETWORK_TIMEOUT_US);
    weir_demo_span_text(recorder, client, "error.type", type);
    weir_demo_span_fail(recorder, client, message);
    weir_demo_span_end(recorder, client);
    weir_demo_span_exception(recorder, server, type, message, stack);
    weir_demo_log_record *log = weir_recorder_log(recorder, WEIR_SHOP_PAYMENTS, server, WEIR_DEMO_SEVERITY(ERROR),
                                                  "order %s: the card network does not answer", visit->order_id);
    weir_demo_log_text(recorder, log, "exception.type", type);
    weir_demo_log_text(recorder, log, "exception.message", message);
    weir_demo_log_text(recorder, log, "exception.stacktrace", stack);
    return GRPC_UNAVAILABLE;
}

static int charge(weir_visit *visit, weir_demo_span *server)
{
    weir_recorder *recorder = visit->recorder;
    weir_demo_span_int(recorder, server, "shop.payment.amount_cents", visit->amount_cents);
    if (visit->trouble == WEIR_TROUBLE_NETWORK_DOWN)
        return network_down(visit, server);
    weir_demo_span *client =
        weir_visit_outside(visit, WEIR_SHOP_PAYMENTS, server, "api.cards.example", "/v2/charges", CARD_NETWORK_US);
    if (visit->trouble == WEIR_TROUBLE_CARD_DECLINED) {
        weir_visit_outside_end(visit, client, 402);
        weir_recorder_log(recorder, WEIR_SHOP_PAYMENTS, server, WEIR_DEMO_SEVERITY(WARN), "order %s: card declined",
                          visit->order_id);
        return GRPC_FAILED_PRECONDITION;
    }
    weir_visit_outside_end(visit, client, 200);
    weir_visit_sql(visit, WEIR_SHOP_PAYMENTS, server, &insert_payment, 2200);
    weir_recorder_log(recorder, WEIR_SHOP_PAYMENTS, server, WEIR_DEMO_SEVERITY(INFO), "order %s: %u.%02u EUR charged",
                      visit->order_id, visit->amount_cents / 100, visit->amount_cents % 100);
    return GRPC_OK;
}

/* ---- order-service --------------------------------------------------------------------------------------------- */

static int get_catalog(weir_visit *visit, weir_demo_span *server)
{
    weir_visit_redis(visit, WEIR_SHOP_ORDERS, server, "GET", "GET catalog:?");
    /* The list is in the cache for most. */
    if (visit->product % 4 == 0) {
        weir_recorder_log(visit->recorder, WEIR_SHOP_ORDERS, server, WEIR_DEMO_SEVERITY(DEBUG),
                          "catalog is not in the cache");
        weir_visit_sql(visit, WEIR_SHOP_ORDERS, server, &select_products, 6000);
    }
    return 200;
}

static void publish_order(weir_visit *visit, weir_demo_span *server)
{
    weir_recorder *recorder = visit->recorder;
    weir_demo_span *producer = weir_visit_send(visit, WEIR_SHOP_ORDERS, server, "orders", visit->order_id);
    weir_recorder_spend(recorder, 1200);
    weir_demo_span_end(recorder, producer);
    visit->published_order = producer;
    weir_demo_log_record *log = weir_recorder_log(recorder, WEIR_SHOP_ORDERS, server, WEIR_DEMO_SEVERITY(INFO),
                                                  "order %s placed by user %u", visit->order_id, visit->customer);
    log->event_name = (char *)"shop.order.placed";
    weir_demo_log_text(recorder, log, "shop.order.id", visit->order_id);
    weir_demo_log_int(recorder, log, "shop.order.amount_cents", visit->amount_cents);
    weir_demo_log_int(recorder, log, "shop.product.id", visit->product);
}

static int post_order(weir_visit *visit, weir_demo_span *server)
{
    weir_recorder *recorder = visit->recorder;
    weir_demo_span_text(recorder, server, "shop.order.id", visit->order_id);
    weir_visit_sql(visit, WEIR_SHOP_ORDERS, server, &insert_order, 3000);
    int paid = weir_visit_grpc(visit, WEIR_SHOP_ORDERS, server, WEIR_SHOP_PAYMENTS, "shop.payments.v1.Payments",
                               "Charge", charge);
    if (paid == GRPC_OK) {
        publish_order(visit, server);
        return 201;
    }
    if (paid == GRPC_FAILED_PRECONDITION)
        return 402;
    weir_demo_span_exception(recorder, server, "io.grpc.StatusRuntimeException",
                             "UNAVAILABLE: the card network does not answer",
                             "io.grpc.StatusRuntimeException: UNAVAILABLE: the card network does not answer\n"
                             "\tat io.grpc.stub.ClientCalls.toStatusRuntimeException(ClientCalls.java:268)\n"
                             "\tat shop.orders.PaymentClient.charge(PaymentClient.java:57)\n"
                             "\tat shop.orders.OrderController.place(OrderController.java:104)");
    weir_recorder_log(recorder, WEIR_SHOP_ORDERS, server, WEIR_DEMO_SEVERITY(ERROR),
                      "order %s: payment failed: UNAVAILABLE", visit->order_id);
    return 503;
}

/* ---- pages: what the bff puts together ------------------------------------------------------------------------- */

static const weir_route user_route = {"GET", "/users/{id}", get_user};
static const weir_route session_route = {"POST", "/sessions", post_session};
static const weir_route catalog_route = {"GET", "/catalog", get_catalog};
static const weir_route order_route = {"POST", "/orders", post_order};

static char *user_path(weir_visit *visit)
{
    return weir_recorder_format(visit->recorder, "/users/%u", visit->customer);
}

/* The customer and the catalog are asked for at the same time. */
static int products_page(weir_visit *visit, weir_demo_span *server)
{
    weir_recorder *recorder = visit->recorder;
    uint64_t fork_ns = recorder->time_ns;
    weir_visit_http(visit, WEIR_SHOP_BFF, server, WEIR_SHOP_USERS, &user_route, user_path(visit));
    uint64_t user_done_ns = recorder->time_ns;
    weir_recorder_rewind(recorder, fork_ns);
    int status = weir_visit_http(visit, WEIR_SHOP_BFF, server, WEIR_SHOP_ORDERS, &catalog_route, "/catalog");
    if (recorder->time_ns < user_done_ns)
        weir_recorder_rewind(recorder, user_done_ns);
    return status;
}

static int login_page(weir_visit *visit, weir_demo_span *server)
{
    return weir_visit_http(visit, WEIR_SHOP_BFF, server, WEIR_SHOP_USERS, &session_route, "/sessions");
}

static int checkout_page(weir_visit *visit, weir_demo_span *server)
{
    weir_visit_http(visit, WEIR_SHOP_BFF, server, WEIR_SHOP_USERS, &user_route, user_path(visit));
    int status = weir_visit_http(visit, WEIR_SHOP_BFF, server, WEIR_SHOP_ORDERS, &order_route, "/orders");
    if (status >= 500)
        weir_recorder_log(visit->recorder, WEIR_SHOP_BFF, server, WEIR_DEMO_SEVERITY(ERROR),
                          "order-service answered %d to POST /orders", status);
    return status;
}

static const weir_route products_page_route = {"GET", "/products", products_page};
static const weir_route login_page_route = {"POST", "/login", login_page};
static const weir_route checkout_page_route = {"POST", "/checkout", checkout_page};

static int products_gateway(weir_visit *visit, weir_demo_span *server)
{
    return forward(visit, server, &products_page_route, "/products");
}

static int login_gateway(weir_visit *visit, weir_demo_span *server)
{
    return forward(visit, server, &login_page_route, "/login");
}

static int checkout_gateway(weir_visit *visit, weir_demo_span *server)
{
    return forward(visit, server, &checkout_page_route, "/checkout");
}

/* ---- visits ---------------------------------------------------------------------------------------------------- */

void weir_story_browse(weir_visit *visit)
{
    static const weir_route route = {"GET", "/products", products_gateway};
    click(visit, "open products", &route, "/products");
}

void weir_story_login(weir_visit *visit)
{
    static const weir_route route = {"POST", "/login", login_gateway};
    click(visit, "log in", &route, "/login");
}

void weir_story_checkout(weir_visit *visit)
{
    static const weir_route route = {"POST", "/checkout", checkout_gateway};
    click(visit, "place order", &route, "/checkout");
    if (visit->published_order)
        consume_order(visit);
}
