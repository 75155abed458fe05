package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import (
	"bytes"
	"encoding/json"
	"io"
)

// SealOptions say to whom, for what and by whom something is sealed.
type SealOptions struct {
	// Recipient may open it.
	Recipient *PublicKey
	// Context is what it is for: public, authenticated, and expected exactly by whoever opens it.
	Context map[string]string
	// Signer signs it. Exactly one of Signer and Unsigned is set.
	Signer *PrivateKey
	// Unsigned says that nobody signs it: whoever knows the recipient's public key may have made it.
	Unsigned bool
	// PlainLen, when it is set, is the length of the plaintext; another length is an error then.
	PlainLen *uint64
}

func (o SealOptions) with(call func(*C.slw_seal_options) error) error {
	var options *C.slw_seal_options
	var cerr *C.slw_error
	if err := failure(C.slw_seal_options_new(&options, &cerr), &cerr); err != nil {
		return err
	}
	defer C.slw_seal_options_free(options)
	if o.Signer != nil && o.Unsigned {
		return &Error{Status: C.SLW_ERR_INVALID_ARGUMENT, Message: "a signer is set, and that it is unsigned"}
	}
	if o.Recipient != nil {
		err := o.Recipient.h.use(func(key *C.slw_public_key) error {
			return failure(C.slw_seal_options_add_recipient(options, key, &cerr), &cerr)
		})
		if err != nil {
			return err
		}
	}
	if o.Signer != nil {
		err := o.Signer.h.use(func(key *C.slw_private_key) error {
			return failure(C.slw_seal_options_set_signer(options, key, &cerr), &cerr)
		})
		if err != nil {
			return err
		}
	}
	if o.Unsigned {
		if err := failure(C.slw_seal_options_set_unsigned(options, &cerr), &cerr); err != nil {
			return err
		}
	}
	for key, value := range o.Context {
		k, kn := chars(key)
		v, vn := chars(value)
		if err := failure(C.slw_seal_options_add_context(options, k, kn, v, vn, &cerr), &cerr); err != nil {
			return err
		}
	}
	if o.PlainLen != nil {
		if err := failure(C.slw_seal_options_set_plain_len(options, C.uint64_t(*o.PlainLen), &cerr), &cerr); err != nil {
			return err
		}
	}
	return call(options)
}

// SealedLen is the length of a plaintext of plainLen bytes once it is sealed with these options: pre-signed uploads need it.
func (o SealOptions) SealedLen(plainLen uint64) (uint64, error) {
	var length C.uint64_t
	err := o.with(func(options *C.slw_seal_options) error {
		var cerr *C.slw_error
		return failure(C.slw_seal_options_sealed_len(options, C.uint64_t(plainLen), &length, &cerr), &cerr)
	})
	return uint64(length), err
}

var sealing = transform[*C.slw_sealer]{
	update: func(handle *C.slw_sealer, in []byte, consumed *C.size_t, out []byte, written *C.size_t, err **C.slw_error) C.slw_status {
		i, n := octets(in)
		o, c := octets(out)
		return C.slw_sealer_update(handle, i, n, consumed, o, c, written, err)
	},
	finish: func(handle *C.slw_sealer, out []byte, written *C.size_t, err **C.slw_error) C.slw_status {
		o, c := octets(out)
		return C.slw_sealer_finish(handle, o, c, written, err)
	},
}

// SealWriter seals what is written to it. Only Close makes it whole. One goroutine at a time writes.
type SealWriter struct{ w *writer[*C.slw_sealer] }

var _ io.WriteCloser = (*SealWriter)(nil)

// NewSealWriter writes sealed bytes to w.
func NewSealWriter(w io.Writer, options SealOptions) (*SealWriter, error) {
	var sealer *C.slw_sealer
	err := options.with(func(options *C.slw_seal_options) error {
		var cerr *C.slw_error
		return failure(C.slw_sealer_new(options, &sealer, &cerr), &cerr)
	})
	if err != nil {
		return nil, err
	}
	h := hold(sealer, func(handle *C.slw_sealer) { C.slw_sealer_free(handle) })
	return &SealWriter{newWriter(w, h, &sealing)}, nil
}

// Write seals the next bytes.
func (w *SealWriter) Write(p []byte) (int, error) { return w.w.write(p) }

// Close writes the end. It does not close the writer below. After a Write that failed it gives that error and finishes
// nothing, so that what was written does not open.
func (w *SealWriter) Close() error { return w.w.close() }

// Abort frees the writer without finishing: what was written does not open.
func (w *SealWriter) Abort() { w.w.abort() }

// Seal seals what is in memory.
func Seal(plain []byte, options SealOptions) ([]byte, error) {
	length := uint64(len(plain))
	if options.PlainLen == nil {
		options.PlainLen = &length
	}
	sealedLen, err := options.SealedLen(length)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(make([]byte, 0, sealedLen))
	w, err := NewSealWriter(out, options)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		w.Abort()
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// SealFile seals a file into another, which appears whole or not at all, and gives its length.
func SealFile(source, target string, options SealOptions) (int64, error) {
	var length C.uint64_t
	err := options.with(func(options *C.slw_seal_options) error {
		var cerr *C.slw_error
		s, sn := chars(source)
		t, tn := chars(target)
		return failure(C.slw_seal_file(options, s, sn, t, tn, &length, &cerr), &cerr)
	})
	return int64(length), err
}

// Header is what stands before a sealed body. Nothing of it is verified by being read.
type Header struct {
	// Recipient is the KID of the key that it is sealed to.
	Recipient string
	// Signer is the KID of the key that it claims to be signed by; empty when nobody signed it.
	Signer string
	// Context is what it claims to be for.
	Context map[string]string
}

// Inspect reads the header at the beginning of sealed bytes.
func Inspect(sealed []byte) (*Header, error) {
	var handle *C.slw_header
	var cerr *C.slw_error
	p, n := octets(sealed)
	if err := failure(C.slw_inspect(p, n, &handle, &cerr), &cerr); err != nil {
		return nil, err
	}
	defer C.slw_header_free(handle)
	header := &Header{
		Recipient: C.GoString(C.slw_header_recipient(handle, nil)),
		Signer:    C.GoString(C.slw_header_signer(handle, nil)),
	}
	return header, json.Unmarshal([]byte(C.GoString(C.slw_header_context(handle, nil))), &header.Context)
}
