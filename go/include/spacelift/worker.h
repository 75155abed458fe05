/*
 * spacelift-worker: private workers for infrastructure-as-code. The C API; docs/c.md says how to install and link it.
 *
 * This file is generated and committed: what it says holds for every function below.
 *
 * TYPES      Handles are pointers to types without a definition. Everything else is int32_t, int64_t, uint32_t, uint64_t,
 *            size_t, intptr_t, bool or a pointer. No struct is passed, none is filled in by the caller.
 *
 * ORDER      The handle, inputs, outputs, and error_out last.
 *
 * STATUS     0 is success, a positive status is not an error, a negative one is. A status that you do not know is taken by
 *            its sign. Numbers are never used twice.
 *
 * ERRORS     error_out may be NULL. Otherwise it is set to NULL on entry, and to an error when the status is negative:
 *            free it with slw_error_free. No secret is in an error.
 *
 * OUTPUTS    are set to 0 or NULL on entry and to the result on success: a call that fails leaves nothing behind.
 *
 * TEXT IN    is a pointer and a length in bytes, in UTF-8, which is checked. No NUL is needed. NULL with 0 is empty.
 * TEXT OUT   is counted and has a NUL behind it. It is borrowed: it is valid until the handle that gave it is freed. The
 *            length's place may be NULL.
 * BYTES IN   are borrowed while the call lasts. BYTES OUT go into buffers of yours, and only there: nothing of this
 *            library is given to free(). Input and output must not overlap, which is checked.
 *
 * OWNERSHIP  What ends in _new, _parse, _load, _generate, _start, _sibling or gives a handle otherwise, gives one
 *            reference. _free takes it back and takes NULL. No other function takes a handle away. Handles keep alive what
 *            they need: free them in any order.
 *
 * THREADS    Every type says which of three it is.
 *              immutable   any number of threads may use it at once
 *              exclusive   one thread at a time; a second one gets SLW_ERR_BUSY and nothing happens
 *              shared      any thread may call any function at any time
 *            A _free while other threads are in the handle takes effect when they have left.
 *
 * MISUSE     NULL, a handle of another type, a handle that was freed, two threads in an exclusive handle: each is an error
 *            code. Of these, a freed handle is noticed with near certainty and no more; a pointer that never came from
 *            this library is not noticed at all.
 *
 * PANICS     never cross this interface. The call answers SLW_ERR_PANIC, that handle answers SLW_ERR_POISONED from then on
 *            and is to be freed; every other handle works on.
 *
 * FORK       Keys, sealing, masking and policies work in a child process. Runtimes, sessions and launchers have threads,
 *            which stay in the parent: their calls answer SLW_ERR_FORKED, and their _free does nothing.
 *
 * PROCESS    The library installs no signal handler (but for slw_launcher_run, which says so), no panic hook and no
 *            logger, leaves SIGPIPE as it is, reads no environment variable unless asked, and starts no thread that stays
 *            before slw_runtime_new or a session. Its threads block signals.
 *
 * CALLBACKS  There are two kinds, for waking and for logging. They come from threads of the library, one at a time for each
 *            registration; they must not block, unwind or longjmp, and call nothing of this library. drop(user_data) is
 *            called once, when the callback is taken back or the handle goes. Taking one back waits for a call that runs.
 *
 * STABILITY  Not before 1.0: until then the minor version stands in the SONAME. From then on SLW_ABI_VERSION changes with
 *            an incompatible change only. Functions, statuses, event kinds and setters may be added at any time.
 */

#ifndef SPACELIFT_WORKER_H
#define SPACELIFT_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The version of this ABI. What is added does not change it.
 */
#define SLW_ABI_VERSION 1

/**
 * The library's version.
 */
#define SLW_VERSION_MAJOR 0

/**
 * The library's version.
 */
#define SLW_VERSION_MINOR 1

/**
 * The library's version.
 */
#define SLW_VERSION_PATCH 0

/**
 * The library's version as one number: major << 16 | minor << 8 | patch.
 */
#define SLW_VERSION_NUMBER 256

/**
 * The value without blanks around it.
 */
#define SLW_FORM_TRIMMED 1

/**
 * The inside of a value that stands in quotes.
 */
#define SLW_FORM_UNQUOTED 2

/**
 * Each line of 6 bytes or more of a value of several lines, and the lines joined in other ways.
 */
#define SLW_FORM_LINES 4

/**
 * Base64 of anything that holds the value.
 */
#define SLW_FORM_BASE64 8

/**
 * Percent-encoding.
 */
#define SLW_FORM_PERCENT 16

/**
 * The inside of a JSON string.
 */
#define SLW_FORM_JSON 32

/**
 * The inside of a string literal of Go.
 */
#define SLW_FORM_GO 64

/**
 * The inside of a literal of Python.
 */
#define SLW_FORM_PYTHON 128

/**
 * The inside of an HCL template.
 */
#define SLW_FORM_HCL 256

/**
 * The inside of a shell word, however quoted.
 */
#define SLW_FORM_SHELL 512

/**
 * The inside of an XML or HTML text or attribute.
 */
#define SLW_FORM_XML 1024

/**
 * Two hex digits a byte.
 */
#define SLW_FORM_HEX 2048

/**
 * UTF-16, the lower byte first.
 */
#define SLW_FORM_UTF16LE 4096

/**
 * All of them, which is the default.
 */
#define SLW_FORMS_ALL 8191

/**
 * Errors alone.
 */
#define SLW_LOG_ERROR 1

/**
 * And warnings.
 */
#define SLW_LOG_WARN 2

/**
 * And what happens.
 */
#define SLW_LOG_INFO 3

/**
 * And how.
 */
#define SLW_LOG_DEBUG 4

/**
 * The control plane is in reach. Fields: worker.
 */
#define SLW_EVENT_CONNECTED 1

/**
 * It is not; the next attempt comes by itself. Fields: reason.
 */
#define SLW_EVENT_DISCONNECTED 2

/**
 * A run waits for slw_session_accept or slw_session_refuse. Fields: lease, run, phase, stack, document.
 */
#define SLW_EVENT_OFFERED 3

/**
 * The library refused an offer by itself. Fields: lease, reason, note.
 */
#define SLW_EVENT_REFUSED 4

/**
 * The run is this worker's. Fields: lease, run, phase.
 */
