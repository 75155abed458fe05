/* Every vector of sealed run state, whole and cut into small pieces: the fault that it says, or the length of its plaintext. */
#include <dirent.h>

#include "json.h"

static const char *keys_json;
static uint32_t seed = 2463534242u;

static slw_private_key *named(const char *value) {
    size_t len = 0;
    char *name = json_text(value, &len);
    const char *pair = json_get(keys_json, name);
    CHECK(pair != NULL);
    char *pem = json_text(json_get(pair, "private"), &len);
    slw_private_key *key = NULL;
    CHECK_OK(slw_private_key_parse(check_bytes(pem), len, &key, NULL));
    free(pem);
    free(name);
    return key;
}

static slw_unseal_options *options_of(const char *vector) {
    slw_unseal_options *options = NULL;
    CHECK_OK(slw_unseal_options_new(&options, NULL));
    for (const char *at = json_first(json_get(vector, "keys")); at != NULL; at = json_next(at)) {
        slw_private_key *key = named(at);
        CHECK_OK(slw_unseal_options_add_key(options, key, NULL));
        slw_private_key_free(key);
    }
    const char *trust = json_blank(json_get(vector, "signed_by"));
    if (*trust == 'n') {
        CHECK_OK(slw_unseal_options_set_unsigned(options, NULL));
    } else if (*trust == '"') {
        CHECK_OK(slw_unseal_options_set_signed_by_recipient(options, NULL));
    } else {
        for (const char *at = json_first(trust); at != NULL; at = json_next(at)) {
            slw_private_key *key = named(at);
            slw_public_key *signer = check_public(key);
            CHECK_OK(slw_unseal_options_add_signer(options, signer, NULL));
            slw_public_key_free(signer);
            slw_private_key_free(key);
        }
    }
    for (const char *at = json_first(json_get(vector, "context")); at != NULL;) {
        size_t key_len = 0, value_len = 0;
        char *key = json_text(at, &key_len);
        at = json_value(at);
        char *value = json_text(at, &value_len);
        CHECK_OK(slw_unseal_options_add_context(options, key, key_len, value, value_len, NULL));
        free(key);
        free(value);
        at = json_next(at);
    }
    return options;
}

/* Opens in pieces of random lengths up to `most`; whether it opened, with what came out. */
static slw_status open_in_pieces(const slw_unseal_options *options, const uint8_t *sealed, size_t sealed_len,
                                 size_t most, uint8_t *plain, size_t *plain_len, slw_error **error) {
    slw_unsealer *unsealer = NULL;
    CHECK_OK(slw_unsealer_new(options, &unsealer, NULL));
    *plain_len = 0;
    size_t at = 0;
    slw_status status = SLW_OK;
    while (status >= 0 && at < sealed_len) {
        size_t piece = check_next(&seed) % most + 1, room = check_next(&seed) % most + 1, consumed = 0, written = 0;
        piece = piece < sealed_len - at ? piece : sealed_len - at;
        status = slw_unsealer_update(unsealer, sealed + at, piece, &consumed, plain + *plain_len, room, &written, error);
        CHECK(consumed <= piece && written <= room);
        CHECK(status == SLW_OK ? consumed == piece : status < 0 || written == room);
        at += consumed;
        *plain_len += written;
    }
    while (status >= 0) {
        size_t room = check_next(&seed) % most + 1, written = 0;
        status = slw_unsealer_finish(unsealer, plain + *plain_len, room, &written, error);
        *plain_len += written;
        if (status == SLW_OK) {
            break;
        }
    }
    if (status < 0) {
        size_t consumed = 0, written = 0;
        CHECK_STATUS(slw_unsealer_update(unsealer, sealed, 0, &consumed, plain, 0, &written, NULL), status);
        CHECK_STATUS(slw_unsealer_finish(unsealer, plain, 0, &written, NULL), status);
    }
    slw_unsealer_free(unsealer);
    return status;
}

static void judge(const char *name, const char *vector) {
    size_t sealed_len = 0, expect_len = 0;
    uint8_t *sealed = json_base64(json_get(vector, "sealed"), &sealed_len);
    char *expect = json_text(json_get(vector, "expect"), &expect_len);
    uint8_t *plain = TO(uint8_t *, check_alloc(2 * sealed_len + (2u << 20)));
    slw_unseal_options *options = options_of(vector);
    if (json_first(json_get(vector, "keys")) == NULL ||
        (*json_blank(json_get(vector, "signed_by")) == '[' && json_first(json_get(vector, "signed_by")) == NULL)) {
        /* A reader with no key, or that trusts nobody, is a mistake of the program here. */
        slw_error *error = NULL;
        slw_unsealer *unsealer = NULL;
        CHECK_FAILS(slw_unsealer_new(options, &unsealer, &error), SLW_ERR_INVALID_ARGUMENT);
        slw_unseal_options_free(options);
        free(plain);
        free(expect);
        free(sealed);
        return;
    }
    size_t mosts[] = {1u << 20, 1000, 7};
    for (size_t at = 0; at < sizeof mosts / sizeof mosts[0]; at++) {
        slw_error *error = NULL;
        size_t plain_len = 0;
        slw_status status = open_in_pieces(options, sealed, sealed_len, mosts[at], plain, &plain_len, &error);
        if (strcmp(expect, "ok") == 0) {
            CHECK(status == SLW_OK && error == NULL);
            CHECK(plain_len == strtoul(json_get(vector, "plain_len"), NULL, 10));
        } else {
            char code[64];
            snprintf(code, sizeof code, "\"code\":\"%s\"", expect);
            if (status != SLW_ERR_UNSEAL || strstr(slw_error_details(error, NULL), code) == NULL) {
                fprintf(stderr, "%s: %s, %s\n", name, slw_status_name(status), slw_error_details(error, NULL));
                exit(1);
            }
        }
        slw_error_free(error);
    }
    slw_unseal_options_free(options);
    free(plain);
    free(expect);
    free(sealed);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    size_t len = 0;
    char *keys = check_vector(argv[1], "envelope/keys.json", &len);
    keys_json = keys;
    char path[1024];
    snprintf(path, sizeof path, "%s/envelope", argv[1]);
    DIR *folder = opendir(path);
    CHECK(folder != NULL);
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *name = entry->d_name, *end = strstr(name, ".json");
        if (end == NULL || (strncmp(name, "ok_", 3) != 0 && strncmp(name, "fail_", 5) != 0)) {
            continue;
        }
        char file[1024];
        snprintf(file, sizeof file, "envelope/%s", name);
        char *vector = check_vector(argv[1], file, &len);
        judge(name, vector);
        free(vector);
        count++;
    }
    closedir(folder);
    free(keys);
    CHECK(count > 150);
    return 0;
}
