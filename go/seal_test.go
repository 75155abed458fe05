package spaceliftworker

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func options(t testing.TB) (SealOptions, UnsealOptions) {
	private, public := key(t)
	context := map[string]string{"purpose": "test"}
	return SealOptions{Recipient: public, Signer: private, Context: context},
		UnsealOptions{Keys: []*PrivateKey{private}, Signers: []*PublicKey{public}, Context: context}
}

func pattern(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data)
	return data
}

func TestWhatIsSealedOpensWhateverTheBuffers(t *testing.T) {
	seal, unseal := options(t)
	for _, n := range []int{0, 1, 16384, 100_000, 1_000_000} {
		plain := pattern(n)
		var sealed bytes.Buffer
		w := must[*SealWriter](t)(NewSealWriter(&sealed, seal))
		if _, err := io.Copy(w, iotest.HalfReader(bytes.NewReader(plain))); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for name, from := range map[string]io.Reader{
			"whole":    bytes.NewReader(sealed.Bytes()),
			"half":     iotest.HalfReader(bytes.NewReader(sealed.Bytes())),
			"data-err": iotest.DataErrReader(bytes.NewReader(sealed.Bytes())),
		} {
			r := must[*UnsealReader](t)(NewUnsealReader(from, unseal))
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%d bytes, %s: %v", n, name, err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestOneByteAtATime(t *testing.T) {
	seal, unseal := options(t)
	plain := pattern(20_000)
	sealed := must[[]byte](t)(Seal(plain, seal))
	r := must[*UnsealReader](t)(NewUnsealReader(iotest.OneByteReader(bytes.NewReader(sealed)), unseal))
	defer r.Close()
	got := must[[]byte](t)(io.ReadAll(iotest.OneByteReader(r)))
	if !bytes.Equal(got, plain) {
		t.Fatal("another plaintext")
	}
}

func TestTheReaderKeepsTheRulesOfReaders(t *testing.T) {
	seal, unseal := options(t)
	plain := pattern(70_000)
	sealed := must[[]byte](t)(Seal(plain, seal))
	r := must[*UnsealReader](t)(NewUnsealReader(bytes.NewReader(sealed), unseal))
	defer r.Close()
	if err := iotest.TestReader(r, plain); err != nil {
		t.Fatal(err)
	}
}

func TestACutFileIsAnErrorAndNeverAnEnd(t *testing.T) {
	seal, unseal := options(t)
	sealed := must[[]byte](t)(Seal(pattern(50_000), seal))
	for _, cut := range []int{1, 17, 20_000, len(sealed) - 10} {
		got, err := Unseal(sealed[:len(sealed)-cut], unseal)
		wantError(t, err, ErrUnseal)
		if got != nil {
			t.Fatal("bytes beside an error")
		}
	}
}

func TestErrorsOfTheReaderAndWriterBelowComeThrough(t *testing.T) {
	seal, unseal := options(t)
	broken := errors.New("broken")
	sealed := must[[]byte](t)(Seal(pattern(50_000), seal))
	r := must[*UnsealReader](t)(NewUnsealReader(io.MultiReader(bytes.NewReader(sealed[:30_000]), iotest.ErrReader(broken)), unseal))
	_, err := io.ReadAll(r)
	wantError(t, err, broken)
	_, err = r.Read(make([]byte, 1))
	wantError(t, err, broken)
	_ = r.Close()
	_, err = r.Read(make([]byte, 1))
	wantError(t, err, os.ErrClosed)

	w := must[*SealWriter](t)(NewSealWriter(failing{broken}, seal))
	_, err = w.Write(pattern(100_000))
	wantError(t, err, broken)
	wantError(t, w.Close(), broken)
	wantError(t, w.Close(), nil)
	_, err = w.Write([]byte("x"))
	wantError(t, err, os.ErrClosed)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestChoicesHaveToBeMade(t *testing.T) {
	seal, unseal := options(t)
	seal.Signer = nil
	_, err := Seal(nil, seal)
	wantError(t, err, ErrInvalidArgument)
	seal.Unsigned = true
	sealed := must[[]byte](t)(Seal([]byte("x"), seal))
	_, err = Unseal(sealed, unseal)
	wantError(t, err, &Error{Status: ErrUnseal.(*Error).Status, Code: "unsigned"})
	unseal.Signers = nil
	_, err = Unseal(sealed, unseal)
	wantError(t, err, ErrInvalidArgument)
	unseal.Unsigned = true
	if got := must[[]byte](t)(Unseal(sealed, unseal)); string(got) != "x" {
		t.Fatalf("%q", got)
	}
	unseal.Context = map[string]string{"purpose": "other"}
	_, err = Unseal(sealed, unseal)
	var failed *Error
	if !errors.As(err, &failed) || failed.Code != "context" || !strings.Contains(string(failed.Details), `"expected":"other"`) {
		t.Fatalf("%v", err)
	}
}

func TestFilesAndRanges(t *testing.T) {
	seal, unseal := options(t)
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	plain := pattern(100_000)
	if err := os.WriteFile(at("plain"), plain, 0o600); err != nil {
		t.Fatal(err)
	}
	length := must[int64](t)(SealFile(at("plain"), at("sealed"), seal))
	if want := must[uint64](t)(seal.SealedLen(100_000)); uint64(length) != want {
		t.Fatalf("%d bytes, not %d", length, want)
	}
	if n := must[int64](t)(UnsealFile(at("sealed"), at("opened"), unseal)); n != 100_000 {
		t.Fatal(n)
	}
	if got, _ := os.ReadFile(at("opened")); !bytes.Equal(got, plain) {
		t.Fatal("another plaintext")
	}
	got := must[[]byte](t)(UnsealRange(at("sealed"), 50_000, 1_000, unseal))
	if !bytes.Equal(got, plain[50_000:51_000]) {
		t.Fatal("another range")
	}
	_, err := UnsealRange(at("sealed"), 99_999, 2, unseal)
	wantError(t, err, ErrRange)
	_, err = SealFile(at("nowhere"), at("sealed"), seal)
	wantError(t, err, ErrIO)
}

func TestTheHeaderSaysWhatAFileIs(t *testing.T) {
	seal, _ := options(t)
	header := must[*Header](t)(Inspect(must[[]byte](t)(Seal(nil, seal))))
	if header.Recipient != seal.Recipient.KID() || header.Signer != header.Recipient || header.Context["purpose"] != "test" {
		t.Fatalf("%+v", header)
	}
	_, err := Inspect([]byte("{}"))
	wantError(t, err, ErrUnseal)
}

func TestVectors(t *testing.T) {
	var pems map[string]struct{ Private string }
	if err := json.Unmarshal(vectors(t, "envelope/keys.json"), &pems); err != nil {
		t.Fatal(err)
	}
	privates, publics := map[string]*PrivateKey{}, map[string]*PublicKey{}
	for name, pem := range pems {
		privates[name] = must[*PrivateKey](t)(ParsePrivateKey([]byte(pem.Private)))
		publics[name] = must[*PublicKey](t)(privates[name].Public())
	}
	paths, _ := filepath.Glob("../tests/vectors/envelope/*_*.json")
	if len(paths) < 150 {
		t.Fatal(len(paths))
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var vector struct {
			Expect   string
			Keys     []string
			SignedBy json.RawMessage `json:"signed_by"`
			Context  map[string]string
			PlainLen int `json:"plain_len"`
			Sealed   string
		}
		if err := json.Unmarshal(data, &vector); err != nil {
			t.Fatal(err)
		}
		unseal := UnsealOptions{Context: vector.Context}
		for _, name := range vector.Keys {
			unseal.Keys = append(unseal.Keys, privates[name])
		}
		var names []string
		switch {
		case string(vector.SignedBy) == "null":
			unseal.Unsigned = true
		case json.Unmarshal(vector.SignedBy, &names) == nil:
			for _, name := range names {
				unseal.Signers = append(unseal.Signers, publics[name])
			}
		default:
			unseal.SignedByRecipient = true
		}
		sealed, _ := base64.StdEncoding.DecodeString(vector.Sealed)
		plain, err := Unseal(sealed, unseal)
		switch {
		case vector.Expect == "ok":
			if err != nil || len(plain) != vector.PlainLen {
				t.Errorf("%s: %v", path, err)
			}
		case len(vector.Keys) == 0 || !unseal.Unsigned && !unseal.SignedByRecipient && len(names) == 0:
			wantError(t, err, ErrInvalidArgument)
		case !errors.Is(err, &Error{Status: ErrUnseal.(*Error).Status, Code: vector.Expect}):
			t.Errorf("%s: %v", path, err)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	private, err := ParsePrivateKey(vectors(f, "keys/ok_pkcs8.pem"))
	if err != nil {
		f.Fatal(err)
	}
	public, _ := private.Public()
	sealed, _ := Seal([]byte("plain"), SealOptions{Recipient: public, Unsigned: true})
	f.Add(sealed, 7)
	f.Fuzz(func(t *testing.T, sealed []byte, piece int) {
		r, err := NewUnsealReader(bytes.NewReader(sealed), UnsealOptions{Keys: []*PrivateKey{private}, Unsigned: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		buffer := make([]byte, max(1, piece%4096))
		for {
			if _, err := r.Read(buffer); err != nil {
				if err != io.EOF && !errors.Is(err, ErrUnseal) {
					t.Fatal(err)
				}
				return
			}
		}
	})
}
