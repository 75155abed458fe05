package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import (
	"encoding/json"
	"os"
	"strings"
	"time"
)

// Config is the documented variables of a launcher, such as SPACELIFT_TOKEN, and others that runs may be given.
type Config map[string]string

// ConfigFromEnv is this process's environment.
func ConfigFromEnv() Config {
	config := Config{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		config[name] = value
	}
	return config
}

func (c Config) with(call func(*C.slw_config) error) error {
	var config *C.slw_config
	var cerr *C.slw_error
	if err := failure(C.slw_config_new(&config, &cerr), &cerr); err != nil {
		return err
	}
	defer C.slw_config_free(config)
	for name, value := range c {
		n, nn := chars(name)
		v, vn := chars(value)
		if err := failure(C.slw_config_set(config, n, nn, v, vn, &cerr), &cerr); err != nil {
			return err
		}
	}
	return call(config)
}

// Check says everything that is wrong with the variables at once, in the Problems of the error, and what is merely odd.
func (c Config) Check() (warnings []string, err error) {
	err = c.with(func(config *C.slw_config) error {
		var cerr *C.slw_error
		checked := failure(C.slw_config_check(config, &cerr), &cerr)
		for i := range C.slw_config_warning_count(config) {
			warnings = append(warnings, C.GoString(C.slw_config_warning(config, i, nil)))
		}
		return checked
	})
	return warnings, err
}

// Check is one thing that a worker needs.
type Check struct {
	// Area is configuration, machine or network.
	Area string
	// What was looked at.
	What string
	// Verdict is passed, warned, failed or untried.
	Verdict string
	// Detail is what was found, or what to do.
	Detail string
}

// Preflight is what a worker needs, and whether it is there. Shown, it is a table.
type Preflight struct {
	Checks []Check
	// Passed: nothing failed.
	Passed bool
	// ExitCode is the documented one.
	ExitCode int
	table    string
}

// String is a table for people.
func (p *Preflight) String() string { return p.table }

// RunPreflight looks at everything that a worker of this configuration needs; with probe, it tries the endpoints, too.
func (c Config) RunPreflight(probe bool) (*Preflight, error) {
	preflight := &Preflight{}
	err := c.with(func(config *C.slw_config) error {
		var found *C.slw_preflight
		var cerr *C.slw_error
		if err := failure(C.slw_preflight_run(config, C.bool(probe), &found, &cerr), &cerr); err != nil {
			return err
		}
		defer C.slw_preflight_free(found)
		preflight.Passed = bool(C.slw_preflight_passed(found))
		preflight.ExitCode = int(C.slw_preflight_exit_code(found))
		preflight.table = C.GoString(C.slw_preflight_table(found, nil))
		return json.Unmarshal([]byte(C.GoString(C.slw_preflight_json(found, nil))), preflight)
	})
	if err != nil {
		return nil, err
	}
	return preflight, nil
}

// ParseDuration reads a duration as the configuration does, which is as time.ParseDuration does.
func ParseDuration(s string) (time.Duration, error) {
	var nanos C.int64_t
	var cerr *C.slw_error
	p, n := chars(s)
	err := failure(C.slw_parse_duration(p, n, &nanos, &cerr), &cerr)
	return time.Duration(nanos), err
}
