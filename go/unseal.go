package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import (
	"bytes"
	"io"
)

// UnsealOptions say with which keys, for what and by whom signed something is opened.
type UnsealOptions struct {
	// Keys are the reader's; after a rotation there are several.
	Keys []*PrivateKey
	// Context must be the file's, no entry more or less.
	Context map[string]string
	// Signers are whom the reader trusts. Exactly one of Signers, SignedByRecipient and Unsigned is set.
	Signers []*PublicKey
	// SignedByRecipient: the signer must be the recipient, as of a workspace.
	SignedByRecipient bool
	// Unsigned: nobody signed it, and whoever knows the recipient's public key may have made it.
	Unsigned bool
}

func (o UnsealOptions) with(call func(*C.slw_unseal_options) error) error {
	var options *C.slw_unseal_options
	var cerr *C.slw_error
	if err := failure(C.slw_unseal_options_new(&options, &cerr), &cerr); err != nil {
		return err
	}
	defer C.slw_unseal_options_free(options)
	for _, key := range o.Keys {
		err := key.h.use(func(key *C.slw_private_key) error {
			return failure(C.slw_unseal_options_add_key(options, key, &cerr), &cerr)
		})
		if err != nil {
			return err
		}
	}
	for _, signer := range o.Signers {
		err := signer.h.use(func(key *C.slw_public_key) error {
			return failure(C.slw_unseal_options_add_signer(options, key, &cerr), &cerr)
		})
		if err != nil {
			return err
		}
	}
	if o.SignedByRecipient {
		if err := failure(C.slw_unseal_options_set_signed_by_recipient(options, &cerr), &cerr); err != nil {
			return err
		}
	}
	if o.Unsigned {
		if err := failure(C.slw_unseal_options_set_unsigned(options, &cerr), &cerr); err != nil {
			return err
		}
	}
	for key, value := range o.Context {
		k, kn := chars(key)
		v, vn := chars(value)
		if err := failure(C.slw_unseal_options_add_context(options, k, kn, v, vn, &cerr), &cerr); err != nil {
			return err
		}
	}
	return call(options)
}

var unsealing = transform[*C.slw_unsealer]{
	update: func(handle *C.slw_unsealer, in []byte, consumed *C.size_t, out []byte, written *C.size_t, err **C.slw_error) C.slw_status {
		i, n := octets(in)
		o, c := octets(out)
		return C.slw_unsealer_update(handle, i, n, consumed, o, c, written, err)
	},
	finish: func(handle *C.slw_unsealer, out []byte, written *C.size_t, err **C.slw_error) C.slw_status {
		o, c := octets(out)
		return C.slw_unsealer_finish(handle, o, c, written, err)
	},
}

// UnsealReader gives plaintext, each chunk of it verified. That it is whole, only io.EOF says. One goroutine at a time reads.
type UnsealReader struct{ r *reader[*C.slw_unsealer] }

var _ io.ReadCloser = (*UnsealReader)(nil)

// NewUnsealReader reads sealed bytes from r.
func NewUnsealReader(r io.Reader, options UnsealOptions) (*UnsealReader, error) {
	var unsealer *C.slw_unsealer
	err := options.with(func(options *C.slw_unseal_options) error {
		var cerr *C.slw_error
		return failure(C.slw_unsealer_new(options, &unsealer, &cerr), &cerr)
	})
	if err != nil {
		return nil, err
	}
	h := hold(unsealer, func(handle *C.slw_unsealer) { C.slw_unsealer_free(handle) })
	return &UnsealReader{newReader(r, h, &unsealing)}, nil
}

// Read gives the next verified bytes.
func (r *UnsealReader) Read(p []byte) (int, error) { return r.r.read(p) }

// Close frees the reader. It does not close the reader below.
func (r *UnsealReader) Close() error { return r.r.close() }

// Unseal opens what is in memory.
func Unseal(sealed []byte, options UnsealOptions) ([]byte, error) {
	r, err := NewUnsealReader(bytes.NewReader(sealed), options)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := bytes.NewBuffer(make([]byte, 0, len(sealed)))
	if _, err := io.Copy(out, r); err != nil {
		clear(out.Bytes())
		return nil, err
	}
	return out.Bytes(), nil
}

// UnsealFile opens a file into another, which appears when all of it was verified, or not at all, and gives its length.
func UnsealFile(source, target string, options UnsealOptions) (int64, error) {
	var length C.uint64_t
	err := options.with(func(options *C.slw_unseal_options) error {
		var cerr *C.slw_error
		s, sn := chars(source)
		t, tn := chars(target)
		return failure(C.slw_unseal_file(options, s, sn, t, tn, &length, &cerr), &cerr)
	})
	return int64(length), err
}

// UnsealRange gives exactly length bytes of plaintext from offset on, out of a sealed file of any length. A range past the
// end is ErrRange.
func UnsealRange(source string, offset int64, length int, options UnsealOptions) (plain []byte, err error) {
	err = options.with(func(options *C.slw_unseal_options) error {
		s, sn := chars(source)
		plain, err = grown(length, func(out *C.uint8_t, capacity C.size_t, written *C.size_t) (C.slw_status, error) {
			var cerr *C.slw_error
			status := C.slw_unseal_range(options, s, sn, C.uint64_t(offset), C.size_t(length), out, capacity, written, &cerr)
			return status, failure(status, &cerr)
		})
		return err
	})
	return plain, err
}
