/*
 * What a call from C costs: `bench FOLDER` reads `update` or `push` a line, and answers each with the nanoseconds of the processor that
 * one call with 64 KiB takes, the best of some batches, as the example boundary of spacelift-worker-py does without C in between.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <spacelift/worker.h>

enum { BATCHES = 20, CALLS = 128, SIZE = 64 << 10, ROOM = 128 << 10 };

static uint8_t in[SIZE], out[ROOM];

static void check(slw_status status) {
    if (status != SLW_OK) {
        fprintf(stderr, "%s\n", slw_status_name(status));
        exit(1);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void seal(void *sealer) {
    size_t consumed, written;
    check(slw_sealer_update(sealer, in, SIZE, &consumed, out, ROOM, &written, NULL));
}

static void mask(void *masker) {
    size_t consumed, written;
    check(slw_masker_push(masker, in, SIZE, &consumed, out, ROOM, &written, NULL));
}

static double best(void (*call)(void *), void *handle) {
    double best = 1e18;
    for (int batch = 0; batch < BATCHES; batch++) {
        double began = now();
        for (int at = 0; at < CALLS; at++) {
            call(handle);
        }
        double took = (now() - began) / CALLS;
        best = took < best ? took : best;
    }
    return best;
}

static double update(void) {
    slw_private_key *key = NULL;
    slw_public_key *recipient = NULL;
    slw_seal_options *options = NULL;
    slw_sealer *sealer = NULL;
    memset(in, 7, SIZE);
    check(slw_private_key_generate(2048, &key, NULL));
    check(slw_private_key_public(key, &recipient, NULL));
    check(slw_seal_options_new(&options, NULL));
    check(slw_seal_options_add_recipient(options, recipient, NULL));
    check(slw_seal_options_set_unsigned(options, NULL));
    check(slw_sealer_new(options, &sealer, NULL));
    double took = best(seal, sealer);
    slw_sealer_free(sealer);
    slw_seal_options_free(options);
    slw_public_key_free(recipient);
    slw_private_key_free(key);
    return took;
}

static FILE *file_of(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static double push(const char *folder) {
    slw_masker *masker = NULL;
    check(slw_masker_new(&masker, NULL));
    char line[4096];
    FILE *secrets = file_of(folder, "secrets"), *log = file_of(folder, "log");
    while (fgets(line, sizeof line, secrets) != NULL) {
        slw_masker_add_secret(masker, (const uint8_t *)line, strcspn(line, "\n"), NULL);
    }
    if (fread(in, 1, SIZE, log) != SIZE) {
        exit(1);
    }
    fclose(secrets);
    fclose(log);
    double took = best(mask, masker);
    slw_masker_free(masker);
    return took;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        return 2;
    }
    char line[16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        printf("%.1f\n", line[1] == 'p' ? update() : push(argv[1]));
        fflush(stdout);
    }
    return 0;
}