#define SLW_EVENT_STARTED 5

/**
 * The run entered a state. Fields: lease, state, version.
 */
#define SLW_EVENT_STATE 6

/**
 * A line of a run's log, masked. Fields: line.
 */
#define SLW_EVENT_LINE 7

/**
 * Run this. Fields: step, argv, env, cwd. Secret: env is in it.
 */
#define SLW_EVENT_STEP 8

/**
 * Pass this signal to all that the step started. Fields: step, signal (terminate, kill).
 */
#define SLW_EVENT_STEP_SIGNAL 9

/**
 * There is room for output of the step again. Fields: step.
 */
#define SLW_EVENT_STEP_READY 10

/**
 * The phase ended. Fields: lease, run, outcome, reason.
 */
#define SLW_EVENT_RUN_ENDED 11

/**
 * The control plane took the report. Fields: run.
 */
#define SLW_EVENT_REPORTED 12

/**
 * The lease goes on. Fields: lease.
 */
#define SLW_EVENT_RENEWED 13

/**
 * Somebody asked the run to end. Fields: lease.
 */
#define SLW_EVENT_STOP 14

/**
 * Somebody wants the run ended now, or withdrew an offer. Fields: lease.
 */
#define SLW_EVENT_KILL 15

/**
 * The lease ended without being renewed. Fields: lease.
 */
#define SLW_EVENT_LEASE_ENDED 16

/**
 * Whether new work is refused changed. Fields: drained.
 */
#define SLW_EVENT_DRAINED 17

/**
 * The pool is cycled; this worker ends within 20 seconds.
 */
#define SLW_EVENT_CYCLE 18

/**
 * A command was carried out. Fields: id.
 */
#define SLW_EVENT_OPERATION_DONE 19

/**
 * A command was refused or came too late. Fields: id, reason.
 */
#define SLW_EVENT_OPERATION_FAILED 20

/**
 * Events were dropped, none of which had to be answered. Fields: lost.
 */
#define SLW_EVENT_LAGGED 21

/**
 * The worker has ended; nothing follows. Fields: exit_code, reason.
 */
#define SLW_EVENT_ENDED 22

/**
 * Decrypts one message with Cobblestone-256. Exclusive.
 */
typedef struct slw_cobblestone_decryptor slw_cobblestone_decryptor;

/**
 * Encrypts one message with Cobblestone-256. Exclusive.
 */
typedef struct slw_cobblestone_encryptor slw_cobblestone_encryptor;

/**
 * Variables of a launcher. Exclusive.
 */
typedef struct slw_config slw_config;

/**
 * What a policy said of a run. Immutable.
 */
typedef struct slw_decision slw_decision;

/**
 * What went wrong. Immutable: any thread may read it.
 */
typedef struct slw_error slw_error;

/**
 * Something that a session has to tell. Immutable.
 */
typedef struct slw_event slw_event;

/**
 * The header of a sealed file, as it stands there. Immutable.
 */
typedef struct slw_header slw_header;

/**
 * A worker, set up and ready to start. Exclusive.
 */
typedef struct slw_launcher slw_launcher;

/**
 * Masks secrets in one stream of bytes. Exclusive.
 */
typedef struct slw_masker slw_masker;

/**
 * A run initialization policy. Immutable: any number of threads may evaluate it.
 */
typedef struct slw_policy slw_policy;

/**
 * What a worker needs, and whether it is there. Immutable.
 */
typedef struct slw_preflight slw_preflight;

/**
 * A pool's private key. Immutable.
 */
typedef struct slw_private_key slw_private_key;

/**
 * A public key of a pool or of a control plane. Immutable.
 */
typedef struct slw_public_key slw_public_key;

/**
 * Threads on which sessions run. Shared: any thread may call any function at any time.
 */
typedef struct slw_runtime slw_runtime;

/**
 * To whom, for what and by whom something is sealed. Exclusive: one thread at a time.
 */
typedef struct slw_seal_options slw_seal_options;

/**
 * Seals one plaintext that comes in pieces. Exclusive.
 */
typedef struct slw_sealer slw_sealer;

/**
 * A worker that runs. Shared.
 */
typedef struct slw_session slw_session;

/**
 * How a host wants its session. Exclusive.
 */
typedef struct slw_session_options slw_session_options;

/**
 * A worker pool token. Immutable.
 */
typedef struct slw_token slw_token;

/**
 * With which keys, for what and by whom signed something is opened. Exclusive.
 */
typedef struct slw_unseal_options slw_unseal_options;

/**
 * Opens one sealed file that comes in pieces. Exclusive.
 */
typedef struct slw_unsealer slw_unsealer;

/**
 * How a call ended: 0 is success, a positive number is not an error, a negative one is. A number that a program does not
 * know is taken by its sign.
 */
typedef int32_t slw_status;

/**
 * Called with a line of a log, which has no end of line and no NUL.
 */
typedef void (*slw_log_fn)(const char *line, size_t line_len, void *user_data);

/**
 * Called once for the data of a callback; may be NULL.
 */
typedef void (*slw_drop_fn)(void *user_data);

/**
 * Called when events begin to wait.
 */
typedef void (*slw_wake_fn)(void *user_data);

/**
 * All went well.
 */
#define SLW_OK 0

/**
 * Nothing is there now, or no room: come again.
 */
#define SLW_WOULD_BLOCK 1

/**
 * The output buffer is full and there is more: call again with room.
 */
#define SLW_MORE_OUTPUT 2

/**
 * The session has ended, and its last event was taken.
 */
#define SLW_CLOSED 3

/**
 * Nothing came in the time that was given.
 */
#define SLW_TIMED_OUT 4

/**
 * The value is blank and is not masked.
 */
#define SLW_SECRET_BLANK 5

/**
 * The value is shorter than 4 bytes and is not masked.
 */
#define SLW_SECRET_TOO_SHORT 6

/**
 * The value is `true`, `false`, `null`, `none`, `yes` or `no` and is not masked.
 */
#define SLW_SECRET_COMMON_WORD 7

/**
 * An argument has no meaning here; buffers that overlap are such.
 */
#define SLW_ERR_INVALID_ARGUMENT -1

/**
 * A pointer that must not be NULL is.
 */
#define SLW_ERR_NULL -2

/**
 * The handle is of another type, or was freed.
 */
