package spaceliftworker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

func TestKeysAreMadeWrittenAndNeverShown(t *testing.T) {
	private := must[*PrivateKey](t)(GeneratePrivateKey(2048))
	pem := must[[]byte](t)(private.PEM())
	again := must[*PrivateKey](t)(ParsePrivateKey(pem))
	one, other := must[*PublicKey](t)(private.Public()), must[*PublicKey](t)(again.Public())
	if one.KID() != other.KID() || len(one.KID()) != 43 {
		t.Fatal(one.KID(), other.KID())
	}
	parsed := must[*PublicKey](t)(ParsePublicKey(one.PEM()))
	if parsed.KID() != one.KID() {
		t.Fatal("another key")
	}
	if csr := must[[]byte](t)(private.CSR("workers.spacelift.io")); !bytes.HasPrefix(csr, []byte("-----BEGIN CERTIFICATE REQUEST-----")) {
		t.Fatalf("%s", csr)
	}
	if shown := fmt.Sprintf("%v %+v %#v", private, private, private); strings.Contains(shown, "0x") {
		t.Fatal(shown)
	}
	_, err := GeneratePrivateKey(1024)
	wantError(t, err, ErrKey)
	_ = private.Close()
	_ = private.Close()
	_, err = private.PEM()
	wantError(t, err, os.ErrClosed)
}

func TestATokenThatIsNoneSaysSo(t *testing.T) {
	_, err := ParseToken("not a token")
	wantError(t, err, ErrToken)
}

func TestErrorsAreToldApartByStatusAndCode(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", &Error{Status: ErrUnseal.(*Error).Status, Code: "damaged", Message: "no"})
	if !errors.Is(err, ErrUnseal) || errors.Is(err, ErrSeal) {
		t.Fatal(err)
	}
	if !errors.Is(err, &Error{Status: ErrUnseal.(*Error).Status, Code: "damaged"}) ||
		errors.Is(err, &Error{Status: ErrUnseal.(*Error).Status, Code: "form"}) {
		t.Fatal(err)
	}
	if Status(-13).String() != "SLW_ERR_UNSEAL" || Status(999).String() != "SLW_UNKNOWN" {
		t.Fatal(Status(-13))
	}
}

func TestSecretsAreMaskedHoweverTheyAreCut(t *testing.T) {
	var out bytes.Buffer
	m := must[*MaskWriter](t)(NewMaskWriter(&out, "hunter2", "er2secret"))
	if _, err := io.Copy(m, iotest.OneByteReader(strings.NewReader("the hunter2secret, base64 aHVudGVyMg==, and hunt"))); err != nil {
		t.Fatal(err)
	}
	if m.Held() != 4 {
		t.Fatal(m.Held())
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if out.String() != "the *****, base64 *****==, and hunt" && !strings.HasPrefix(out.String(), "the *****, base64 *****") {
		t.Fatal(out.String())
	}
	if strings.Contains(out.String(), "aHVudGVyMg") || strings.Contains(out.String(), "secret") {
		t.Fatal(out.String())
	}
	_, err := NewMaskWriter(&out, "abc")
	wantError(t, err, ErrSecretTooShort)
}

func TestSiblingsShareSecretsAndNoticesComeBack(t *testing.T) {
	var out, other bytes.Buffer
	m := must[*MaskWriter](t)(NewMaskWriterWith(&out, MaskOptions{Commands: true}))
	sibling := must[*MaskWriter](t)(m.Sibling(&other))
	_, _ = io.WriteString(m, "::add-mask swordfish no\nswordfish\n")
	_, _ = io.WriteString(sibling, "a swordfish\n")
	_ = m.Close()
	_ = sibling.Close()
	if out.String() != "*****\n" || other.String() != "a *****\n" {
		t.Fatalf("%q %q", out.String(), other.String())
	}
	m2 := must[*MaskWriter](t)(NewMaskWriterWith(&out, MaskOptions{Commands: true}))
	_, _ = io.WriteString(m2, "::add-mask no\n")
	if notices := must[[]string](t)(m2.Notices()); len(notices) != 1 || !strings.Contains(notices[0], "common word") {
		t.Fatal(notices)
	}
	m2.Abort()
	_, err := m2.Notices()
	wantError(t, err, os.ErrClosed)
}

func TestPoliciesAllowDenyAndFail(t *testing.T) {
	policy := must[*Policy](t)(LoadPolicy("package spacelift\n\ndeny contains \"no tasks\" if input.run.type == \"TASK\"\n"))
	defer policy.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			denied, err := policy.Evaluate(ctx, map[string]any{"run": map[string]string{"type": "TASK"}})
			if err != nil || denied.Allowed || len(denied.Reasons) != 1 {
				t.Errorf("%+v %v", denied, err)
			}
			allowed, err := policy.Evaluate(ctx, `{"run": {"type": "TRACKED"}}`)
			if err != nil || !allowed.Allowed {
				t.Errorf("%+v %v", allowed, err)
			}
		}()
	}
	all.Wait()
	decision, err := policy.Evaluate(ctx, json.RawMessage("{"))
	wantError(t, err, ErrInvalidArgument)
	if decision.Allowed {
		t.Fatal("an error allows")
	}
	cancel()
	_, err = policy.Evaluate(ctx, "{}")
	wantError(t, err, context.Canceled)

	_, err = LoadPolicy("package spacelift\n\ndeny contains 1 if { nonsense(1) }\n")
	wantError(t, err, ErrPolicy)
	var failed *Error
	if !errors.As(err, &failed) || len(failed.Problems()) == 0 || failed.Problems()[0].Line != 3 {
		t.Fatalf("%v", failed)
	}
}

