/* What the C tests share: a check that says where it failed, files, hex. Each test is a program that exits with 0. */
#ifndef SLW_CHECK_H
#define SLW_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spacelift/worker.h>

#ifdef __cplusplus
#define TO(type, value) static_cast<type>(value)
#else
#define TO(type, value) ((type)(value))
#endif

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                    \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

#define CHECK_STATUS(call, expected)                                                                         \
    do {                                                                                                     \
        slw_status check_status = (call);                                                                    \
        if (check_status != (expected)) {                                                                    \
            fprintf(stderr, "%s:%d: %s is %s, not %s\n", __FILE__, __LINE__, #call,                          \
                    slw_status_name(check_status), #expected);                                               \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

#define CHECK_OK(call) CHECK_STATUS(call, SLW_OK)

/* A call that fails with this status and leaves an error that says so. */
#define CHECK_FAILS(call, expected)                                                                          \
    do {                                                                                                     \
        CHECK_STATUS(call, expected);                                                                        \
        CHECK(error != NULL);                                                                                \
        CHECK(slw_error_status(error) == (expected));                                                        \
        CHECK(slw_error_message(error, NULL)[0] != '\0');                                                    \
        slw_error_free(error);                                                                               \
        error = NULL;                                                                                        \
    } while (0)

static inline void *check_alloc(size_t size) {
    void *memory = malloc(size > 0 ? size : 1);
    CHECK(memory != NULL);
    return memory;
}

/* A whole file, with a NUL behind it. */
static inline char *check_read(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    size_t capacity = 1 << 16;
    char *text = TO(char *, check_alloc(capacity));
    *len = 0;
    for (;;) {
        *len += fread(text + *len, 1, capacity - *len - 1, file);
        if (feof(file)) {
            break;
        }
        CHECK(!ferror(file));
        capacity *= 2;
        text = TO(char *, realloc(text, capacity));
        CHECK(text != NULL);
    }
    fclose(file);
    text[*len] = '\0';
    return text;
}

/* A file below tests/vectors, whose path the test gets as its first argument. */
static inline char *check_vector(const char *vectors, const char *name, size_t *len) {
    char path[1024];
    int written = snprintf(path, sizeof path, "%s/%s", vectors, name);
    CHECK(written > 0 && TO(size_t, written) < sizeof path);
    return check_read(path, len);
}

static inline const uint8_t *check_bytes(const char *text) {
    return TO(const uint8_t *, TO(const void *, text));
}

/* A private key of the vectors. */
static inline slw_private_key *check_key(const char *vectors) {
    size_t len = 0;
    char *pem = check_vector(vectors, "keys/ok_pkcs8.pem", &len);
    slw_private_key *key = NULL;
    CHECK_OK(slw_private_key_parse(check_bytes(pem), len, &key, NULL));
    free(pem);
    return key;
}

static inline slw_public_key *check_public(const slw_private_key *key) {
    slw_public_key *public_key = NULL;
    CHECK_OK(slw_private_key_public(key, &public_key, NULL));
    return public_key;
}

/* Options that seal to this key, signed by it, for a purpose. */
static inline slw_seal_options *check_seal_options(const slw_private_key *key) {
    slw_public_key *recipient = check_public(key);
    slw_seal_options *options = NULL;
    CHECK_OK(slw_seal_options_new(&options, NULL));
    CHECK_OK(slw_seal_options_add_recipient(options, recipient, NULL));
    CHECK_OK(slw_seal_options_set_signer(options, key, NULL));
    CHECK_OK(slw_seal_options_add_context(options, "purpose", 7, "test", 4, NULL));
    slw_public_key_free(recipient);
    return options;
}

static inline slw_unseal_options *check_unseal_options(const slw_private_key *key) {
    slw_unseal_options *options = NULL;
    CHECK_OK(slw_unseal_options_new(&options, NULL));
    CHECK_OK(slw_unseal_options_add_key(options, key, NULL));
    CHECK_OK(slw_unseal_options_set_signed_by_recipient(options, NULL));
    CHECK_OK(slw_unseal_options_add_context(options, "purpose", 7, "test", 4, NULL));
    return options;
}

/* Counters that threads share: the atomics of C11 are not in C++. */
static inline int check_load(const int *number) { return __atomic_load_n(number, __ATOMIC_SEQ_CST); }

static inline void check_store(int *number, int value) { __atomic_store_n(number, value, __ATOMIC_SEQ_CST); }

static inline void check_add(int *number, int more) { __atomic_fetch_add(number, more, __ATOMIC_SEQ_CST); }

/* Numbers that look random and are the same each time. */
static inline uint32_t check_next(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
