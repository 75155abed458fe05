package spaceliftworker

// #include <spacelift/worker.h>
import "C"

// PrivateKey is a pool's private key: it opens run state, signs it, and authenticates the worker.
type PrivateKey struct{ h *shared[*C.slw_private_key] }

func freePrivateKey(handle *C.slw_private_key) { C.slw_private_key_free(handle) }

// GeneratePrivateKey makes a key: 2048, 3072, 4096 (what the documentation asks for) or 8192 bits.
func GeneratePrivateKey(bits int) (*PrivateKey, error) {
	var handle *C.slw_private_key
	var cerr *C.slw_error
	if err := failure(C.slw_private_key_generate(C.uint32_t(bits), &handle, &cerr), &cerr); err != nil {
		return nil, err
	}
	return &PrivateKey{hold(handle, freePrivateKey)}, nil
}

// ParsePrivateKey reads an unencrypted RSA key: PKCS#8 or PKCS#1, in PEM or DER.
func ParsePrivateKey(pemOrDER []byte) (*PrivateKey, error) {
	var handle *C.slw_private_key
	var cerr *C.slw_error
	p, n := octets(pemOrDER)
	if err := failure(C.slw_private_key_parse(p, n, &handle, &cerr), &cerr); err != nil {
		return nil, err
	}
	return &PrivateKey{hold(handle, freePrivateKey)}, nil
}

// PEM is the key as PKCS#8. Whoever has it wipes it.
func (k *PrivateKey) PEM() (pem []byte, err error) {
	err = k.h.use(func(handle *C.slw_private_key) error {
		pem, err = grown(8192, func(out *C.uint8_t, capacity C.size_t, written *C.size_t) (C.slw_status, error) {
			var cerr *C.slw_error
			status := C.slw_private_key_to_pem(handle, out, capacity, written, &cerr)
			return status, failure(status, &cerr)
		})
		return err
	})
	return pem, err
}

// CSR is a certificate request in PEM with the subject CN=commonName, to create a pool with.
func (k *PrivateKey) CSR(commonName string) (pem []byte, err error) {
	err = k.h.use(func(handle *C.slw_private_key) error {
		p, n := chars(commonName)
		pem, err = grown(4096, func(out *C.uint8_t, capacity C.size_t, written *C.size_t) (C.slw_status, error) {
			var cerr *C.slw_error
			status := C.slw_private_key_csr(handle, p, n, out, capacity, written, &cerr)
			return status, failure(status, &cerr)
		})
		return err
	})
	return pem, err
}

// Public is the public half.
func (k *PrivateKey) Public() (*PublicKey, error) {
	var public *C.slw_public_key
	err := k.h.use(func(handle *C.slw_private_key) error {
		var cerr *C.slw_error
		return failure(C.slw_private_key_public(handle, &public, &cerr), &cerr)
	})
	if err != nil {
		return nil, err
	}
	return publicKey(public), nil
}

// Close frees the key, which is wiped when nothing uses it any more.
func (k *PrivateKey) Close() error { return k.h.close() }

// String shows nothing of the key.
func (k *PrivateKey) String() string { return "PrivateKey{…}" }

// GoString shows nothing of the key.
func (k *PrivateKey) GoString() string { return k.String() }

// PublicKey is the public key of a pool or of a control plane.
type PublicKey struct {
	h        *shared[*C.slw_public_key]
	kid, pem string
}

func freePublicKey(handle *C.slw_public_key) { C.slw_public_key_free(handle) }

func publicKey(handle *C.slw_public_key) *PublicKey {
	return &PublicKey{
		h:   hold(handle, freePublicKey),
		kid: C.GoString(C.slw_public_key_kid(handle, nil)),
		pem: C.GoString(C.slw_public_key_pem(handle, nil)),
	}
}

// ParsePublicKey reads a SubjectPublicKeyInfo in PEM (PUBLIC KEY).
func ParsePublicKey(pem string) (*PublicKey, error) {
	var handle *C.slw_public_key
	var cerr *C.slw_error
	p, n := chars(pem)
	if err := failure(C.slw_public_key_parse(p, n, &handle, &cerr), &cerr); err != nil {
		return nil, err
	}
	return publicKey(handle), nil
}

// PublicKeyOfCertificate takes the key out of the first certificate of a PEM text, whose signature is not looked at.
func PublicKeyOfCertificate(pem string) (*PublicKey, error) {
	var handle *C.slw_public_key
	var cerr *C.slw_error
	p, n := chars(pem)
	if err := failure(C.slw_public_key_from_certificate(p, n, &handle, &cerr), &cerr); err != nil {
		return nil, err
	}
	return publicKey(handle), nil
}

// KID names the key: base64url, without padding, of SHA-256 over its SubjectPublicKeyInfo.
func (k *PublicKey) KID() string { return k.kid }

// PEM is the key as a SubjectPublicKeyInfo.
func (k *PublicKey) PEM() string { return k.pem }

// Close frees the key.
func (k *PublicKey) Close() error { return k.h.close() }
