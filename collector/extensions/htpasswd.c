/* SPDX-License-Identifier: Apache-2.0 */
#include "extensions/htpasswd.h"

#include <crypt.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/memory.h"
#include "extensions/old_hash.h"
#include "net/grpc.h"

enum {
    BCRYPT_COST_MAX = 14,
    SHA_CRYPT_ROUNDS_MAX = 1000 * 1000,
    /* Of a client, not of the file: crypt(3) takes 512. */
    PASSWORD_BYTES_MAX = 512,
};

typedef struct htpasswd_format htpasswd_format;

typedef struct htpasswd_user {
    char *name;
    char *secret; /* behind the colon */
    const htpasswd_format *format;
} htpasswd_user;

struct weir_htpasswd {
    _Atomic uint32_t refs;
    htpasswd_user *users;
    size_t count, capacity;
};

bool weir__equal_in_constant_time(weir_text a, weir_text b)
{
    unsigned char difference = a.len != b.len;
    for (size_t i = 0; i < a.len && i < b.len; i++)
        difference |= (unsigned char)(a.data[i] ^ b.data[i]);
    return difference == 0;
}

/* ---- formats ---- */

struct htpasswd_format {
    const char *mark; /* what the secret begins with */
    bool (*is_sound)(const char *secret);
    bool (*matches)(const char *secret, weir_text password);
};

/* crypt(3) ends a password at its first NUL. */
static bool crypt_matches(const char *secret, weir_text password)
{
    if (password.len > PASSWORD_BYTES_MAX || (password.len && memchr(password.data, '\0', password.len)))
        return false;
    WEIR_FREE char *terminated = weir_strndup(password.len ? password.data : "", password.len);
    WEIR_FREE struct crypt_data *work = WEIR_NEW(struct crypt_data);
    const char *made = crypt_r(terminated, secret, work);
    bool is_same = made && made[0] != '*' && weir__equal_in_constant_time(weir_text_of(made), weir_text_of(secret));
    explicit_bzero(terminated, password.len);
    explicit_bzero(work, sizeof *work);
    return is_same;
}

/* "$2y$10$" and 53 characters. */
static bool bcrypt_is_sound(const char *secret)
{
    uint64_t cost;
    weir_text text = weir_text_of(secret);
    return text.len == 60 && secret[6] == '$' &&
           weir_text_to_uint((weir_text){secret + 4, 2}, BCRYPT_COST_MAX, &cost) && cost >= 4;
}

static bool sha_crypt_is_sound(const char *secret)
{
    const char *rest = secret + 3;
    uint64_t rounds;
    if (strncmp(rest, "rounds=", 7) == 0) {
        const char *number = rest + 7;
        rest = strchr(number, '$');
        if (!rest || !weir_text_to_uint((weir_text){number, (size_t)(rest - number)}, SHA_CRYPT_ROUNDS_MAX, &rounds))
            return false;
        rest++;
    }
    const char *digest = strchr(rest, '$');
    return digest && strlen(digest + 1) == (secret[1] == '5' ? 43 : 86);
}

/* "$apr1$SALT$DIGEST": where the salt begins and ends. */
static bool split_md5(const char *secret, weir_text *ret_salt)
{
    const char *salt = strchr(secret + 1, '$') + 1;
    const char *end = strchr(salt, '$');
    if (!end || strlen(end + 1) != WEIR_MD5_CRYPT_CHARS)
        return false;
    *ret_salt = (weir_text){salt, (size_t)(end - salt)};
    return true;
}

static bool md5_is_sound(const char *secret)
{
    weir_text salt;
    return split_md5(secret, &salt);
}

static bool md5_matches(const char *secret, weir_text password)
{
    weir_text salt;
    char made[WEIR_MD5_CRYPT_CHARS + 1];
    if (password.len > PASSWORD_BYTES_MAX || !split_md5(secret, &salt))
        return false;
    weir__md5_crypt(password, secret[1] == 'a' ? "$apr1$" : "$1$", salt, made);
    return weir__equal_in_constant_time(weir_text_of(made), weir_text_of(salt.data + salt.len + 1));
}

/* The digest, and with {SSHA} the salt behind it. */
static bool read_sha(const char *secret, weir_buffer *ret_bytes)
{
    bool has_salt = secret[2] == 'S';
    const char *base64 = strchr(secret, '}') + 1;
    return weir_base64_decode(weir_text_of(base64), ret_bytes) == WEIR_OK && ret_bytes->len >= WEIR_SHA1_BYTES &&
           (has_salt || ret_bytes->len == WEIR_SHA1_BYTES);
}

static bool sha_is_sound(const char *secret)
{
    WEIR_BUFFER bytes = {0};
    return read_sha(secret, &bytes);
}

static bool sha_matches(const char *secret, weir_text password)
{
    WEIR_BUFFER bytes = {0};
    WEIR_BUFFER salted = {0};
    if (!read_sha(secret, &bytes))
        return false;
    weir_buffer_append(&salted, password.data, password.len);
    weir_buffer_append(&salted, bytes.data + WEIR_SHA1_BYTES, bytes.len - WEIR_SHA1_BYTES);
    uint8_t digest[WEIR_SHA1_BYTES];
    weir__sha1((weir_bytes){salted.data, salted.len}, digest);
    return weir__equal_in_constant_time((weir_text){(const char *)digest, sizeof digest},
                                        (weir_text){(const char *)bytes.data, WEIR_SHA1_BYTES});
}

static bool anything_is_sound(const char *secret)
{
    (void)secret;
    return true;
}

