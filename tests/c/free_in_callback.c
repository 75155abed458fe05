/* A session may be freed from inside of its own callback, and a runtime from a thread of its own. */
#include "session.h"

struct all {
    slw_session *session;
    slw_runtime *runtime;
    int called, dropped;
};

#ifdef __cplusplus
extern "C" {
#endif

static void free_all(void *data) {
    struct all *all = TO(struct all *, data);
    slw_session_free(all->session);
    slw_runtime_free(all->runtime);
    check_add(&all->called, 1);
}

static void drop(void *data) { check_add(&TO(struct all *, data)->dropped, 1); }

#ifdef __cplusplus
}
#endif

int main(int argc, char **argv) {
    CHECK(argc == 3);
    for (int round = 0; round < 5; round++) {
        struct all all = {NULL, NULL, 0, 0};
        CHECK_OK(slw_runtime_new(1, &all.runtime, NULL));
        all.session = session_start(argv[2], all.runtime, NULL);
        CHECK_OK(slw_session_set_wake(all.session, free_all, &all, drop, NULL));
        session_refuse(all.session);
        for (int wait = 0; check_load(&all.dropped) == 0; wait++) {
            CHECK(wait < 30000);
            usleep(1000);
        }
        CHECK(check_load(&all.called) == 1);
        CHECK_STATUS(slw_session_drain(all.session, NULL, NULL), SLW_ERR_INVALID_HANDLE);
    }
    return 0;
}
