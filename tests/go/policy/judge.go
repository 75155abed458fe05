package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

type loadRequest struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

type loaded struct {
	Version string `json:"version,omitempty"`
	Refused string `json:"refused,omitempty"`
}

type decideRequest struct {
	Input json.RawMessage `json:"input"`
	Now   int64           `json:"now_unix_ns"`
}

type decision struct {
	Deny   []string `json:"deny"`
	Sample bool     `json:"sample"`
	Failed string   `json:"failed,omitempty"`
}

type measureRequest struct {
	Input json.RawMessage `json:"input"`
	Times int             `json:"times"`
}

type measured struct {
	Nanoseconds []int64 `json:"nanoseconds"`
}

type versions struct {
	OPA string `json:"opa"`
	Go  string `json:"go"`
}

// A policy that was compiled together with what Spacelift puts beside it.
type judge struct {
	query rego.PreparedEvalQuery
}

// The query asks for two rules, as the worker does; others of the file are evaluated where these need them.
const query = `deny := data.spacelift.deny; samples := [sample | sample := data.spacelift.sample]`

func about() versions {
	found := versions{Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/open-policy-agent/opa" {
				found.OPA = strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return found
}

// load reads a file as Rego v1, and as v0 where it is not that.
func load(request *loadRequest) (*judge, loaded) {
	version, name := ast.RegoV1, "v1"
	module, err := parse(request.Text, version)
	if err != nil {
		version, name = ast.RegoV0, "v0"
		if module, err = parse(request.Text, version); err != nil {
			return nil, loaded{Refused: err.Error()}
		}
	}
	if module.Package.Path.String() != "data.spacelift" {
		return nil, loaded{Refused: "not package spacelift"}
	}
	compiler := compile(module, nil)
	if needed := unsafeAliases(compiler.Errors); len(needed) > 0 {
		compiler = compile(module, needed)
	}
	if compiler.Failed() {
		return nil, loaded{Refused: compiler.Errors.Error()}
	}
	prepared, err := rego.New(rego.Query(query), rego.Compiler(compiler)).PrepareForEval(context.Background())
	if err != nil {
		return nil, loaded{Refused: err.Error()}
	}
	return &judge{query: prepared}, loaded{Version: name}
}

func parse(text string, version ast.RegoVersion) (*ast.Module, error) {
	options := ast.ParserOptions{RegoVersion: version, Capabilities: capabilities()}
	if version == ast.RegoV1 {
		// The documentation's own examples call the deprecated name in Rego v1.
		text = strings.ReplaceAll(text, "re_match(", "regex.match(")
	}
	module, err := ast.ParseModuleWithOpts("policy.rego", text, options)
	if err == nil && module == nil {
		err = errors.New("empty")
	}
	return module, err
}

// compile puts beside a file what Spacelift puts there.
func compile(module *ast.Module, aliases []string) *ast.Compiler {
	text := "package spacelift\ndeny contains \"never\" if { false }\n"
	sampled := slices.ContainsFunc(module.Rules, func(rule *ast.Rule) bool {
		return rule.Head.Ref()[0].Value.Compare(ast.Var("sample")) == 0
	})
	if !sampled {
		text += "default sample := false\n"
	}
	for _, alias := range aliases {
		text += alias + " := " + aliasValues[alias] + "\n"
	}
	prelude := ast.MustParseModuleWithOpts(text, ast.ParserOptions{RegoVersion: ast.RegoV1})
	compiler := ast.NewCompiler().WithCapabilities(capabilities()).SetErrorLimit(0)
	compiler.Compile(map[string]*ast.Module{"policy.rego": module.Copy(), "prelude.rego": prelude})
	return compiler
}

var aliasValues = map[string]string{
	"commit":         "input.run.commit",
	"run":            "input.run",
	"runtime_config": "input.run.runtime_config",
	"stack": `{
		"autodeploy": input.static_run_environment.auto_deploy,
		"branch": input.static_run_environment.commit_branch,
		"id": input.static_run_environment.stack_slug,
		"labels": input.static_run_environment.stack_labels,
		"name": input.static_run_environment.stack_slug,
		"project_root": input.static_run_environment.project_root,
		"repository": input.static_run_environment.repository_path,
	}`,
}

// unsafeAliases are the aliases without which a file does not compile: their names mean nothing else there.
func unsafeAliases(found ast.Errors) []string {
	var names []string
	for name := range aliasValues {
		if strings.Contains(found.Error(), "var "+name+" is unsafe") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// capabilities are what a policy may call: no network, no clock, no chance.
var capabilities = sync.OnceValue(func() *ast.Capabilities {
	capabilities := ast.CapabilitiesForThisVersion()
	withheld := []string{
		"http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "rego.parse_module", "time.now_ns", "trace",
		"uuid.rfc4122",
	}
	kept := capabilities.Builtins[:0]
	for _, builtin := range capabilities.Builtins {
		if slices.Contains(withheld, builtin.Name) || strings.HasPrefix(builtin.Name, "providers.") {
			continue
		}
		kept = append(kept, builtin)
	}
	capabilities.Builtins = kept
	return capabilities
})

func (judge *judge) decide(request *decideRequest) decision {
	value, err := ast.ValueFromReader(bytes.NewReader(request.Input))
	if err != nil {
		return decision{Failed: err.Error()}
	}
	results, err := judge.evaluate(value, time.Unix(0, request.Now))
	if err != nil {
		return decision{Failed: err.Error()}
	}
	return read(results)
}

func (judge *judge) evaluate(input ast.Value, now time.Time) (rego.ResultSet, error) {
	limited, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return judge.query.Eval(limited, rego.EvalParsedInput(input), rego.EvalTime(now))
}

func read(results rego.ResultSet) decision {
	found := decision{Deny: []string{}}
	if len(results) != 1 {
		return decision{Failed: "`deny` has no value"}
	}
	elements, ok := results[0].Bindings["deny"].([]any)
	if !ok {
		return decision{Failed: "`deny` is not a set"}
	}
	for _, element := range elements {
		reason, ok := element.(string)
		if !ok {
			return decision{Failed: "`deny` has an element that is not a string"}
		}
		found.Deny = append(found.Deny, reason)
	}
	slices.Sort(found.Deny)
	samples, _ := results[0].Bindings["samples"].([]any)
	for _, sample := range samples {
		sampled, ok := sample.(bool)
		if !ok {
			return decision{Failed: "`sample` is not a boolean"}
		}
		found.Sample = sampled
	}
	return found
}

// measure decides the same input again and again, from its JSON on.
func (judge *judge) measure(request *measureRequest) measured {
	found := measured{Nanoseconds: make([]int64, 0, request.Times)}
	for range request.Times {
		before := time.Now()
		value, err := ast.ValueFromReader(bytes.NewReader(request.Input))
		if err != nil {
			fmt.Fprintln(os.Stderr, "policy-oracle:", err)
			os.Exit(1)
		}
		results, err := judge.evaluate(value, before)
		if err != nil {
			fmt.Fprintln(os.Stderr, "policy-oracle:", err)
			os.Exit(1)
		}
		read(results)
		found.Nanoseconds = append(found.Nanoseconds, time.Since(before).Nanoseconds())
	}
	return found
}