#define SLW_ERR_INVALID_HANDLE -3

/**
 * Another thread is in this handle, which takes one at a time.
 */
#define SLW_ERR_BUSY -4

/**
 * A call panicked in this handle before; free it.
 */
#define SLW_ERR_POISONED -5

/**
 * The library has a bug; the message says where to look. The handle is poisoned, the process is sound.
 */
#define SLW_ERR_PANIC -6

/**
 * The runtime's threads are in the parent of this process.
 */
#define SLW_ERR_FORKED -7

/**
 * A text is not UTF-8.
 */
#define SLW_ERR_NOT_UTF8 -8

/**
 * The handle is not in a state for this: it was finished, or has begun.
 */
#define SLW_ERR_STATE -9

/**
 * The text is no worker pool token.
 */
#define SLW_ERR_TOKEN -10

/**
 * The key cannot be read, made or used.
 */
#define SLW_ERR_KEY -11

/**
 * Nothing can be sealed.
 */
#define SLW_ERR_SEAL -12

/**
 * The sealed bytes are not opened; details tell the fault as far as it is public.
 */
#define SLW_ERR_UNSEAL -13

/**
 * The context has no place in a header.
 */
#define SLW_ERR_CONTEXT -14

/**
 * The range does not lie within the plaintext.
 */
#define SLW_ERR_RANGE -15

/**
 * The secrets are too many or too long to search for.
 */
#define SLW_ERR_MASK -16

/**
 * The text is no run initialization policy; details list the problems with line and column.
 */
#define SLW_ERR_POLICY -17

/**
 * The policy could not be evaluated, so that the run is denied.
 */
#define SLW_ERR_POLICY_EVALUATION -18

/**
 * The configuration cannot be used; details list every problem.
 */
#define SLW_ERR_CONFIG -19

/**
 * The system refused: a file, a thread, memory.
 */
#define SLW_ERR_IO -20

/**
 * The session refused a command; details tell why.
 */
#define SLW_ERR_SESSION -21

/**
 * The text is no duration.
 */
#define SLW_ERR_DURATION -22

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The ABI of the library that is loaded: compare it with SLW_ABI_VERSION.
 */
uint32_t slw_abi_version(void);

/**
 * The version of the library that is loaded, as SLW_VERSION_NUMBER.
 */
uint32_t slw_version_number(void);

/**
 * The version of the library that is loaded, such as "0.1.0".
 */
const char *slw_version(void);

/**
 * How the library was built, as a JSON object: version, target, profile, rustc, commit, session.
 */
const char *slw_build_info(void);

/**
 * Whether the library has a part: "crypto", "mask", "policy", "files", or "session" (configuration, preflight,
 * runtime, session and launcher).
 */
bool slw_has_feature(const char *name,
                     size_t name_len);

/**
 * The name of a status, such as "SLW_ERR_UNSEAL"; "SLW_UNKNOWN" for a number that is none.
 */
const char *slw_status_name(slw_status status);

/**
 * The status with which the call failed; SLW_OK for NULL.
 */
slw_status slw_error_status(const slw_error *handle);

/**
 * What went wrong, for people, in English. No secret is in it.
 */
const char *slw_error_message(const slw_error *handle, size_t *len_out);

/**
 * How many causes stand below the message.
 */
size_t slw_error_cause_count(const slw_error *handle);

/**
 * A cause, from 0 on; each is the cause of the one before. NULL from the count on.
 */
const char *slw_error_cause(const slw_error *handle, size_t index, size_t *len_out);

/**
 * Whether the same call may go well later.
 */
bool slw_error_is_retryable(const slw_error *handle);

/**
 * What went wrong, for programs: a JSON object, "{}" when there is nothing to add.
 *
 * An argument is named in "argument", the fault of sealed bytes in "code", lines and columns of a policy and the
 * variables of a configuration in "problems".
 */
const char *slw_error_details(const slw_error *handle,
                              size_t *len_out);

/**
 * Frees an error. NULL is fine.
 */
void slw_error_free(slw_error *handle);

/**
 * Reads a worker pool token, the content of SPACELIFT_TOKEN. Line ends and blanks around it are skipped.
 */
slw_status slw_token_parse(const char *text, size_t text_len, slw_token **token_out, slw_error **error_out);

/**
 * Where the broker listens: host and port.
 */
const char *slw_token_broker_endpoint(const slw_token *handle, size_t *len_out);

/**
 * The pool's ULID.
 */
const char *slw_token_pool_id(const slw_token *handle, size_t *len_out);

/**
 * The first levels of the topics.
 */
const char *slw_token_namespace(const slw_token *handle, size_t *len_out);

/**
 * The pool's certificate in PEM.
 */
const char *slw_token_certificate_pem(const slw_token *handle, size_t *len_out);

/**
 * The common name of the certificate's subject; NULL when it has none.
 */
const char *slw_token_common_name(const slw_token *handle, size_t *len_out);

/**
 * Who signed the broker's certificate, in PEM; NULL: the system's roots.
 */
const char *slw_token_ca_pem(const slw_token *handle, size_t *len_out);

/**
 * From when on the certificate is valid, in Unix seconds.
 */
int64_t slw_token_not_before(const slw_token *handle);

/**
 * Up to when the certificate is valid, in Unix seconds.
 */
int64_t slw_token_not_after(const slw_token *handle);

/**
 * The control plane's public key; SLW_WOULD_BLOCK and NULL when the token has none.
 */
slw_status slw_token_signing_key(const slw_token *handle, slw_public_key **key_out, slw_error **error_out);

/**
 * Frees a token.
 */
void slw_token_free(slw_token *handle);

/**
 * Makes a pool's key: 2048, 3072, 4096 (what the documentation asks for) or 8192 bits. Takes seconds for long ones.
 */
slw_status slw_private_key_generate(uint32_t bits,
                                    slw_private_key **key_out,
                                    slw_error **error_out);

/**
 * Reads an unencrypted RSA private key: PKCS#8 or PKCS#1, in PEM or in DER.
 */
slw_status slw_private_key_parse(const uint8_t *pem_or_der,
                                 size_t pem_or_der_len,
                                 slw_private_key **key_out,
                                 slw_error **error_out);

/**
 * The public half.
 */