static bool plain_matches(const char *secret, weir_text password)
{
    return weir__equal_in_constant_time(password, weir_text_of(secret));
}

static bool marked_plain_matches(const char *secret, weir_text password)
{
    return plain_matches(secret + strlen("{PLAIN}"), password);
}

static bool nothing_is_sound(const char *secret)
{
    (void)secret;
    return false;
}

/* The first whose mark fits. */
static const htpasswd_format formats[] = {
    {"$2y$", bcrypt_is_sound, crypt_matches},
    {"$2a$", bcrypt_is_sound, crypt_matches},
    {"$2b$", bcrypt_is_sound, crypt_matches},
    {"$2x$", bcrypt_is_sound, crypt_matches},
    {"$5$", sha_crypt_is_sound, crypt_matches},
    {"$6$", sha_crypt_is_sound, crypt_matches},
    {"$apr1$", md5_is_sound, md5_matches},
    {"$1$", md5_is_sound, md5_matches},
    {"{SHA}", sha_is_sound, sha_matches},
    {"{SSHA}", sha_is_sound, sha_matches},
    {"{PLAIN}", anything_is_sound, marked_plain_matches},
    {"$", nothing_is_sound, NULL},
    {"{", nothing_is_sound, NULL},
    {"", anything_is_sound, plain_matches},
};

static const htpasswd_format *format_of(const char *secret)
{
    const htpasswd_format *format = formats;
    while (strncmp(secret, format->mark, strlen(format->mark)) != 0)
        format++;
    return format->is_sound(secret) ? format : NULL;
}

/* ---- reading ---- */

static weir_text trim(weir_text line)
{
    static const char blanks[] = " \t\r\v\f";
    while (line.len && memchr(blanks, line.data[0], sizeof blanks - 1))
        line = (weir_text){line.data + 1, line.len - 1};
    while (line.len && memchr(blanks, line.data[line.len - 1], sizeof blanks - 1))
        line.len--;
    return line;
}

static htpasswd_user *find(const weir_htpasswd *users, weir_text name)
{
    for (size_t i = 0; i < users->count; i++) {
        if (weir_text_is(name, users->users[i].name))
            return &users->users[i];
    }
    return NULL;
}

static htpasswd_user *find_or_add(weir_htpasswd *users, weir_text name)
{
    htpasswd_user *found = find(users, name);
    if (found)
        return found;
    if (users->count == users->capacity) {
        users->capacity = users->capacity ? 2 * users->capacity : 16;
        users->users = weir_realloc(users->users, users->capacity, sizeof users->users[0]);
    }
    found = &users->users[users->count++];
    *found = (htpasswd_user){.name = weir_strndup(name.data, name.len)};
    return found;
}

/* NULL, or what is wrong with the line. */
static const char *read_line(weir_htpasswd *users, weir_text line)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (!colon)
        return "has no colon";
    if (memchr(line.data, '\0', line.len))
        return "has a NUL in it";
    size_t name_len = (size_t)(colon - line.data);
    WEIR_FREE char *secret = weir_strndup(colon + 1, line.len - name_len - 1);
    const htpasswd_format *format = format_of(secret);
    if (!format)
        return "has a password in a format that weir does not know, or a damaged one: use bcrypt (htpasswd -B)";
    htpasswd_user *user = find_or_add(users, (weir_text){line.data, name_len});
    free(user->secret);
    user->secret = WEIR_TAKE(secret);
    user->format = format;
    return NULL;
}

static weir_status read_text(weir_htpasswd *users, weir_text text, const char *name, weir_error *ret_error)
{
    for (unsigned number = 1; text.len; number++) {
        const char *newline = memchr(text.data, '\n', text.len);
        size_t len = newline ? (size_t)(newline - text.data) : text.len;
        size_t taken = newline ? len + 1 : len;
        weir_text line = trim((weir_text){text.data, len});
        const char *wrong = line.len ? read_line(users, line) : NULL;
        if (wrong)
            return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "htpasswd %s: line %u %s", name,
                                  number, wrong);
        text = (weir_text){text.data + taken, text.len - taken};
    }
    return WEIR_OK;
}

weir_status weir_htpasswd_read(const weir_text *texts, const char *const *names, size_t count,
                               weir_htpasswd **ret_users, weir_error *ret_error)
{
    weir_htpasswd *users = WEIR_NEW(weir_htpasswd);
    atomic_init(&users->refs, 1);
    for (size_t i = 0; i < count; i++) {
        weir_status status = read_text(users, texts[i], names[i], ret_error);
        if (status != WEIR_OK) {
            weir_htpasswd_unref(users);
            return status;
        }
    }
    *ret_users = users;
    return WEIR_OK;
}

weir_htpasswd *weir_htpasswd_ref(weir_htpasswd *users)
{
    atomic_fetch_add_explicit(&users->refs, 1, memory_order_relaxed);
    return users;
}

void weir_htpasswd_unref(weir_htpasswd *users)
{
    if (!users || atomic_fetch_sub_explicit(&users->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < users->count; i++) {
        free(users->users[i].name);
        free(users->users[i].secret);
    }
    free(users->users);
    free(users);
}

/* The time an answer takes must not tell which names there are: the password of an unknown user is checked too, against
 * the first one's. */
bool weir_htpasswd_matches(const weir_htpasswd *users, weir_text user, weir_text password)
{
    const htpasswd_user *found = find(users, user);
    const htpasswd_user *checked = found ? found : users->users;
    bool is_same = checked && checked->format->matches(checked->secret, password);
    return found && is_same;
}
