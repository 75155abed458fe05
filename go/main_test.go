package spaceliftworker

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// vectors is a file below tests/vectors of the repository.
func vectors(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "tests", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// key is a private key of the vectors and its public half.
func key(t testing.TB) (*PrivateKey, *PublicKey) {
	t.Helper()
	private := must[*PrivateKey](t)(ParsePrivateKey(vectors(t, "keys/ok_pkcs8.pem")))
	public := must[*PublicKey](t)(private.Public())
	t.Cleanup(func() {
		_ = private.Close()
		_ = public.Close()
	})
	return private, public
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}