slw_status slw_private_key_public(const slw_private_key *handle,
                                  slw_public_key **key_out,
                                  slw_error **error_out);

/**
 * The key as PKCS#8 in PEM, into a buffer that the caller wipes.
 *
 * When the buffer is too small nothing is written, the answer is SLW_MORE_OUTPUT, and written_out says how much it takes.
 */
slw_status slw_private_key_to_pem(const slw_private_key *handle,
                                  uint8_t *out,
                                  size_t out_capacity,
                                  size_t *written_out,
                                  slw_error **error_out);

/**
 * A certificate request in PEM with the subject CN=common_name, to create a pool with.
 *
 * When the buffer is too small nothing is written, the answer is SLW_MORE_OUTPUT, and written_out says how much it takes.
 */
slw_status slw_private_key_csr(const slw_private_key *handle,
                               const char *common_name,
                               size_t common_name_len,
                               uint8_t *out,
                               size_t out_capacity,
                               size_t *written_out,
                               slw_error **error_out);

/**
 * Frees a private key, which is wiped when nothing uses it any more.
 */
void slw_private_key_free(slw_private_key *handle);

/**
 * Reads a public key: a SubjectPublicKeyInfo in PEM (PUBLIC KEY).
 */
slw_status slw_public_key_parse(const char *pem,
                                size_t pem_len,
                                slw_public_key **key_out,
                                slw_error **error_out);

/**
 * Takes the public key out of the first certificate of a PEM text. The certificate's own signature is not looked at.
 */
slw_status slw_public_key_from_certificate(const char *pem,
                                           size_t pem_len,
                                           slw_public_key **key_out,
                                           slw_error **error_out);

/**
 * The key's name: base64url, without padding, of SHA-256 over its SubjectPublicKeyInfo.
 */
const char *slw_public_key_kid(const slw_public_key *handle, size_t *len_out);

/**
 * The key as a SubjectPublicKeyInfo in PEM.
 */
const char *slw_public_key_pem(const slw_public_key *handle, size_t *len_out);

/**
 * Frees a public key.
 */
void slw_public_key_free(slw_public_key *handle);

/**
 * Options of sealing: a recipient, a context, and who signs.
 */
slw_status slw_seal_options_new(slw_seal_options **options_out, slw_error **error_out);

/**
 * To whom it is sealed. The format has room for one.
 */
slw_status slw_seal_options_add_recipient(slw_seal_options *handle,
                                          const slw_public_key *key,
                                          slw_error **error_out);

/**
 * One entry of what it is for: public, authenticated, and expected exactly by who opens it. At most 16; a key has 1 to 32
 * characters out of a-z and _, a value 1 to 256 printable ASCII characters without quote and backslash.
 */
slw_status slw_seal_options_add_context(slw_seal_options *handle,
                                        const char *key,
                                        size_t key_len,
                                        const char *value,
                                        size_t value_len,
                                        slw_error **error_out);

/**
 * Who signs it.
 */
slw_status slw_seal_options_set_signer(slw_seal_options *handle,
                                       const slw_private_key *key,
                                       slw_error **error_out);

/**
 * Nobody signs it: whoever knows the recipient's public key may have made it.
 */
slw_status slw_seal_options_set_unsigned(slw_seal_options *handle, slw_error **error_out);

/**
 * The length of the plaintext in bytes. Another length is an error then, and the sealed length is known beforehand.
 */
slw_status slw_seal_options_set_plain_len(slw_seal_options *handle,
                                          uint64_t plain_len,
                                          slw_error **error_out);

/**
 * The length in bytes of a plaintext of plain_len bytes once it is sealed with these options.
 */
slw_status slw_seal_options_sealed_len(const slw_seal_options *handle,
                                       uint64_t plain_len,
                                       uint64_t *sealed_len_out,
                                       slw_error **error_out);

/**
 * Frees options. What was made with them lives on.
 */
void slw_seal_options_free(slw_seal_options *handle);

/**
 * A sealer for one plaintext. The options may be used again; each sealer draws a key of its own.
 */
slw_status slw_sealer_new(const slw_seal_options *options, slw_sealer **sealer_out, slw_error **error_out);

/**
 * Takes input and writes output, as far as either goes.
 *
 * The input is plaintext, the output sealed.
 * Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before
 * that: call again with what is left of the input and with room.
 */
slw_status slw_sealer_update(slw_sealer *handle,
                             const uint8_t *input,
                             size_t input_len,
                             size_t *consumed_out,
                             uint8_t *out,
                             size_t out_capacity,
                             size_t *written_out,
                             slw_error **error_out);

/**
 * Ends the stream: call it until it answers SLW_OK. Only then is the output whole.
 */
slw_status slw_sealer_finish(slw_sealer *handle,
                             uint8_t *out,
                             size_t out_capacity,
                             size_t *written_out,
                             slw_error **error_out);

/**
 * The room with which an update of so many bytes never answers SLW_MORE_OUTPUT; with 0, a finish.
 */
size_t slw_sealer_bound(const slw_sealer *handle, size_t input_len);

/**
 * Frees it and wipes what it holds; before the finish, the stream stays unfinished.
 */
void slw_sealer_free(slw_sealer *handle);

/**
 * Seals a file into another, which appears whole or not at all and which only its owner may read. sealed_len_out, which
 * may be NULL, gets its length.
 */
slw_status slw_seal_file(const slw_seal_options *options,
                         const char *source,
                         size_t source_len,
                         const char *target,
                         size_t target_len,
                         uint64_t *sealed_len_out,
                         slw_error **error_out);

/**
 * Options of unsealing: keys, the expected context, and whom to trust. There is no default for the last.
 */
slw_status slw_unseal_options_new(slw_unseal_options **options_out, slw_error **error_out);

/**
 * A private key that the reader has; after a rotation there are several.
 */
slw_status slw_unseal_options_add_key(slw_unseal_options *handle,
                                      const slw_private_key *key,
                                      slw_error **error_out);

/**
 * One entry of what the file must be for. The file's context must be these entries, no more and no fewer.
 */
slw_status slw_unseal_options_add_context(slw_unseal_options *handle,
                                          const char *key,
                                          size_t key_len,
                                          const char *value,
                                          size_t value_len,
                                          slw_error **error_out);

/**
 * The file must be signed by this key, or by another that is added.
 */
