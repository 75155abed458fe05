package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/types"
)

// The functions that Spacelift adds, written anew from their documentation.
func init() {
	rego.RegisterBuiltin1(
		&rego.Function{Name: "sanitized", Decl: types.NewFunction(types.Args(types.S), types.S)},
		func(_ rego.BuiltinContext, value *ast.Term) (*ast.Term, error) {
			text, ok := value.Value.(ast.String)
			if !ok {
				return nil, topdown.Halt{Err: errors.New("`sanitized` expects a string")}
			}
			digest := sha256.Sum256([]byte(text))
			digits := hex.EncodeToString(digest[:])
			return ast.StringTerm(digits[len(digits)-8:]), nil
		},
	)
	rego.RegisterBuiltin1(
		&rego.Function{Name: "exec", Decl: types.NewFunction(types.Args(types.NewArray(nil, types.S)), types.A)},
		func(_ rego.BuiltinContext, value *ast.Term) (*ast.Term, error) {
			var argv []string
			if err := ast.As(value.Value, &argv); err != nil || len(argv) == 0 {
				return nil, topdown.Halt{Err: errors.New("`exec` expects an array of strings")}
			}
			return run(argv)
		},
	)
}

// run stands in for programs: what it answers depends on the arguments alone. The tests of the worker have the same.
func run(argv []string) (*ast.Term, error) {
	status, stderr := 0, ""
	switch argv[0] {
	case "/bin/echo":
	case "/bin/false":
		status, stderr = 1, "false"
	default:
		return nil, topdown.Halt{Err: errors.New("`exec` may not run this program")}
	}
	return ast.ObjectTerm(
		ast.Item(ast.StringTerm("status"), ast.IntNumberTerm(status)),
		ast.Item(ast.StringTerm("stdout"), ast.StringTerm(strings.Join(argv[1:], " "))),
		ast.Item(ast.StringTerm("stderr"), ast.StringTerm(stderr)),
	), nil
}
