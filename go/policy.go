package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import (
	"context"
	"encoding/json"
	"math"
	"time"
)

// Policy is a run initialization policy that was found valid. Any number of goroutines may evaluate it.
type Policy struct{ h *shared[*C.slw_policy] }

func freePolicy(handle *C.slw_policy) { C.slw_policy_free(handle) }

// LoadPolicy takes a policy from its text in Rego; everything that is wrong with it is in the error's Problems.
func LoadPolicy(rego string) (*Policy, error) {
	var handle *C.slw_policy
	var cerr *C.slw_error
	p, n := chars(rego)
	if err := failure(C.slw_policy_load(p, n, &handle, &cerr), &cerr); err != nil {
		return nil, err
	}
	return &Policy{hold(handle, freePolicy)}, nil
}

// LoadPolicyFile takes it from a file, which is read once.
func LoadPolicyFile(path string) (*Policy, error) {
	var handle *C.slw_policy
	var cerr *C.slw_error
	p, n := chars(path)
	if err := failure(C.slw_policy_load_file(p, n, &handle, &cerr), &cerr); err != nil {
		return nil, err
	}
	return &Policy{hold(handle, freePolicy)}, nil
}

// Decision is what a policy said of a run.
type Decision struct {
	// Allowed: the run may start. It is false in a Decision that nobody made.
	Allowed bool
	// Sampled: the policy asks for its input and its results to be logged.
	Sampled bool
	// Reasons stand against the run; there are none exactly when it may start.
	Reasons []string
	// Warnings are functions that could not work on what they were given.
	Warnings []string
}

// Evaluate judges a run by a document: []byte, string and json.RawMessage are JSON as they are, everything else is
// marshalled. A time that ctx has is the policy's; without one it is 5 seconds. An evaluation that fails is an error, and the
// Decision beside it allows nothing.
func (p *Policy) Evaluate(ctx context.Context, input any) (Decision, error) {
	if err := ctx.Err(); err != nil {
		return Decision{}, err
	}
	var document []byte
	switch input := input.(type) {
	case []byte:
		document = input
	case json.RawMessage:
		document = input
	case string:
		document = []byte(input)
	default:
		marshalled, err := json.Marshal(input)
		if err != nil {
			return Decision{}, err
		}
		document = marshalled
	}
	var limit C.uint32_t
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline).Milliseconds()
		limit = C.uint32_t(min(max(left, 1), math.MaxUint32))
	}
	var decision Decision
	err := p.h.use(func(handle *C.slw_policy) error {
		var made *C.slw_decision
		var cerr *C.slw_error
		text := string(document)
		i, n := chars(text)
		if err := failure(C.slw_policy_evaluate(handle, i, n, limit, &made, &cerr), &cerr); err != nil {
			return err
		}
		defer C.slw_decision_free(made)
		return json.Unmarshal([]byte(C.GoString(C.slw_decision_json(made, nil))), &decision)
	})
	if err != nil {
		return Decision{}, err
	}
	return decision, nil
}

// Close frees the policy.
func (p *Policy) Close() error { return p.h.close() }
