//! The narrow seam to cryptography: RSA, AEAD, HKDF, hashes, signatures. The one owner of all of them.