slw_status slw_unseal_options_add_signer(slw_unseal_options *handle,
                                         const slw_public_key *key,
                                         slw_error **error_out);

/**
 * The file must be signed by the key to which it is sealed: a workspace.
 */
slw_status slw_unseal_options_set_signed_by_recipient(slw_unseal_options *handle, slw_error **error_out);

/**
 * Nobody signed the file, and whoever knows the recipient's public key may have made it; a signed one is refused.
 */
slw_status slw_unseal_options_set_unsigned(slw_unseal_options *handle,
                                           slw_error **error_out);

/**
 * Frees options. What was made with them lives on.
 */
void slw_unseal_options_free(slw_unseal_options *handle);

/**
 * An unsealer for one sealed file.
 */
slw_status slw_unsealer_new(const slw_unseal_options *options,
                            slw_unsealer **unsealer_out,
                            slw_error **error_out);

/**
 * Takes input and writes output, as far as either goes.
 *
 * The input is sealed, the output plaintext of which each chunk is verified; that it is whole, only a finish says.
 * Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before
 * that: call again with what is left of the input and with room.
 */
slw_status slw_unsealer_update(slw_unsealer *handle,
                               const uint8_t *input,
                               size_t input_len,
                               size_t *consumed_out,
                               uint8_t *out,
                               size_t out_capacity,
                               size_t *written_out,
                               slw_error **error_out);

/**
 * Ends the stream: call it until it answers SLW_OK. Only then is the output whole.
 */
slw_status slw_unsealer_finish(slw_unsealer *handle,
                               uint8_t *out,
                               size_t out_capacity,
                               size_t *written_out,
                               slw_error **error_out);

/**
 * The room with which an update of so many bytes never answers SLW_MORE_OUTPUT; with 0, a finish.
 */
size_t slw_unsealer_bound(const slw_unsealer *handle, size_t input_len);

/**
 * Frees it and wipes what it holds; before the finish, the stream stays unfinished.
 */
void slw_unsealer_free(slw_unsealer *handle);

/**
 * Unseals a file into another, which appears when all of it was verified, or not at all. plain_len_out, which may be NULL,
 * gets its length.
 */
slw_status slw_unseal_file(const slw_unseal_options *options,
                           const char *source,
                           size_t source_len,
                           const char *target,
                           size_t target_len,
                           uint64_t *plain_len_out,
                           slw_error **error_out);

/**
 * Exactly range_len bytes of plaintext from offset on, out of a sealed file of any length: the head, the last chunk and what
 * the range touches are read and verified. A range past the end is SLW_ERR_RANGE, never a short read.
 */
slw_status slw_unseal_range(const slw_unseal_options *options,
                            const char *source,
                            size_t source_len,
                            uint64_t offset,
                            size_t range_len,
                            uint8_t *out,
                            size_t out_capacity,
                            size_t *written_out,
                            slw_error **error_out);

/**
 * Reads the header at the beginning of sealed bytes. Nothing is verified.
 */
slw_status slw_inspect(const uint8_t *sealed,
                       size_t sealed_len,
                       slw_header **header_out,
                       slw_error **error_out);

/**
 * The kid of the key that it is sealed to.
 */
const char *slw_header_recipient(const slw_header *handle, size_t *len_out);

/**
 * The kid of the key that it claims to be signed by; NULL when nobody signed it.
 */
const char *slw_header_signer(const slw_header *handle, size_t *len_out);

/**
 * What it claims to be for: a JSON object of texts.
 */
const char *slw_header_context(const slw_header *handle, size_t *len_out);

/**
 * Frees a header.
 */
void slw_header_free(slw_header *handle);

/**
 * Encrypts one message under a random key of 32 bytes, for a context of any bytes (c2sp.org/chunked-encryption).
 */
slw_status slw_cobblestone_encryptor_new(const uint8_t *key,
                                         size_t key_len,
                                         const uint8_t *context,
                                         size_t context_len,
                                         slw_cobblestone_encryptor **encryptor_out,
                                         slw_error **error_out);

/**
 * Takes input and writes output, as far as either goes.
 *
 * The input is plaintext, the output ciphertext.
 * Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before
 * that: call again with what is left of the input and with room.
 */
slw_status slw_cobblestone_encryptor_update(slw_cobblestone_encryptor *handle,
                                            const uint8_t *input,
                                            size_t input_len,
                                            size_t *consumed_out,
                                            uint8_t *out,
                                            size_t out_capacity,
                                            size_t *written_out,
                                            slw_error **error_out);

/**
 * Ends the stream: call it until it answers SLW_OK. Only then is the output whole.
 */
slw_status slw_cobblestone_encryptor_finish(slw_cobblestone_encryptor *handle,
                                            uint8_t *out,
                                            size_t out_capacity,
                                            size_t *written_out,
                                            slw_error **error_out);

/**
 * The room with which an update of so many bytes never answers SLW_MORE_OUTPUT; with 0, a finish.
 */
size_t slw_cobblestone_encryptor_bound(const slw_cobblestone_encryptor *handle, size_t input_len);

/**
 * Frees it and wipes what it holds; before the finish, the stream stays unfinished.
 */
void slw_cobblestone_encryptor_free(slw_cobblestone_encryptor *handle);

/**
 * Decrypts one message under its key, for its context.
 */
slw_status slw_cobblestone_decryptor_new(const uint8_t *key,
                                         size_t key_len,
                                         const uint8_t *context,
                                         size_t context_len,
                                         slw_cobblestone_decryptor **decryptor_out,
                                         slw_error **error_out);

/**
 * Takes input and writes output, as far as either goes.
 *
 * The input is ciphertext, the output plaintext of which each chunk is verified; that it is whole, only a finish says.
 * Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before
 * that: call again with what is left of the input and with room.
 */
slw_status slw_cobblestone_decryptor_update(slw_cobblestone_decryptor *handle,
                                            const uint8_t *input,
                                            size_t input_len,
                                            size_t *consumed_out,
                                            uint8_t *out,
                                            size_t out_capacity,
                                            size_t *written_out,
                                            slw_error **error_out);

/**
 * Ends the stream: call it until it answers SLW_OK. Only then is the output whole.
 */
slw_status slw_cobblestone_decryptor_finish(slw_cobblestone_decryptor *handle,
                                            uint8_t *out,
                                            size_t out_capacity,
                                            size_t *written_out,
                                            slw_error **error_out);