func TestAConfigurationTellsEveryProblemAtOnce(t *testing.T) {
	config := Config{"SPACELIFT_LAUNCHER_RUN_TIMEOUT": "7 minutes", "SPACELIFT_LAUNCHER_RUN_TIMEOTU": "7m"}
	warnings, err := config.Check()
	wantError(t, err, ErrConfig)
	var failed *Error
	if !errors.As(err, &failed) || len(failed.Problems()) != 3 || failed.Problems()[0].Variable == "" {
		t.Fatalf("%v", failed.Problems())
	}
	if len(warnings) != 1 {
		t.Fatal(warnings)
	}
	preflight := must[*Preflight](t)(config.RunPreflight(false))
	if preflight.Passed || preflight.ExitCode != 2 || len(preflight.Checks) < 3 || !strings.Contains(preflight.String(), "FAILED") {
		t.Fatalf("%+v", preflight)
	}
	t.Setenv("SPACELIFT_METADATA_from_env", "yes")
	if ConfigFromEnv()["SPACELIFT_METADATA_from_env"] != "yes" {
		t.Fatal("the environment was not read")
	}
}

func TestDurationsAreThoseOfTheStandardLibrary(t *testing.T) {
	for _, text := range []string{"1h30m", "7m", "1.5h", "-1.5us", "0", "1000s"} {
		want, _ := time.ParseDuration(text)
		if got := must[time.Duration](t)(ParseDuration(text)); got != want {
			t.Fatal(text, got)
		}
	}
	_, err := ParseDuration("7 minutes")
	wantError(t, err, ErrDuration)
}

func TestWhatIsForgottenIsFreed(t *testing.T) {
	for range 2000 {
		m := must[*MaskWriter](t)(NewMaskWriter(io.Discard, "hunter2"))
		_, _ = io.WriteString(m, "hunter2")
	}
	runtime.GC()
	runtime.GC()
}

func TestAProcessIsProtectedForGood(t *testing.T) {
	if os.Getenv("PROTECTED") == "" {
		// It is for good, so another process does it.
		again := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		again.Env = append(os.Environ(), "PROTECTED=1")
		if said, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		return
	}
	if err := ProtectProcess(); err != nil {
		t.Fatal(err)
	}
	const getDumpable = 3 // PR_GET_DUMPABLE of prctl(2)
	dumpable, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, getDumpable, 0, 0)
	if errno != 0 || dumpable != 0 {
		t.Fatalf("dumpable is %d, %v", dumpable, errno)
	}
}
