/*
 * A custom launcher in C: it decides about each offered run, waits with poll beside its own signals, and prints what runs log.
 *
 * Configured by the documented variables, such as SPACELIFT_TOKEN and SPACELIFT_POOL_PRIVATE_KEY. LAUNCHER_STACK names the one
 * stack whose runs it takes; without it every run is taken. SIGTERM drains, a second one ends the run in hand.
 *
 *     cc launcher.c $(pkg-config --cflags --libs spacelift-worker) -o launcher
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spacelift/worker.h>

static int signal_pipe[2];

static void on_signal(int number) {
    int before = errno;
    char byte = (char)number;
    if (write(signal_pipe[1], &byte, 1) < 0) {
        /* The pipe is full: there are signals enough. */
    }
    errno = before;
}

/* Says what went wrong, frees it, and gives the exit code. */
static int fail(slw_error *error, int code) {
    fprintf(stderr, "launcher: %s\n", slw_error_message(error, NULL));
    slw_error_free(error);
    return code;
}

static const char *field(const slw_event *event, const char *name) {
    const char *text = slw_event_text(event, name, strlen(name), NULL);
    return text != NULL ? text : "";
}

/* Whether this launcher wants runs of that stack. */
static bool is_wanted(const char *stack) {
    const char *wanted = getenv("LAUNCHER_STACK");
    return wanted == NULL || strcmp(wanted, stack) == 0;
}

/* What is done about an event; the exit code once the worker has ended, -1 before. */
static int handle(slw_session *session, const slw_event *event) {
    const char *lease = field(event, "lease");
    switch (slw_event_kind(event)) {
    case SLW_EVENT_CONNECTED:
        fprintf(stderr, "connected as %s\n", field(event, "worker"));
        break;
    case SLW_EVENT_OFFERED:
        if (is_wanted(field(event, "stack"))) {
            slw_session_accept(session, lease, strlen(lease), NULL, NULL);
        } else {
            const char *note = "this launcher does not take that stack";
            slw_session_refuse(session, lease, strlen(lease), "other", 5, note, strlen(note), NULL, NULL);
        }
        break;
    case SLW_EVENT_STARTED:
        fprintf(stderr, "run %s: %s\n", field(event, "run"), field(event, "phase"));
        break;
    case SLW_EVENT_LINE:
        puts(field(event, "line"));
        fflush(stdout);
        break;
    case SLW_EVENT_RUN_ENDED:
        fprintf(stderr, "run %s: %s %s\n", field(event, "run"), field(event, "outcome"), field(event, "reason"));
        break;
    case SLW_EVENT_ENDED:
        if (field(event, "reason")[0] != '\0') {
            fprintf(stderr, "launcher: %s\n", field(event, "reason"));
        }
        return (int)slw_event_number(event, "exit_code", 9);
    default:
        break;
    }
    return -1;
}

/* Waits for events and signals until the worker has ended. */
static int work(slw_session *session) {
    int signals = 0;
    for (;;) {
        struct pollfd waiting[2] = {{(int)slw_session_wake_handle(session), POLLIN, 0}, {signal_pipe[0], POLLIN, 0}};
        if (poll(waiting, 2, -1) < 0 && errno != EINTR) {
            perror("launcher: poll");
            return 1;
        }
        char byte;
        if (waiting[1].revents != 0 && read(signal_pipe[0], &byte, 1) == 1) {
            if (signals++ == 0) {
                slw_session_drain(session, NULL, NULL);
            } else {
                slw_session_kill_run(session, NULL, NULL);
            }
        }
        slw_event *event = NULL;
        while (slw_session_next_event(session, 0, &event, NULL) == SLW_OK) {
            int code = handle(session, event);
            slw_event_free(event);
            if (code >= 0) {
                return code;
            }
        }
    }
}

int main(int argc, char **argv) {
    slw_error *error = NULL;
    bool asked = false;
    int32_t code = 0;
    /* First of all: run initialization policies are evaluated by this program, too, in a process of its own. */
    if (slw_main_if_asked(argc, (const char *const *)argv, &asked, &code, &error) != SLW_OK) {
        return fail(error, 1);
    }
    if (asked) {
        return code;
    }
    /* Runs must not read the pool's key out of this process. */
    if (slw_protect_process(&error) != SLW_OK) {
        return fail(error, 1);
    }

    slw_config *config = NULL;
    slw_launcher *launcher = NULL;
    slw_session_options *options = NULL;
    slw_session *session = NULL;
    if (slw_config_new(&config, &error) != SLW_OK || slw_config_set_from_environment(config, &error) != SLW_OK ||
        slw_launcher_new(config, &launcher, &error) != SLW_OK) {
        return fail(error, 2);
    }
    slw_config_free(config);

    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    if (pipe(signal_pipe) != 0 || sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0) {
        perror("launcher");
        return 1;
    }

    if (slw_session_options_new(&options, &error) != SLW_OK ||
        slw_session_options_set_ask(options, true, &error) != SLW_OK ||
        slw_session_options_set_lines(options, true, &error) != SLW_OK ||
        slw_session_start(launcher, NULL, options, &session, &error) != SLW_OK) {
        return fail(error, 1);
    }
    slw_session_options_free(options);
    slw_launcher_free(launcher);
    int end = work(session);
    slw_session_free(session);
    return end;
}
