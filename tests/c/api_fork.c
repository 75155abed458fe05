/* In a child process keys, sealing, masking and policies work, whatever other threads did at the fork. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* How many children. */
#ifndef CHECK_FORKS
#define CHECK_FORKS 40
#endif

static int stop;

/* Keeps the one lock of the library busy. */
static void *churn(void *unused) {
    while (!check_load(&stop)) {
        slw_masker *masker = NULL;
        CHECK_OK(slw_masker_new(&masker, NULL));
        slw_masker_free(masker);
    }
    return unused;
}

static void child(const slw_private_key *key, slw_masker *masker, const slw_policy *policy) {
    /* Longer than anything here takes on a slow machine. */
    alarm(120);
    slw_seal_options *options = check_seal_options(key);
    slw_sealer *sealer = NULL;
    CHECK_OK(slw_sealer_new(options, &sealer, NULL));
    uint8_t out[40000];
    size_t consumed = 0, written = 0;
    CHECK_OK(slw_sealer_update(sealer, check_bytes("x"), 1, &consumed, out, sizeof out, &written, NULL));
    CHECK_OK(slw_sealer_finish(sealer, out, sizeof out, &written, NULL));
    CHECK_OK(slw_masker_push(masker, check_bytes("hunter2"), 7, &consumed, out, sizeof out, &written, NULL));
    CHECK(written == 5);
    slw_decision *decision = NULL;
    CHECK_OK(slw_policy_evaluate(policy, "{}", 2, 60000, &decision, NULL));
    CHECK(slw_decision_allowed(decision));
    slw_decision_free(decision);
    slw_sealer_free(sealer);
    slw_seal_options_free(options);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    slw_private_key *key = check_key(argv[1]);
    slw_masker *masker = NULL;
    CHECK_OK(slw_masker_new(&masker, NULL));
    CHECK_OK(slw_masker_add_secret(masker, check_bytes("hunter2"), 7, NULL));
    slw_policy *policy = NULL;
    const char *rego = "package spacelift\ndeny contains \"no\" if input.no\n";
    CHECK_OK(slw_policy_load(rego, strlen(rego), &policy, NULL));
    pthread_t threads[2];
    for (int at = 0; at < 2; at++) {
        CHECK(pthread_create(&threads[at], NULL, churn, NULL) == 0);
    }
    for (int round = 0; round < CHECK_FORKS; round++) {
        /* Whatever this leaves ready for the next time, a thread for one, the child does not have. */
        slw_decision *decision = NULL;
        CHECK_OK(slw_policy_evaluate(policy, "{}", 2, 60000, &decision, NULL));
        slw_decision_free(decision);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            child(key, masker, policy);
            _exit(0);
        }
        int status = 0;
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    check_store(&stop, 1);
    for (int at = 0; at < 2; at++) {
        pthread_join(threads[at], NULL);
    }
    slw_policy_free(policy);
    slw_masker_free(masker);
    slw_private_key_free(key);
    return 0;
}
