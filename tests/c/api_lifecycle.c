/* A whole life: a key is made and written, something is sealed and opened, handles are freed in any order. */
#include "check.h"

static void keys(void) {
    slw_error *error = NULL;
    slw_private_key *key = NULL;
    CHECK_OK(slw_private_key_generate(2048, &key, &error));
    CHECK(error == NULL);

    size_t len = 0;
    CHECK_STATUS(slw_private_key_to_pem(key, NULL, 0, &len, NULL), SLW_MORE_OUTPUT);
    uint8_t *pem = TO(uint8_t *, check_alloc(len));
    CHECK_OK(slw_private_key_to_pem(key, pem, len, &len, NULL));
    slw_private_key *again = NULL;
    CHECK_OK(slw_private_key_parse(pem, len, &again, NULL));
    memset(pem, 0, len);
    free(pem);

    slw_public_key *one = check_public(key), *other = check_public(again);
    size_t kid_len = 0;
    CHECK(strcmp(slw_public_key_kid(one, &kid_len), slw_public_key_kid(other, NULL)) == 0);
    CHECK(kid_len == 43);
    const char *text = slw_public_key_pem(one, &len);
    slw_public_key *parsed = NULL;
    CHECK_OK(slw_public_key_parse(text, len, &parsed, NULL));
    CHECK(strcmp(slw_public_key_kid(parsed, NULL), slw_public_key_kid(one, NULL)) == 0);

    uint8_t request[4096];
    CHECK_OK(slw_private_key_csr(key, "workers.spacelift.io", 20, request, sizeof request, &len, NULL));
    CHECK(len > 500 && memcmp(request, "-----BEGIN CERTIFICATE REQUEST-----", 35) == 0);
    CHECK_STATUS(slw_private_key_csr(key, "two\nlines", 9, request, sizeof request, &len, NULL), SLW_ERR_INVALID_ARGUMENT);
    CHECK_FAILS(slw_private_key_generate(1024, &key, &error), SLW_ERR_KEY);
    CHECK(key == NULL);

    slw_private_key_free(again);
    slw_public_key_free(one);
    slw_public_key_free(other);
    slw_public_key_free(parsed);
}

static void sealing(const char *vectors) {
    slw_error *error = NULL;
    slw_private_key *key = check_key(vectors);
    slw_seal_options *seal = check_seal_options(key);
    slw_unseal_options *unseal = check_unseal_options(key);
    slw_sealer *sealer = NULL;
    slw_unsealer *unsealer = NULL;
    CHECK_OK(slw_sealer_new(seal, &sealer, &error));
    CHECK_OK(slw_unsealer_new(unseal, &unsealer, &error));
    /* What was made with them lives on. */
    slw_seal_options_free(seal);
    slw_unseal_options_free(unseal);
    slw_private_key_free(key);

    const char *plain = "what waits between plan and apply";
    size_t plain_len = strlen(plain), consumed = 0, written = 0, len = 0;
    size_t bound = slw_sealer_bound(sealer, plain_len) + slw_sealer_bound(sealer, 0);
    uint8_t *sealed = TO(uint8_t *, check_alloc(bound));
    CHECK_OK(slw_sealer_update(sealer, check_bytes(plain), plain_len, &consumed, sealed, bound, &written, &error));
    CHECK(consumed == plain_len);
    len = written;
    CHECK_OK(slw_sealer_finish(sealer, sealed + len, bound - len, &written, &error));
    len += written;
    CHECK_FAILS(slw_sealer_update(sealer, check_bytes(plain), 1, &consumed, sealed, bound, &written, &error),
                SLW_ERR_STATE);
    CHECK_OK(slw_sealer_finish(sealer, sealed, 0, &written, &error));
    CHECK(written == 0);

    slw_header *header = NULL;
    CHECK_OK(slw_inspect(sealed, len, &header, &error));
    CHECK(strcmp(slw_header_context(header, NULL), "{\"purpose\":\"test\"}") == 0);
    CHECK(strcmp(slw_header_recipient(header, NULL), slw_header_signer(header, NULL)) == 0);

    uint8_t opened[256];
    CHECK_OK(slw_unsealer_update(unsealer, sealed, len, &consumed, opened, sizeof opened, &written, &error));
    CHECK(consumed == len);
    size_t opened_len = written;
    CHECK_OK(slw_unsealer_finish(unsealer, opened + opened_len, sizeof opened - opened_len, &written, &error));
    opened_len += written;
    CHECK(opened_len == plain_len && memcmp(opened, plain, plain_len) == 0);

    slw_header_free(header);
    slw_unsealer_free(unsealer);
    slw_sealer_free(sealer);
    free(sealed);
}