/**
 * The room with which an update of so many bytes never answers SLW_MORE_OUTPUT; with 0, a finish.
 */
size_t slw_cobblestone_decryptor_bound(const slw_cobblestone_decryptor *handle, size_t input_len);

/**
 * Frees it and wipes what it holds; before the finish, the stream stays unfinished.
 */
void slw_cobblestone_decryptor_free(slw_cobblestone_decryptor *handle);

/**
 * Length of the ciphertext of plain_len bytes; 0 from 4 PiB on.
 */
uint64_t slw_cobblestone_sealed_len(uint64_t plain_len);

/**
 * Length of the plaintext of a ciphertext of sealed_len bytes; UINT64_MAX when no ciphertext has that length.
 */
uint64_t slw_cobblestone_plain_len(uint64_t sealed_len);

/**
 * A masker for one stream, with no secrets.
 */
slw_status slw_masker_new(slw_masker **masker_out, slw_error **error_out);

/**
 * A masker for another stream under the same secrets: one that is added to either of them holds for both. Threads that mask
 * or add at the same time have one each.
 */
slw_status slw_masker_sibling(slw_masker *handle,
                              slw_masker **masker_out,
                              slw_error **error_out);

/**
 * In which spellings values are looked for: SLW_FORM_ bits; all by default. Before the first secret and byte.
 */
slw_status slw_masker_set_forms(slw_masker *handle, uint32_t forms, slw_error **error_out);

/**
 * Whether control sequences, carriage returns and NUL inside of a value do not hide it; yes by default. Before the first
 * secret and byte.
 */
slw_status slw_masker_set_terminal(slw_masker *handle,
                                   bool on,
                                   slw_error **error_out);

/**
 * Whether well-known secrets (keys and tokens of AWS, Azure, GitHub, Slack, JWTs, private keys) are masked unnamed; no by
 * default. Before the first secret and byte.
 */
slw_status slw_masker_set_well_known(slw_masker *handle,
                                     bool on,
                                     slw_error **error_out);

/**
 * Whether ::add-mask lines in the stream add secrets; no by default. Before the first secret and byte.
 */
slw_status slw_masker_set_commands(slw_masker *handle, bool on, slw_error **error_out);

/**
 * Masks this value from now on, in what is held already too.
 *
 * SLW_SECRET_BLANK, SLW_SECRET_TOO_SHORT and SLW_SECRET_COMMON_WORD say why a value is not masked. After SLW_ERR_MASK nothing
 * that may hold the value may be shown.
 */
slw_status slw_masker_add_secret(slw_masker *handle,
                                 const uint8_t *secret,
                                 size_t secret_len,
                                 slw_error **error_out);

/**
 * Takes the next bytes of the stream and writes what is certain by now.
 *
 * Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before that: call again with
 * what is left of the input and with room.
 */
slw_status slw_masker_push(slw_masker *handle,
                           const uint8_t *input,
                           size_t input_len,
                           size_t *consumed_out,
                           uint8_t *out,
                           size_t out_capacity,
                           size_t *written_out,
                           slw_error **error_out);

/**
 * Writes what is certain and was not taken yet. A byte that may still become a part of a secret stays held.
 */
slw_status slw_masker_flush(slw_masker *handle,
                            uint8_t *out,
                            size_t out_capacity,
                            size_t *written_out,
                            slw_error **error_out);

/**
 * Ends the stream: writes what is held, with the beginning of a secret masked if it has 8 bytes or more. Call it until it
 * answers SLW_OK.
 */
slw_status slw_masker_finish(slw_masker *handle,
                             uint8_t *out,
                             size_t out_capacity,
                             size_t *written_out,
                             slw_error **error_out);

/**
 * The room with which a push of so many bytes never answers SLW_MORE_OUTPUT; with 0, a finish.
 */
size_t slw_masker_bound(const slw_masker *handle, size_t input_len);

/**
 * How many bytes are held because they may still become a part of a secret.
 */
size_t slw_masker_held(const slw_masker *handle);

/**
 * What an ::add-mask line asked for and could not get, oldest first, for people; SLW_WOULD_BLOCK when there is none.
 *
 * When the buffer is too small nothing is taken, the answer is SLW_MORE_OUTPUT, and written_out says how much it takes.
 */
slw_status slw_masker_take_notice(slw_masker *handle,
                                  uint8_t *out,
                                  size_t out_capacity,
                                  size_t *written_out,
                                  slw_error **error_out);

/**
 * Frees a masker. What it still holds is lost.
 */
void slw_masker_free(slw_masker *handle);

/**
 * Takes a run initialization policy from its text in Rego, and finds all of its mistakes at once.
 */
slw_status slw_policy_load(const char *rego, size_t rego_len, slw_policy **policy_out, slw_error **error_out);

/**
 * Likewise from a file, which is read once.
 */
slw_status slw_policy_load_file(const char *path,
                                size_t path_len,
                                slw_policy **policy_out,
                                slw_error **error_out);

/**
 * Judges a run by a document in JSON, within time_limit_ms (0: 5 seconds).
 *
 * An evaluation that fails is SLW_ERR_POLICY_EVALUATION with no decision, and slw_decision_allowed(NULL) is false: whoever
 * forgets to look denies. Blocks; several threads may evaluate one policy.
 */
slw_status slw_policy_evaluate(const slw_policy *handle,
                               const char *input_json,
                               size_t input_json_len,
                               uint32_t time_limit_ms,
                               slw_decision **decision_out,
                               slw_error **error_out);

/**
 * Frees a policy.
 */
void slw_policy_free(slw_policy *handle);

/**
 * Whether the run may start; false for NULL.
 */
bool slw_decision_allowed(const slw_decision *handle);

/**
 * Whether the policy asks for its input and its results to be logged.
 */
bool slw_decision_sampled(const slw_decision *handle);

/**
 * How many reasons stand against the run: 0 exactly when it may start.
 */
size_t slw_decision_reason_count(const slw_decision *handle);

/**
 * A reason, from 0 on, sorted; NULL from the count on.
 */
const char *slw_decision_reason(const slw_decision *handle, size_t index, size_t *len_out);

/**
 * How many functions of the policy could not work on what they were given.
 */
size_t slw_decision_warning_count(const slw_decision *handle);

