package spaceliftworker

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// config is a worker's whose control plane takes connections and says nothing. SLW_TEST_POOL names a folder with a token and
// a key, which the test of the repository makes; without it these tests are passed over.
func config(t testing.TB) Config {
	t.Helper()
	folder := os.Getenv("SLW_TEST_POOL")
	if folder == "" {
		t.Skip("SLW_TEST_POOL names no folder")
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return Config{
		"SPACELIFT_TOKEN":            read("token"),
		"SPACELIFT_POOL_PRIVATE_KEY": read("key"),
		"SPACELIFT_WORKER_STATE_DIR": filepath.Join(t.TempDir(), "state"),
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestATokenIsReadWithoutItsSecrets(t *testing.T) {
	token := must[*Token](t)(ParseToken(config(t)["SPACELIFT_TOKEN"]))
	if !strings.HasPrefix(token.BrokerEndpoint, "127.0.0.1:") || len(token.PoolID) != 26 || token.Namespace != "spacelift" {
		t.Fatalf("%+v", token)
	}
	if !token.NotAfter.After(time.Now()) || token.CommonName != token.PoolID || token.CAPEM == "" {
		t.Fatalf("%+v", token)
	}
}

func TestEventsAndCommands(t *testing.T) {
	ctx := within(t, time.Minute)
	s := must[*Session](t)(Dial(ctx, Options{Config: config(t)}))
	defer s.Close()
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := s.Next(short)
	wantError(t, err, context.DeadlineExceeded)
	operation := must[Operation](t)(s.Refuse("1.1", "busy", ""))
	e := must[*Event](t)(s.Next(ctx))
	if e.Kind != EventOperationFailed || e.Operation != operation || e.Reason == "" || e.Name != "operation_failed" {
		t.Fatalf("%+v", e)
	}
	_, err = s.Accept("nonsense")
	wantError(t, err, ErrInvalidArgument)
	wantError(t, s.StepExited(7, 0, 0), ErrSession)
	if err := s.Shutdown(within(t, 0)); err != nil {
		t.Fatal(err)
	}
	var last *Event
	for e, err := range s.Events(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		last = e
	}
	if last == nil || last.Kind != EventEnded {
		t.Fatalf("%+v", last)
	}
	_, err = s.Next(ctx)
	wantError(t, err, io.EOF)
	_ = s.Close()
	_, err = s.Next(ctx)
	wantError(t, err, os.ErrClosed)
	_, err = s.Drain()
	wantError(t, err, os.ErrClosed)
}

func TestCancelWakesNextAndTheSessionGoesOn(t *testing.T) {
	s := must[*Session](t)(Dial(context.Background(), Options{Config: config(t)}))
	defer s.Close()
	for range 50 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		_, err := s.Next(ctx)
		wantError(t, err, context.Canceled)
	}
	must[Operation](t)(s.Refuse("1.1", "busy", ""))
	if e := must[*Event](t)(s.Next(within(t, time.Minute))); e.Kind != EventOperationFailed {
		t.Fatalf("%+v", e)
	}
}

func TestCloseDuringNext(t *testing.T) {
	s := must[*Session](t)(Dial(context.Background(), Options{Config: config(t)}))
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				if _, err := s.Next(context.Background()); err != nil {
					if err != io.EOF && err != os.ErrClosed {
						t.Error(err)
					}
					return
				}
			}
		}()
	}
	runtime.Gosched()
	_ = s.Close()
	all.Wait()
}

func TestAWrongConfigurationSaysAllThatIsWrong(t *testing.T) {
	_, err := Dial(context.Background(), Options{Config: Config{}})
	wantError(t, err, ErrConfig)
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func TestTheLogComesToSlog(t *testing.T) {
	var out lockedBuffer
	logger := slog.New(slog.NewJSONHandler(&out, nil))
	s := must[*Session](t)(Dial(context.Background(), Options{Config: config(t), Logger: logger}))
	if err := s.Shutdown(within(t, 0)); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if !strings.Contains(out.String(), `"msg":"connecting"`) || !strings.Contains(out.String(), `"caller"`) {
		t.Fatal(out.String())
	}
}

func threadCount(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

// A waiting session costs no thread.
func TestAThousandSessionsAddAHandfulOfThreads(t *testing.T) {
	base := config(t)
	first := must[*Session](t)(Dial(context.Background(), Options{Config: base}))
	defer first.Close()
	count := 1000
	if testing.Short() {
		count = 50
	}
	before := threadCount(t)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	sessions := must[[]*Session](t)(DialMany(ctx, Options{Config: config(t)}, count))
	for _, s := range sessions {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				if _, err := s.Next(ctx); err != nil {
					return
				}
			}
		}()
	}
	added := threadCount(t) - before
	t.Logf("%d sessions, %d threads more than %d", count, added, before)
	if added > 8 {
		t.Errorf("%d sessions added %d threads", count, added)
	}
	cancel()
	all.Wait()
	var closing sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, s := range sessions {
		closing.Add(1)
		slots <- struct{}{}
		go func() {
			defer closing.Done()
			_ = s.Close()
			<-slots
		}()
	}
	closing.Wait()
}
