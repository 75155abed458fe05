/* Every vector of masked streams, as it is cut there and cut into small pieces with little room. */
#include "json.h"

static uint32_t seed = 88172645u;

static int is(const char *value, const char *text) { return strncmp(value, text, strlen(text)) == 0; }

static slw_masker *masker_of(const char *vector) {
    slw_masker *masker = NULL;
    const char *settings = json_get(vector, "settings");
    CHECK_OK(slw_masker_new(&masker, NULL));
    CHECK_OK(slw_masker_set_forms(masker, is(json_get(settings, "forms"), "\"none\"") ? 0 : SLW_FORMS_ALL, NULL));
    CHECK_OK(slw_masker_set_terminal(masker, is(json_get(settings, "terminal"), "true"), NULL));
    CHECK_OK(slw_masker_set_well_known(masker, is(json_get(settings, "well_known"), "true"), NULL));
    CHECK_OK(slw_masker_set_commands(masker, is(json_get(settings, "commands"), "true"), NULL));
    for (const char *at = json_first(json_get(vector, "secrets")); at != NULL; at = json_next(at)) {
        size_t len = 0;
        char *secret = json_text(at, &len);
        CHECK(slw_masker_add_secret(masker, check_bytes(secret), len, NULL) >= 0);
        free(secret);
    }
    return masker;
}

static void judge(const char *vector, size_t most) {
    slw_masker *masker = masker_of(vector);
    size_t expected_len = 0, len = 0, capacity = 1 << 22;
    char *expected = json_text(json_get(vector, "output"), &expected_len);
    uint8_t *out = TO(uint8_t *, check_alloc(capacity));
    for (const char *at = json_first(json_get(vector, "writes")); at != NULL; at = json_next(at)) {
        size_t write_len = 0;
        char *write = json_text(at, &write_len);
        slw_status status = SLW_OK;
        for (size_t from = 0; from < write_len || status == SLW_MORE_OUTPUT;) {
            size_t piece = write_len - from, room = capacity - len, consumed = 0, written = 0;
            if (most > 0) {
                size_t cut = check_next(&seed) % most + 1;
                piece = cut < piece ? cut : piece;
                room = check_next(&seed) % most + 1;
            }
            status = slw_masker_push(masker, check_bytes(write) + from, piece, &consumed, out + len, room, &written, NULL);
            CHECK(status == SLW_OK ? consumed == piece : status == SLW_MORE_OUTPUT && written == room);
            from += consumed;
            len += written;
        }
        free(write);
    }
    for (slw_status status = SLW_MORE_OUTPUT; status != SLW_OK;) {
        size_t room = most > 0 ? check_next(&seed) % most + 1 : capacity - len, written = 0;
        status = slw_masker_finish(masker, out + len, room, &written, NULL);
        CHECK(status == SLW_OK || status == SLW_MORE_OUTPUT);
        len += written;
    }
    if (len != expected_len || memcmp(out, expected, len) != 0) {
        size_t name_len = 0;
        fprintf(stderr, "%s: %.*s\n", json_text(json_get(vector, "name"), &name_len), TO(int, len), TO(const char *, TO(const void *, out)));
        exit(1);
    }
    free(out);
    free(expected);
    slw_masker_free(masker);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    const char *files[] = {"mask/streams.json", "mask/commands.json", "mask/terminal.json"};
    int count = 0;
    for (size_t file = 0; file < sizeof files / sizeof files[0]; file++) {
        size_t len = 0;
        char *vectors = check_vector(argv[1], files[file], &len);
        for (const char *at = json_first(vectors); at != NULL; at = json_next(at)) {
            judge(at, 0);
            judge(at, 3);
            count++;
        }
        free(vectors);
    }
    CHECK(count > 30);
    return 0;
}
