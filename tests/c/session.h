/* A session of a pool whose control plane takes connections and says nothing: the test that started this program made both. */
#ifndef SLW_SESSION_H
#define SLW_SESSION_H

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "check.h"

static inline void session_set(slw_config *config, const char *name, const char *value) {
    CHECK_OK(slw_config_set(config, name, strlen(name), value, strlen(value), NULL));
}

static inline slw_launcher *session_launcher(const char *folder) {
    static int number = 0;
    char path[1024];
    size_t len = 0;
    slw_config *config = NULL;
    slw_launcher *launcher = NULL;
    slw_error *error = NULL;
    CHECK_OK(slw_config_new(&config, NULL));
    snprintf(path, sizeof path, "%s/token", folder);
    char *token = check_read(path, &len);
    snprintf(path, sizeof path, "%s/key", folder);
    char *key = check_read(path, &len);
    session_set(config, "SPACELIFT_TOKEN", token);
    session_set(config, "SPACELIFT_POOL_PRIVATE_KEY", key);
    snprintf(path, sizeof path, "%s/state-%d", folder, number++);
    session_set(config, "SPACELIFT_WORKER_STATE_DIR", path);
    if (slw_launcher_new(config, &launcher, &error) != SLW_OK) {
        fprintf(stderr, "%s\n", slw_error_message(error, NULL));
        exit(1);
    }
    slw_config_free(config);
    free(token);
    free(key);
    return launcher;
}

static inline slw_session *session_start(const char *folder, const slw_runtime *runtime,
                                         const slw_session_options *options) {
    slw_launcher *launcher = session_launcher(folder);
    slw_session *session = NULL;
    CHECK_OK(slw_session_start(launcher, runtime, options, &session, NULL));
    slw_launcher_free(launcher);
    return session;
}

/* A command that the worker cannot carry out: its end is an event. */
static inline uint64_t session_refuse(const slw_session *session) {
    uint64_t operation = 0;
    CHECK_OK(slw_session_refuse(session, "1.1", 3, "busy", 4, NULL, 0, &operation, NULL));
    CHECK(operation > 0);
    return operation;
}

/* Takes events until one of this kind comes. */
static inline slw_event *session_await(const slw_session *session, int32_t kind) {
    for (;;) {
        slw_event *event = NULL;
        CHECK_OK(slw_session_next_event(session, 30000, &event, NULL));
        if (slw_event_kind(event) == kind) {
            return event;
        }
        slw_event_free(event);
    }
}

/* Takes events until there are no more. */
static inline void session_drain(const slw_session *session) {
    int32_t last = 0;
    for (;;) {
        slw_event *event = NULL;
        slw_status status = slw_session_next_event(session, 30000, &event, NULL);
        if (status == SLW_CLOSED) {
            CHECK(last == SLW_EVENT_ENDED);
            return;
        }
        CHECK(status == SLW_OK);
        last = slw_event_kind(event);
        slw_event_free(event);
    }
}

#endif