static void choices(const char *vectors) {
    /* Who signs, and whom to trust, is said, or nothing is sealed or opened. */
    slw_error *error = NULL;
    slw_private_key *key = check_key(vectors);
    slw_public_key *public_key = check_public(key);
    slw_seal_options *seal = NULL;
    slw_sealer *sealer = NULL;
    CHECK_OK(slw_seal_options_new(&seal, NULL));
    CHECK_FAILS(slw_sealer_new(seal, &sealer, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK_OK(slw_seal_options_add_recipient(seal, public_key, NULL));
    CHECK_FAILS(slw_sealer_new(seal, &sealer, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK_FAILS(slw_seal_options_add_recipient(seal, public_key, &error), SLW_ERR_SEAL);
    CHECK_FAILS(slw_seal_options_add_context(seal, "Purpose", 7, "x", 1, &error), SLW_ERR_CONTEXT);
    CHECK_OK(slw_seal_options_set_unsigned(seal, NULL));
    CHECK_OK(slw_seal_options_set_plain_len(seal, 3, NULL));
    CHECK_OK(slw_sealer_new(seal, &sealer, NULL));
    uint64_t sealed_len = 0;
    CHECK_OK(slw_seal_options_sealed_len(seal, 3, &sealed_len, NULL));
    uint8_t out[40000];
    size_t consumed = 0, written = 0, len = 0;
    CHECK_OK(slw_sealer_update(sealer, check_bytes("abc"), 3, &consumed, out, sizeof out, &written, NULL));
    len = written;
    CHECK_OK(slw_sealer_finish(sealer, out + len, sizeof out - len, &written, NULL));
    CHECK(len + written == sealed_len);
    slw_sealer_free(sealer);
    CHECK_OK(slw_sealer_new(seal, &sealer, NULL));
    CHECK_FAILS(slw_sealer_update(sealer, check_bytes("abcd"), 4, &consumed, out, sizeof out, &written, &error),
                SLW_ERR_SEAL);
    CHECK(consumed == 0 && written == 0);
    CHECK_FAILS(slw_sealer_finish(sealer, out, sizeof out, &written, &error), SLW_ERR_SEAL);
    slw_sealer_free(sealer);

    slw_unseal_options *unseal = NULL;
    slw_unsealer *unsealer = NULL;
    CHECK_OK(slw_unseal_options_new(&unseal, NULL));
    CHECK_FAILS(slw_unsealer_new(unseal, &unsealer, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK_OK(slw_unseal_options_add_key(unseal, key, NULL));
    CHECK_FAILS(slw_unsealer_new(unseal, &unsealer, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK_OK(slw_unseal_options_set_unsigned(unseal, NULL));
    CHECK_FAILS(slw_unseal_options_add_signer(unseal, public_key, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK_FAILS(slw_unseal_options_set_signed_by_recipient(unseal, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK_OK(slw_unsealer_new(unseal, &unsealer, NULL));
    slw_unsealer_free(unsealer);
    slw_unseal_options_free(unseal);
    slw_seal_options_free(seal);
    slw_public_key_free(public_key);
    slw_private_key_free(key);
}

static void files(const char *vectors, const char *folder) {
    slw_error *error = NULL;
    slw_private_key *key = check_key(vectors);
    slw_seal_options *seal = check_seal_options(key);
    slw_unseal_options *unseal = check_unseal_options(key);
    char plain[1024], sealed[1024], opened[1024];
    snprintf(plain, sizeof plain, "%s/plain", folder);
    snprintf(sealed, sizeof sealed, "%s/sealed", folder);
    snprintf(opened, sizeof opened, "%s/opened", folder);
    FILE *file = fopen(plain, "wb");
    CHECK(file != NULL);
    for (int line = 0; line < 10000; line++) {
        fprintf(file, "%07d\n", line);
    }
    fclose(file);
    uint64_t sealed_len = 0, plain_len = 0, expected = 0;
    CHECK_OK(slw_seal_file(seal, plain, strlen(plain), sealed, strlen(sealed), &sealed_len, &error));
    CHECK_OK(slw_seal_options_sealed_len(seal, 80000, &expected, NULL));
    CHECK(sealed_len == expected);
    CHECK_OK(slw_unseal_file(unseal, sealed, strlen(sealed), opened, strlen(opened), &plain_len, &error));
    CHECK(plain_len == 80000);
    size_t one_len = 0, other_len = 0;
    char *one = check_read(plain, &one_len), *other = check_read(opened, &other_len);
    CHECK(one_len == other_len && memcmp(one, other, one_len) == 0);
    uint8_t range[16];
    size_t written = 0;
    CHECK_OK(slw_unseal_range(unseal, sealed, strlen(sealed), 39992, 16, range, sizeof range, &written, &error));
    CHECK(written == 16 && memcmp(range, "0004999\n0005000\n", 16) == 0);
    CHECK_FAILS(slw_unseal_range(unseal, sealed, strlen(sealed), 79999, 2, range, sizeof range, &written, &error),
                SLW_ERR_RANGE);
    CHECK_FAILS(slw_seal_file(seal, plain, strlen(plain), plain, strlen(plain), NULL, &error),
                SLW_ERR_INVALID_ARGUMENT);
    CHECK_FAILS(slw_seal_file(seal, "/nowhere/at/all", 15, sealed, strlen(sealed), NULL, &error), SLW_ERR_IO);
    CHECK_FAILS(slw_unseal_file(unseal, plain, strlen(plain), opened, strlen(opened), NULL, &error),
                SLW_ERR_UNSEAL);
    free(one);
    free(other);
    slw_unseal_options_free(unseal);
    slw_seal_options_free(seal);
    slw_private_key_free(key);
}

static void policies(void) {
    slw_error *error = NULL;
    slw_policy *policy = NULL;
    const char *rego = "package spacelift\n\ndeny contains \"no tasks\" if input.run.type == \"TASK\"\n";
    CHECK_OK(slw_policy_load(rego, strlen(rego), &policy, &error));
    const char *task = "{\"run\": {\"type\": \"TASK\"}}", *plan = "{\"run\": {\"type\": \"TRACKED\"}}";
    slw_decision *denied = NULL, *allowed = NULL;
    CHECK_OK(slw_policy_evaluate(policy, task, strlen(task), 0, &denied, &error));
    CHECK_OK(slw_policy_evaluate(policy, plan, strlen(plan), 1000, &allowed, &error));
    CHECK(!slw_decision_allowed(denied) && slw_decision_allowed(allowed) && !slw_decision_allowed(NULL));
    CHECK(slw_decision_reason_count(denied) == 1 && slw_decision_reason_count(allowed) == 0);
    CHECK(strcmp(slw_decision_reason(denied, 0, NULL), "no tasks") == 0);
    CHECK(slw_decision_reason(denied, 1, NULL) == NULL);
    CHECK(strstr(slw_decision_json(denied, NULL), "\"reasons\":[\"no tasks\"]") != NULL);
    CHECK_FAILS(slw_policy_evaluate(policy, "{", 1, 0, &denied, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK(denied == NULL && !slw_decision_allowed(denied));

    const char *wrong = "package spacelift\n\ndeny contains 1 if { nonsense(1) }\n";
    slw_policy *none = NULL;
    CHECK_STATUS(slw_policy_load(wrong, strlen(wrong), &none, &error), SLW_ERR_POLICY);
    CHECK(none == NULL && strstr(slw_error_details(error, NULL), "\"line\":3") != NULL);
    slw_error_free(error);
    slw_policy_free(policy);
    CHECK(slw_decision_allowed(allowed));
    slw_decision_free(allowed);
}

static void masking(void) {
    slw_error *error = NULL;
    slw_masker *masker = NULL, *other = NULL;
    CHECK_OK(slw_masker_new(&masker, &error));
    CHECK_OK(slw_masker_set_commands(masker, true, &error));
    CHECK_OK(slw_masker_add_secret(masker, check_bytes("hunter2"), 7, &error));
    CHECK_STATUS(slw_masker_add_secret(masker, check_bytes("  "), 2, &error), SLW_SECRET_BLANK);
    CHECK_STATUS(slw_masker_add_secret(masker, check_bytes("abc"), 3, &error), SLW_SECRET_TOO_SHORT);
    CHECK_STATUS(slw_masker_add_secret(masker, check_bytes("True"), 4, &error), SLW_SECRET_COMMON_WORD);
    CHECK_FAILS(slw_masker_set_forms(masker, SLW_FORMS_ALL, &error), SLW_ERR_STATE);
    CHECK_OK(slw_masker_sibling(masker, &other, &error));
    char out[256];
    size_t consumed = 0, written = 0, len = 0;
    const char *text = "the password is hunt";
    uint8_t *to = TO(uint8_t *, TO(void *, out));
    CHECK_OK(slw_masker_push(masker, check_bytes(text), strlen(text), &consumed, to, sizeof out, &written, &error));
    CHECK(written == 16 && slw_masker_held(masker) == 4);
    CHECK_OK(slw_masker_flush(masker, to + written, sizeof out - written, &len, &error));
    CHECK(len == 0);
    len = written;
    text = "er2.\n::add-mask swordfish no\nswordfish\n";
    CHECK_OK(slw_masker_push(masker, check_bytes(text), strlen(text), &consumed, to + len, sizeof out - len,
                             &written, &error));
    len += written;
    CHECK_OK(slw_masker_finish(masker, to + len, sizeof out - len, &written, &error));
    len += written;
    CHECK(len == 29 && memcmp(out, "the password is *****.\n*****\n", len) == 0);
    /* Both know what one of them was told. */
    CHECK_OK(slw_masker_push(other, check_bytes("swordfish"), 9, &consumed, to, sizeof out, &written, &error));
    CHECK(written == 5 && memcmp(out, "*****", 5) == 0);
    CHECK_STATUS(slw_masker_take_notice(masker, to, 1, &len, &error), SLW_MORE_OUTPUT);
    CHECK_OK(slw_masker_take_notice(masker, to, sizeof out, &written, &error));
    CHECK(written == len && written < sizeof out);
    out[written] = '\0';
    CHECK(strstr(out, "common word") != NULL);
    CHECK_STATUS(slw_masker_take_notice(masker, to, sizeof out, &written, &error), SLW_WOULD_BLOCK);
    slw_masker_free(masker);
    slw_masker_free(other);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    keys();
    sealing(argv[1]);
    choices(argv[1]);
    files(argv[1], argv[2]);
    policies();
    masking();
    return 0;
}
