// Writes the vectors of durations and booleans: go run tests/vectors/environment/main.go > tests/vectors/environment/go.json
//
// What is expected is what time.ParseDuration and strconv.ParseBool say; null stands for what they refuse.
package main

import (
	"encoding/json"
	"os"
	"strconv"
	"time"
)

type duration struct {
	Text  string `json:"text"`
	Nanos *int64 `json:"nanos"`
}

type boolean struct {
	Text  string `json:"text"`
	Value *bool  `json:"value"`
}

var durations = []string{
	"0", "+0", "-0", "0s", "00", "0.0", "0h0m0s", "7m", "70m", "1h30m", "1000s", "1.5h", "+5s", "-5s", "5.s", ".5s", "1.004s",
	"10ns", "11us", "12\u00b5s", "12\u03bcs", "13ms", "-1.5us", "-0.5ns", "0.5ns", "0.999ns", "1.9ns", "3h30m10.5s", "1m1m", "1s1h",
	"39h9m14.425s", "1h1m1s1ms1us1ns", "000000000000000000000000007m", "0.3333333333333333333h", "0.9223372036854775807h",
	"0.9223372036854775808h", "0.922337203685477581h", "0.10000000000000000000000000000000000001s", "9007199254.740993ms",
	"9223372036854775807ns", "-9223372036854775808ns", "-9223372036854775807ns", "9223372036854775.807us",
	"2562047h47m16.854775807s", "-2562047h47m16.854775808s", "2562047h", "0.100000000000000000000h", "0.830103483285477580700h",
	"1.23456789012345678901234567890m", "0.0000000001s", "0.00000000025h", "100000000000000000ns1ns", "5.6s7.8ms", "-.5h", "+.5h",
	"7.m", "1.h1.m",
	"", "-", "+", "s", ".", "-.", ".s", "+.s", "--5s", "-+5s", "3", "1h2", "3.3.s", "1..5s", "7 minutes", "7 m", "7m ", " 7m", "7M", "7S",
	"7MS", "1d", "1w", "7min", "7sec", "1e3s", "0x10s", "1_000s", "1,5h", "1h-30m", "1h+30m", "\uff11s", "7m\n", "7\u00a0m", "\u00b5s",
	"12\u00b5", "12\u03bc", "12\u00b5m", "infs", "NaN", "9223372036854775808ns", "-9223372036854775809ns", "9223372036854775.808us",
	"9223372036854775.8079999us", "2562047h47m16.854775808s", "3000000h", "99999999999999999999s", "18446744073709551616ns",
	"18446744073709551615ns", "18446744073709551617h", "9223372036854775807ns1ns", "-9223372036854775807ns1ns",
	"-9223372036854775808ns1ns", "9223372036854775807.5ns", "0.5h9223372036854775807ns",
}

var booleans = []string{
	"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False",
	"", " ", "tRUE", "TrUe", "fALSE", "yes", "no", "Yes", "No", "on", "off", "y", "n", "2", "-1", "00", "01", "1.0", "true ", " true", "truee",
	"tru", "\uff11", "null", "enabled", "\u0442rue",
}

func main() {
	var out struct {
		Durations []duration `json:"durations"`
		Booleans  []boolean  `json:"booleans"`
	}
	for _, text := range durations {
		one := duration{Text: text}
		if parsed, err := time.ParseDuration(text); err == nil {
			nanos := int64(parsed)
			one.Nanos = &nanos
		}
		out.Durations = append(out.Durations, one)
	}
	for _, text := range booleans {
		one := boolean{Text: text}
		if parsed, err := strconv.ParseBool(text); err == nil {
			one.Value = &parsed
		}
		out.Booleans = append(out.Booleans, one)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(out); err != nil {
		panic(err)
	}
}