/**
 * Such a function with the reason, from 0 on; NULL from the count on.
 */
const char *slw_decision_warning(const slw_decision *handle, size_t index, size_t *len_out);

/**
 * The decision as a JSON object: allowed, sampled, reasons, warnings.
 */
const char *slw_decision_json(const slw_decision *handle, size_t *len_out);

/**
 * Frees a decision.
 */
void slw_decision_free(slw_decision *handle);

/**
 * A configuration without variables.
 */
slw_status slw_config_new(slw_config **config_out, slw_error **error_out);

/**
 * Sets one of the documented variables, such as SPACELIFT_TOKEN, or another one that runs may be given.
 */
slw_status slw_config_set(const slw_config *handle,
                          const char *name,
                          size_t name_len,
                          const char *value,
                          size_t value_len,
                          slw_error **error_out);

/**
 * Sets every variable of this process's environment. Nothing else reads it.
 */
slw_status slw_config_set_from_environment(const slw_config *handle, slw_error **error_out);

/**
 * Says everything that is wrong with the variables at once: SLW_ERR_CONFIG, with all problems in the details.
 */
slw_status slw_config_check(const slw_config *handle, slw_error **error_out);

/**
 * How many variables the last check found odd and not wrong.
 */
size_t slw_config_warning_count(const slw_config *handle);

/**
 * Such a warning, from 0 on, until the next check; NULL from the count on.
 */
const char *slw_config_warning(const slw_config *handle, size_t index, size_t *len_out);

/**
 * Frees a configuration and wipes its values.
 */
void slw_config_free(slw_config *handle);

/**
 * Reads a duration as Go writes it, such as "1h30m", into nanoseconds.
 */
slw_status slw_parse_duration(const char *text, size_t text_len, int64_t *nanos_out, slw_error **error_out);

/**
 * Looks at everything that a worker of this configuration needs; with probe, tries the endpoints, too. Blocks meanwhile.
 * What is missing is a result and not an error.
 */
slw_status slw_preflight_run(const slw_config *config,
                             bool probe,
                             slw_preflight **preflight_out,
                             slw_error **error_out);

/**
 * Whether nothing failed.
 */
bool slw_preflight_passed(const slw_preflight *handle);

/**
 * The documented exit code: 0, 1 for the machine, 2 for the configuration, 3 for the network.
 */
int32_t slw_preflight_exit_code(const slw_preflight *handle);

/**
 * What was looked at, as a table for people.
 */
const char *slw_preflight_table(const slw_preflight *handle, size_t *len_out);

/**
 * What was looked at, as a JSON object: "checks" with area, what, verdict and detail.
 */
const char *slw_preflight_json(const slw_preflight *handle, size_t *len_out);

/**
 * Frees what was found.
 */
void slw_preflight_free(slw_preflight *handle);

/**
 * Starts threads for sessions: worker_threads of them, 0 for one, which serves many sessions.
 */
slw_status slw_runtime_new(uint32_t worker_threads, slw_runtime **runtime_out, slw_error **error_out);

/**
 * Ends the sessions of a runtime at once, and waits up to timeout_ms for what its threads still do.
 */
slw_status slw_runtime_shutdown(const slw_runtime *handle, uint32_t timeout_ms, slw_error **error_out);

/**
 * Frees a runtime; its threads go with its last session, without anybody waiting for them. Callback-safe.
 */
void slw_runtime_free(slw_runtime *handle);

/**
 * Sets up a worker of this configuration, and connects to nothing. Everything that is wrong is said at once: SLW_ERR_CONFIG,
 * with all problems in the details.
 */
slw_status slw_launcher_new(const slw_config *config,
                            slw_launcher **launcher_out,
                            slw_error **error_out);

/**
 * Sets up count workers of this configuration for one process: they share the key, the certificate, the policy and the masks,
 * and each has an identity, a connection and runs of its own. launchers_out has room for count handles.
 */
slw_status slw_launcher_new_many(const slw_config *config,
                                 size_t count,
                                 slw_launcher **launchers_out,
                                 slw_error **error_out);

/**
 * Runs a worker until SIGTERM or SIGINT, a cycle of its pool, or something that cannot be mended; exit_code_out gets the
 * documented exit code. Its log goes to standard error as JSON lines.
 *
 * This function alone listens to signals: the first one drains, a second one stops the run in hand, a third one kills it. A
 * program calls it once, at the end of its main. Sessions are for everything else.
 */
slw_status slw_launcher_run(const slw_launcher *handle,
                            int32_t *exit_code_out,
                            slw_error **error_out);

/**
 * Frees a launcher that was not started; what was started lives on.
 */
void slw_launcher_free(slw_launcher *handle);

/**
 * Keeps the pool's key out of reach of the runs: no core file, no reading of this process's memory. For the whole process,
 * and therefore for its main to call.
 */
slw_status slw_protect_process(slw_error **error_out);

/**
 * Evaluates a policy, if the arguments of main say that this process was started for that. Then asked_out is true, and main
 * returns exit_code_out at once.
 *
 * A program calls it first of all in its main: its launchers then evaluate run initialization policies in processes of their own.
 */
slw_status slw_main_if_asked(int32_t argument_count,
                             const char *const *arguments,
                             bool *asked_out,
                             int32_t *exit_code_out,
                             slw_error **error_out);

/**
 * Options of a session: every run is taken, the launcher runs the steps, nothing is logged.
 */
slw_status slw_session_options_new(slw_session_options **options_out, slw_error **error_out);

/**
 * Whether each offered run is an event to which the host says yes or no, within 30 seconds.
 */
slw_status slw_session_options_set_ask(const slw_session_options *handle, bool on, slw_error **error_out);

/**
 * Whether the host runs the steps: each is an event, and the host says what it prints and how it ends.
 */
slw_status slw_session_options_set_host_steps(const slw_session_options *handle,
                                              bool on,
                                              slw_error **error_out);

/**
 * Whether lines of run logs are events, too.
 */
slw_status slw_session_options_set_lines(const slw_session_options *handle, bool on, slw_error **error_out);

/**
 * How many events wait before those are dropped that nobody has to answer; 1,024 by default.
 */
slw_status slw_session_options_set_capacity(const slw_session_options *handle,
                                            size_t events,
                                            slw_error **error_out);

