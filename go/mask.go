package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import (
	"io"
)

// Forms are spellings in which a value is looked for.
type Forms uint32

// The spellings; see the C header for what each of them is.
const (
	FormTrimmed  Forms = C.SLW_FORM_TRIMMED
	FormUnquoted Forms = C.SLW_FORM_UNQUOTED
	FormLines    Forms = C.SLW_FORM_LINES
	FormBase64   Forms = C.SLW_FORM_BASE64
	FormPercent  Forms = C.SLW_FORM_PERCENT
	FormJSON     Forms = C.SLW_FORM_JSON
	FormGo       Forms = C.SLW_FORM_GO
	FormPython   Forms = C.SLW_FORM_PYTHON
	FormHCL      Forms = C.SLW_FORM_HCL
	FormShell    Forms = C.SLW_FORM_SHELL
	FormXML      Forms = C.SLW_FORM_XML
	FormHex      Forms = C.SLW_FORM_HEX
	FormUTF16LE  Forms = C.SLW_FORM_UTF16LE
	FormsAll     Forms = C.SLW_FORMS_ALL
)

// MaskOptions say how values are looked for. The zero value is the default.
type MaskOptions struct {
	// WithoutForms are spellings that are not looked for; by default every one is.
	WithoutForms Forms
	// Plain: control sequences, carriage returns and NUL inside of a value hide it.
	Plain bool
	// WellKnown secrets are masked unnamed: keys and tokens of AWS, Azure, GitHub, Slack, JWTs, private keys.
	WellKnown bool
	// Commands: ::add-mask lines add secrets.
	Commands bool
}

var masking = transform[*C.slw_masker]{
	update: func(handle *C.slw_masker, in []byte, consumed *C.size_t, out []byte, written *C.size_t, err **C.slw_error) C.slw_status {
		i, n := octets(in)
		o, c := octets(out)
		return C.slw_masker_push(handle, i, n, consumed, o, c, written, err)
	},
	finish: func(handle *C.slw_masker, out []byte, written *C.size_t, err **C.slw_error) C.slw_status {
		o, c := octets(out)
		return C.slw_masker_finish(handle, o, c, written, err)
	},
}

// MaskWriter masks secrets in what is written to it. What may still become a secret is held until it is certain, at the
// latest until Close. One goroutine at a time writes; another one that has secrets to add or a stream of its own to mask
// has a Sibling.
type MaskWriter struct{ w *writer[*C.slw_masker] }

var _ io.WriteCloser = (*MaskWriter)(nil)

func maskWriter(w io.Writer, handle *C.slw_masker) *MaskWriter {
	h := hold(handle, func(handle *C.slw_masker) { C.slw_masker_free(handle) })
	return &MaskWriter{newWriter(w, h, &masking)}
}

// NewMaskWriter writes to w with these secrets masked, in all spellings. A secret that is too short or too common to be
// masked is an error; AddSecret leaves the choice to the caller.
func NewMaskWriter(w io.Writer, secrets ...string) (*MaskWriter, error) {
	m, err := NewMaskWriterWith(w, MaskOptions{})
	if err != nil {
		return nil, err
	}
	for _, secret := range secrets {
		if err := m.AddSecret([]byte(secret)); err != nil {
			m.Abort()
			return nil, err
		}
	}
	return m, nil
}

// NewMaskWriterWith writes to w with secrets that are added masked as the options say.
func NewMaskWriterWith(w io.Writer, options MaskOptions) (*MaskWriter, error) {
	var handle *C.slw_masker
	var cerr *C.slw_error
	if err := failure(C.slw_masker_new(&handle, &cerr), &cerr); err != nil {
		return nil, err
	}
	m := maskWriter(w, handle)
	err := failure(C.slw_masker_set_forms(handle, C.uint32_t(FormsAll&^options.WithoutForms), &cerr), &cerr)
	if err == nil {
		err = failure(C.slw_masker_set_terminal(handle, C.bool(!options.Plain), &cerr), &cerr)
	}
	if err == nil {
		err = failure(C.slw_masker_set_well_known(handle, C.bool(options.WellKnown), &cerr), &cerr)
	}
	if err == nil {
		err = failure(C.slw_masker_set_commands(handle, C.bool(options.Commands), &cerr), &cerr)
	}
	if err != nil {
		m.Abort()
		return nil, err
	}
	return m, nil
}

// AddSecret masks this value from now on, in what is held already too. ErrSecretBlank, ErrSecretTooShort and
// ErrSecretCommonWord say why a value is not masked; after ErrMask nothing that may hold the value may be shown.
func (m *MaskWriter) AddSecret(secret []byte) error {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	return m.w.h.use(func(handle *C.slw_masker) error {
		var cerr *C.slw_error
		p, n := octets(secret)
		status := C.slw_masker_add_secret(handle, p, n, &cerr)
		if status > 0 {
			return kind(status)
		}
		return failure(status, &cerr)
	})
}

// Sibling masks another stream with the same secrets: one that is added to either of them holds for both.
func (m *MaskWriter) Sibling(w io.Writer) (*MaskWriter, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	var sibling *C.slw_masker
	err := m.w.h.use(func(handle *C.slw_masker) error {
		var cerr *C.slw_error
		return failure(C.slw_masker_sibling(handle, &sibling, &cerr), &cerr)
	})
	if err != nil {
		return nil, err
	}
	return maskWriter(w, sibling), nil
}

// Write masks the next bytes.
func (m *MaskWriter) Write(p []byte) (int, error) { return m.w.write(p) }

// Held is how many bytes are held because they may still become a part of a secret.
func (m *MaskWriter) Held() int {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	held := 0
	_ = m.w.h.use(func(handle *C.slw_masker) error {
		held = int(C.slw_masker_held(handle))
		return nil
	})
	return held
}

// Notices are what ::add-mask lines asked for and could not get since the last call, for people.
func (m *MaskWriter) Notices() ([]string, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	var notices []string
	err := m.w.h.use(func(handle *C.slw_masker) error {
		for {
			none := false
			notice, err := grown(256, func(out *C.uint8_t, capacity C.size_t, written *C.size_t) (C.slw_status, error) {
				var cerr *C.slw_error
				status := C.slw_masker_take_notice(handle, out, capacity, written, &cerr)
				none = status == C.SLW_WOULD_BLOCK
				return status, failure(status, &cerr)
			})
			if err != nil || none {
				return err
			}
			notices = append(notices, string(notice))
		}
	})
	return notices, err
}

// Close writes what is held, with the beginning of a secret masked if it has 8 bytes or more. It does not close the
// writer below.
func (m *MaskWriter) Close() error { return m.w.close() }

// Abort frees the writer; what is held is lost.
func (m *MaskWriter) Abort() { m.w.abort() }
