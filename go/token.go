package spaceliftworker

// #include <spacelift/worker.h>
import "C"

import "time"

// Token is a worker pool token, read and checked by itself. It is a value and has nothing to close.
type Token struct {
	// BrokerEndpoint is where the broker listens: host and port.
	BrokerEndpoint string
	// PoolID is the pool's ULID.
	PoolID string
	// Namespace is the first levels of the topics.
	Namespace string
	// CertificatePEM is the pool's certificate.
	CertificatePEM string
	// CommonName is that of the certificate's subject; empty when it has none.
	CommonName string
	// CAPEM is who signed the broker's certificate; empty: the system's roots.
	CAPEM string
	// NotBefore and NotAfter say when the certificate is valid.
	NotBefore, NotAfter time.Time
	// SigningKey is the control plane's; nil when the token has none.
	SigningKey *PublicKey
}

// ParseToken reads a worker pool token, the content of SPACELIFT_TOKEN.
func ParseToken(token string) (*Token, error) {
	var handle *C.slw_token
	var cerr *C.slw_error
	p, n := chars(token)
	if err := failure(C.slw_token_parse(p, n, &handle, &cerr), &cerr); err != nil {
		return nil, err
	}
	defer C.slw_token_free(handle)
	var key *C.slw_public_key
	if err := failure(C.slw_token_signing_key(handle, &key, &cerr), &cerr); err != nil {
		return nil, err
	}
	var length C.size_t
	parsed := &Token{
		BrokerEndpoint: text(C.slw_token_broker_endpoint(handle, &length), length),
		PoolID:         C.GoString(C.slw_token_pool_id(handle, nil)),
		Namespace:      C.GoString(C.slw_token_namespace(handle, nil)),
		CertificatePEM: C.GoString(C.slw_token_certificate_pem(handle, nil)),
		CommonName:     C.GoString(C.slw_token_common_name(handle, nil)),
		CAPEM:          C.GoString(C.slw_token_ca_pem(handle, nil)),
		NotBefore:      time.Unix(int64(C.slw_token_not_before(handle)), 0).UTC(),
		NotAfter:       time.Unix(int64(C.slw_token_not_after(handle)), 0).UTC(),
	}
	if key != nil {
		parsed.SigningKey = publicKey(key)
	}
	return parsed, nil
}