/**
 * A log of the session's own, as JSON lines with every secret masked: those of a SLW_LOG_ level and above. Only for a session
 * with threads of its own. drop_fn(user_data) is called when the session or, without one, the options are freed.
 */
slw_status slw_session_options_set_log(const slw_session_options *handle,
                                       int32_t level,
                                       slw_log_fn log,
                                       void *user_data,
                                       slw_drop_fn drop_fn,
                                       slw_error **error_out);

/**
 * Frees options. Sessions that were started with them live on.
 */
void slw_session_options_free(slw_session_options *handle);

/**
 * Starts a worker, which takes the launcher's place: a launcher is started once. Without a runtime (NULL) the session gets a
 * thread of its own; without options (NULL) they are the default ones.
 */
slw_status slw_session_start(slw_launcher *launcher,
                             const slw_runtime *runtime,
                             const slw_session_options *options,
                             slw_session **session_out,
                             slw_error **error_out);

/**
 * Takes the next event. timeout_ms: 0 does not wait (SLW_WOULD_BLOCK when there is none), a positive one waits so long
 * (SLW_TIMED_OUT), a negative one for ever. SLW_CLOSED when the last event was taken. Several threads may wait.
 */
slw_status slw_session_next_event(const slw_session *handle,
                                  int32_t timeout_ms,
                                  slw_event **event_out,
                                  slw_error **error_out);

/**
 * A descriptor for poll, epoll or select: readable while events wait, and for ever once the worker has ended. Never read from
 * it, never close it; it lives as long as the session. -1 for a handle that is none.
 */
ptrdiff_t slw_session_wake_handle(const slw_session *handle);

/**
 * Calls wake(user_data) when events begin to wait, in place of what was set before; NULL takes it back. When events wait
 * already it is called at once, from inside of this function.
 *
 * The callback may call slw_session_free and slw_runtime_free, and nothing else of this library.
 */
slw_status slw_session_set_wake(const slw_session *handle,
                                slw_wake_fn wake,
                                void *user_data,
                                slw_drop_fn drop_fn,
                                slw_error **error_out);

/**
 * Takes the run that was offered. lease is the field of the event. Ends in an event, as all commands do: operation_out, which
 * may be NULL, gets the id that is in it.
 */
slw_status slw_session_accept(const slw_session *handle,
                              const char *lease,
                              size_t lease_len,
                              uint64_t *operation_out,
                              slw_error **error_out);

/**
 * Refuses it. reason is one of busy, cannot_open, drained, expired, malformed, policy_denied, stale, unknown_type,
 * unsupported, other; note is for people, may be empty, and goes to the control plane masked.
 */
slw_status slw_session_refuse(const slw_session *handle,
                              const char *lease,
                              size_t lease_len,
                              const char *reason,
                              size_t reason_len,
                              const char *note,
                              size_t note_len,
                              uint64_t *operation_out,
                              slw_error **error_out);

/**
 * What a step of the host printed. SLW_WOULD_BLOCK when 1 MiB waits: nothing was taken, say it again after
 * SLW_EVENT_STEP_READY.
 */
slw_status slw_session_step_output(const slw_session *handle,
                                   uint64_t step,
                                   const uint8_t *bytes,
                                   size_t bytes_len,
                                   slw_error **error_out);

/**
 * How a step of the host ended: with an exit code, or by a signal where that is not 0.
 */
slw_status slw_session_step_exited(const slw_session *handle,
                                   uint64_t step,
                                   int32_t exit_code,
                                   int32_t signal,
                                   slw_error **error_out);

/**
 * Takes no new work, finishes what is in hand, ends.
 */
slw_status slw_session_drain(const slw_session *handle, uint64_t *operation_out, slw_error **error_out);

/**
 * As slw_session_drain, and asks the run in hand to end.
 */
slw_status slw_session_stop_run(const slw_session *handle, uint64_t *operation_out, slw_error **error_out);

/**
 * As slw_session_drain, and ends the run in hand at once.
 */
slw_status slw_session_kill_run(const slw_session *handle, uint64_t *operation_out, slw_error **error_out);

/**
 * Takes a command back: SLW_OK when that came in time, SLW_TIMED_OUT when not. Its end is an event all the same.
 */
slw_status slw_session_cancel(const slw_session *handle,
                              uint64_t operation,
                              slw_error **error_out);

/**
 * Ends the worker: takes no new work, kills what is in hand after grace_ms, says goodbye, and waits for that up to eight
 * seconds longer. From any thread, again too. Whoever waits for events gets what is left of them, then SLW_CLOSED.
 */
slw_status slw_session_close(const slw_session *handle,
                             uint32_t grace_ms,
                             slw_error **error_out);

/**
 * Frees a session. A worker that was not closed ends at once, with its run. Callback-safe.
 */
void slw_session_free(slw_session *handle);

/**
 * Of which kind it is: a SLW_EVENT_ number; 0 for NULL. Kinds may be added: pass over those that you do not know.
 */
int32_t slw_event_kind(const slw_event *handle);

/**
 * The id of the command whose end this is; 0 where it is none.
 */
uint64_t slw_event_operation(const slw_event *handle);

/**
 * SLW_OK, or SLW_ERR_SESSION for a command that failed.
 */
slw_status slw_event_status(const slw_event *handle);

/**
 * The event as a JSON object, with the name of its kind in "event". That of a step is a secret.
 */
const char *slw_event_json(const slw_event *handle, size_t *len_out);

/**
 * A field that is a text, or JSON where it is an object; NULL where it is none.
 */
const char *slw_event_text(const slw_event *handle, const char *name, size_t name_len, size_t *len_out);

/**
 * A field that is a number, or a truth as 0 or 1; -1 where it is neither.
 */
int64_t slw_event_number(const slw_event *handle, const char *name, size_t name_len);

/**
 * How many texts stand in a field that is a list: argv, and env as NAME=value.
 */
size_t slw_event_list_count(const slw_event *handle, const char *name, size_t name_len);

/**
 * Such a text, from 0 on; NULL from the count on.
 */
const char *slw_event_list_item(const slw_event *handle,
                                const char *name,
                                size_t name_len,
                                size_t index,
                                size_t *len_out);

/**
 * Frees an event. Callback-safe.
 */
void slw_event_free(slw_event *handle);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SPACELIFT_WORKER_H */
