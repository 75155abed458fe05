/* Whatever the buffers, the bytes are the same, and nothing behind a buffer is touched. */
#include "check.h"

static uint32_t seed = 362436069u;

/* Room for `len` bytes with a pattern behind it. */
static uint8_t *fenced(uint8_t *memory, size_t len) {
    memset(memory, 0xa5, len + 16);
    return memory;
}

static void check_fence(const uint8_t *memory, size_t len) {
    for (size_t at = 0; at < 16; at++) {
        CHECK(memory[len + at] == 0xa5);
    }
}

static size_t encrypt(const uint8_t *plain, size_t len, size_t most, uint8_t *sealed) {
    uint8_t key[32], room_memory[70000];
    memset(key, 7, sizeof key);
    slw_cobblestone_encryptor *encryptor = NULL;
    CHECK_OK(slw_cobblestone_encryptor_new(key, sizeof key, check_bytes("context"), 7, &encryptor, NULL));
    size_t at = 0, sealed_len = 0;
    slw_status status = SLW_OK;
    while (at < len || status == SLW_MORE_OUTPUT) {
        size_t piece = check_next(&seed) % most + 1, room = check_next(&seed) % most + 1, consumed = 0, written = 0;
        piece = piece < len - at ? piece : len - at;
        uint8_t *out = fenced(room_memory, room);
        status = slw_cobblestone_encryptor_update(encryptor, plain + at, piece, &consumed, out, room, &written, NULL);
        CHECK(status == SLW_OK || status == SLW_MORE_OUTPUT);
        check_fence(out, room);
        memcpy(sealed + sealed_len, out, written);
        sealed_len += written;
        at += consumed;
    }
    do {
        size_t room = check_next(&seed) % most + 1, written = 0;
        uint8_t *out = fenced(room_memory, room);
        status = slw_cobblestone_encryptor_finish(encryptor, out, room, &written, NULL);
        CHECK(status == SLW_OK || status == SLW_MORE_OUTPUT);
        check_fence(out, room);
        memcpy(sealed + sealed_len, out, written);
        sealed_len += written;
    } while (status != SLW_OK);
    slw_cobblestone_encryptor_free(encryptor);
    return sealed_len;
}

/* At the bound, one call takes everything. */
static size_t decrypt(const uint8_t *sealed, size_t len, uint8_t *plain) {
    uint8_t key[32];
    memset(key, 7, sizeof key);
    slw_cobblestone_decryptor *decryptor = NULL;
    CHECK_OK(slw_cobblestone_decryptor_new(key, sizeof key, check_bytes("context"), 7, &decryptor, NULL));
    size_t plain_len = 0, at = 0, written = 0;
    while (at < len) {
        size_t piece = check_next(&seed) % 40000 + 1, consumed = 0;
        piece = piece < len - at ? piece : len - at;
        size_t bound = slw_cobblestone_decryptor_bound(decryptor, piece);
        CHECK_OK(slw_cobblestone_decryptor_update(decryptor, sealed + at, piece, &consumed, plain + plain_len, bound,
                                                  &written, NULL));
        CHECK(consumed == piece && written <= bound);
        at += piece;
        plain_len += written;
    }
    size_t bound = slw_cobblestone_decryptor_bound(decryptor, 0);
    CHECK_OK(slw_cobblestone_decryptor_finish(decryptor, plain + plain_len, bound, &written, NULL));
    slw_cobblestone_decryptor_free(decryptor);
    return plain_len + written;
}

int main(void) {
    const size_t lens[] = {0, 1, 16383, 16384, 16385, 50000};
    const size_t mosts[] = {1, 2, 100, 20000, 65000};
    uint8_t *plain = TO(uint8_t *, check_alloc(1 << 17)), *sealed = TO(uint8_t *, check_alloc(1 << 17)),
            *opened = TO(uint8_t *, check_alloc(1 << 18));
    for (size_t at = 0; at < 1 << 17; at++) {
        plain[at] = TO(uint8_t, check_next(&seed) & 0xff);
    }
    for (size_t at = 0; at < sizeof lens / sizeof lens[0]; at++) {
        for (size_t most = 0; most < sizeof mosts / sizeof mosts[0]; most++) {
            size_t sealed_len = encrypt(plain, lens[at], mosts[most], sealed);
            CHECK(sealed_len == slw_cobblestone_sealed_len(lens[at]));
            CHECK(lens[at] == slw_cobblestone_plain_len(sealed_len));
            CHECK(decrypt(sealed, sealed_len, opened) == lens[at]);
            CHECK(memcmp(opened, plain, lens[at]) == 0);
        }
    }
    /* A cut message is none, and no byte of its last chunk comes out. */
    size_t consumed = 0, written = 0, sealed_len = encrypt(plain, 20000, 65000, sealed);
    uint8_t key[32];
    memset(key, 7, sizeof key);
    slw_error *error = NULL;
    slw_cobblestone_decryptor *decryptor = NULL;
    CHECK_OK(slw_cobblestone_decryptor_new(key, sizeof key, check_bytes("context"), 7, &decryptor, NULL));
    CHECK_OK(slw_cobblestone_decryptor_update(decryptor, sealed, sealed_len - 1, &consumed, opened, 1 << 18, &written,
                                              NULL));
    CHECK(written == 16384);
    CHECK_FAILS(slw_cobblestone_decryptor_finish(decryptor, opened, 1 << 18, &written, &error), SLW_ERR_UNSEAL);
    CHECK(written == 0);
    slw_cobblestone_decryptor_free(decryptor);
    CHECK_FAILS(slw_cobblestone_decryptor_new(key, 31, NULL, 0, &decryptor, &error), SLW_ERR_INVALID_ARGUMENT);
    free(plain);
    free(sealed);
    free(opened);
    return 0;
}
