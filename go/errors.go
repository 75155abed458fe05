package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import (
	"encoding/json"
	"strings"
)

// Status is what the library says of a call: 0 is success, a positive one is not an error, a negative one is.
type Status int32

// String is the name of the status in the C header, such as "SLW_ERR_UNSEAL".
func (s Status) String() string { return C.GoString(C.slw_status_name(C.slw_status(s))) }

// Error is an error of the library. No secret is in it.
type Error struct {
	// Status tells what kind of error it is.
	Status Status
	// Code is the fault where there are several of one kind, such as "damaged" of sealed bytes; empty otherwise.
	Code string
	// Message says what went wrong, for people.
	Message string
	// Causes are below the message, each the cause of the one before.
	Causes []string
	// Retryable says whether the same call may go well later.
	Retryable bool
	// Details are for programs: a JSON object.
	Details json.RawMessage
}

// Error is the message with its causes.
func (e *Error) Error() string {
	return strings.Join(append([]string{e.Message}, e.Causes...), ": ")
}

// Is compares by status, so that errors.Is(err, ErrUnseal) holds for every fault of sealed bytes.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Status == e.Status && (other.Code == "" || other.Code == e.Code)
}

// Problem is one of several things that are wrong with a policy or a configuration.
type Problem struct {
	// Line and Column stand in a policy, from 1; 0 in a configuration.
	Line, Column int
	// Code is the kind of a policy's problem.
	Code string
	// Variable is the one of a configuration.
	Variable string
	// Message says what is wrong, and Remedy what to do where that is not in it.
	Message, Remedy string
}

// Problems lists everything that is wrong, for ErrPolicy and ErrConfig.
func (e *Error) Problems() []Problem {
	var details struct{ Problems []Problem }
	if json.Unmarshal(e.Details, &details) != nil {
		return nil
	}
	return details.Problems
}

func kind(status C.slw_status) *Error {
	return &Error{Status: Status(status), Message: Status(status).String()}
}

// What errors of the library are, for errors.Is.
var (
	ErrInvalidArgument  error = kind(C.SLW_ERR_INVALID_ARGUMENT)
	ErrPoisoned         error = kind(C.SLW_ERR_POISONED)
	ErrPanic            error = kind(C.SLW_ERR_PANIC)
	ErrForked           error = kind(C.SLW_ERR_FORKED)
	ErrNotUTF8          error = kind(C.SLW_ERR_NOT_UTF8)
	ErrState            error = kind(C.SLW_ERR_STATE)
	ErrToken            error = kind(C.SLW_ERR_TOKEN)
	ErrKey              error = kind(C.SLW_ERR_KEY)
	ErrSeal             error = kind(C.SLW_ERR_SEAL)
	ErrUnseal           error = kind(C.SLW_ERR_UNSEAL)
	ErrContext          error = kind(C.SLW_ERR_CONTEXT)
	ErrRange            error = kind(C.SLW_ERR_RANGE)
	ErrMask             error = kind(C.SLW_ERR_MASK)
	ErrPolicy           error = kind(C.SLW_ERR_POLICY)
	ErrPolicyEvaluation error = kind(C.SLW_ERR_POLICY_EVALUATION)
	ErrConfig           error = kind(C.SLW_ERR_CONFIG)
	ErrIO               error = kind(C.SLW_ERR_IO)
	ErrSession          error = kind(C.SLW_ERR_SESSION)
	ErrDuration         error = kind(C.SLW_ERR_DURATION)
	// Why a value is not masked.
	ErrSecretBlank      error = kind(C.SLW_SECRET_BLANK)
	ErrSecretTooShort   error = kind(C.SLW_SECRET_TOO_SHORT)
	ErrSecretCommonWord error = kind(C.SLW_SECRET_COMMON_WORD)
)

// failure turns a negative status and the error that came with it into an error, and frees that. It gets the place of the
// error, since in failure(call(&err), err) Go may read err before it calls.
func failure(status C.slw_status, place **C.slw_error) error {
	if status >= 0 {
		return nil
	}
	if place == nil || *place == nil {
		return kind(status)
	}
	err := *place
	*place = nil
	defer C.slw_error_free(err)
	var length C.size_t
	failed := &Error{
		Status:    Status(status),
		Message:   text(C.slw_error_message(err, &length), length),
		Retryable: bool(C.slw_error_is_retryable(err)),
	}
	for i := range C.slw_error_cause_count(err) {
		failed.Causes = append(failed.Causes, text(C.slw_error_cause(err, i, &length), length))
	}
	failed.Details = json.RawMessage(text(C.slw_error_details(err, &length), length))
	var details struct{ Code string }
	if json.Unmarshal(failed.Details, &details) == nil {
		failed.Code = details.Code
	}
	return failed
}
