// Spells standard input as Go programs do: spell HOW
package main

import (
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

func main() {
	bytes, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	text := string(bytes)
	switch os.Args[1] {
	case "json.Marshal":
		out, err := json.Marshal(text)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s", out)
	case "%q":
		fmt.Printf("%q", text)
	case "%+q":
		fmt.Printf("%+q", text)
	case "%x":
		fmt.Printf("%x", text)
	case "%X":
		fmt.Printf("%X", text)
	case "hex.EncodeToString":
		fmt.Print(hex.EncodeToString(bytes))
	case "url.QueryEscape":
		fmt.Print(url.QueryEscape(text))
	case "url.PathEscape":
		fmt.Print(url.PathEscape(text))
	case "url.UserPassword":
		fmt.Print(strings.TrimPrefix(url.UserPassword("", text).String(), ":"))
	case "xml.EscapeText":
		if err := xml.EscapeText(os.Stdout, bytes); err != nil {
			panic(err)
		}
	case "html.EscapeString":
		fmt.Print(html.EscapeString(text))
	case "hclwrite":
		fmt.Printf("%s", hclwrite.TokensForValue(cty.StringVal(text)).Bytes())
	default:
		panic("no such spelling: " + os.Args[1])
	}
}
