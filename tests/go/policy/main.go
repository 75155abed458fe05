// Command policy-oracle judges run initialization policies with Open Policy Agent. The tests compare its decisions with
// those of the worker; nothing of it is part of the product.
//
// It reads one JSON object a line from standard input and answers with one a line on standard output:
//
//	{"load": {"name": "p.rego", "text": "…"}}      -> {"version": "v0"|"v1"} or {"refused": "…"}
//	{"decide": {"input": {…}, "now_unix_ns": 1}}   -> {"deny": ["…"], "sample": false} or {"failed": "…"}
//	{"measure": {"input": "…", "times": 1000}}     -> {"nanoseconds": […]}
//	{"signatures": {}}                             -> {"text": "…"}
//	{"about": {}}                                  -> {"opa": "1.2.3", "go": "go1.2.3"}
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

type request struct {
	About   *struct{}       `json:"about"`
	Load    *loadRequest    `json:"load"`
	Decide  *decideRequest  `json:"decide"`
	Measure *measureRequest `json:"measure"`
	// What functions take and give, for the worker's own checks.
	Signatures *struct{} `json:"signatures"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	answer := json.NewEncoder(out)
	answer.SetEscapeHTML(false)
	var judge *judge
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var request request
		if err := json.Unmarshal(line, &request); err != nil {
			fmt.Fprintln(os.Stderr, "policy-oracle: this is no request:", err)
			os.Exit(1)
		}
		var reply any
		switch {
		case request.About != nil:
			reply = about()
		case request.Signatures != nil:
			reply = describe()
		case request.Load != nil:
			judge, reply = load(request.Load)
		case judge == nil:
			reply = decision{Failed: "no policy is loaded"}
		case request.Decide != nil:
			reply = judge.decide(request.Decide)
		case request.Measure != nil:
			reply = judge.measure(request.Measure)
		}
		if err := answer.Encode(reply); err != nil {
			return
		}
		// The other side waits for each answer.
		if err := out.Flush(); err != nil {
			return
		}
	}
}
