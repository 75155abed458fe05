package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

type signatures struct {
	Text string `json:"text"`
}

// The letter of each kind of value.
var letters = []struct {
	letter string
	kind   types.Type
}{
	{"n", types.NewNull()}, {"b", types.B}, {"u", types.N}, {"s", types.S},
	{"a", types.NewArray(nil, types.A)}, {"o", types.NewObject(nil, types.NewDynamicProperty(types.A, types.A))},
	{"e", types.NewSet(types.A)},
}

// describe writes a line for each function: its name, the kinds of each argument, and the kinds of its result. A number
// behind an array is that of its elements.
func describe() signatures {
	var lines []string
	for _, builtin := range ast.CapabilitiesForThisVersion().Builtins {
		if builtin.Infix != "" || strings.HasPrefix(builtin.Name, "internal.") {
			continue
		}
		words := []string{builtin.Name}
		for _, argument := range builtin.Decl.FuncArgs().Args {
			words = append(words, kinds(argument))
		}
		words = append(words, "->", kinds(builtin.Decl.Result()))
		lines = append(lines, strings.Join(words, " "))
	}
	slices.Sort(lines)
	return signatures{Text: fmt.Sprintf("%s\n", strings.Join(lines, "\n"))}
}

func kinds(of types.Type) string {
	switch of := of.(type) {
	case nil:
		return "-"
	case *types.NamedType:
		return kinds(of.Type)
	case types.Any:
		if len(of) == 0 {
			return "*"
		}
		found := ""
		for _, letter := range letters {
			if slices.ContainsFunc(of, func(one types.Type) bool { return strings.Contains(kinds(one), letter.letter) }) {
				found += letter.letter
			}
		}
		return found
	case *types.Null:
		return "n"
	case types.Boolean, *types.Boolean:
		return "b"
	case types.Number, *types.Number:
		return "u"
	case types.String, *types.String:
		return "s"
	case *types.Array:
		if of.Dynamic() == nil && of.Len() > 0 {
			return fmt.Sprintf("a%d", of.Len())
		}
		return "a"
	case *types.Object:
		return "o"
	case *types.Set:
		return "e"
	default:
		return "*"
	}
}
