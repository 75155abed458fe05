// A peer that speaks Cobblestone-256 over Go's standard library alone, written from c2sp.org/chunked-encryption.
//
// It speaks as peer.py beside it does: one request a line, one answer a line, all bytes base64.
package main

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
)

const (
	chunkLen      = 16 * 1024
	tagLen        = 16
	saltLen       = 24
	commitmentLen = 32
	headLen       = saltLen + commitmentLen
	maxChunks     = 1 << 38
	label         = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
)

var errRefused = errors.New("refused")

// message is one message's key, and the number of its next chunk.
type message struct {
	aead       cipher.AEAD
	base       []byte
	commitment []byte
	next       uint64
}

func derive(key, salt, context []byte) (*message, error) {
	out, err := hkdf.Expand(sha512.New, key, label+string(salt)+string(context), 32+12+commitmentLen)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(out[:32])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &message{aead: aead, base: out[32:44], commitment: out[44:]}, err
}

func (m *message) nonce() ([]byte, error) {
	if m.next >= maxChunks {
		return nil, errRefused
	}
	nonce := append([]byte(nil), m.base...)
	number := binary.BigEndian.Uint64(nonce[4:]) ^ m.next
	binary.BigEndian.PutUint64(nonce[4:], number)
	m.next++
	return nonce, nil
}

// stream takes pieces of a text and gives what it becomes.
type stream interface {
	update(piece []byte) ([]byte, error)
	finish() ([]byte, error)
}

type encryptor struct {
	message *message
	head    []byte
	pending []byte
}

func newEncryptor(key, context []byte) (*encryptor, error) {
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	m, err := derive(key, salt, context)
	if err != nil {
		return nil, err
	}
	return &encryptor{message: m, head: append(salt, m.commitment...)}, nil
}

func (e *encryptor) update(piece []byte) ([]byte, error) {
	out := e.head
	e.head = nil
	e.pending = append(e.pending, piece...)
	for len(e.pending) >= chunkLen {
		nonce, err := e.message.nonce()
		if err != nil {
			return nil, err
		}
		out = e.message.aead.Seal(out, nonce, e.pending[:chunkLen], nil)
		e.pending = e.pending[chunkLen:]
	}
	return out, nil
}

func (e *encryptor) finish() ([]byte, error) {
	nonce, err := e.message.nonce()
	if err != nil {
		return nil, err
	}
	return e.message.aead.Seal(e.head, nonce, e.pending, nil), nil
}

type decryptor struct {
	key, context []byte
	message      *message
	pending      []byte
}

func (d *decryptor) update(piece []byte) ([]byte, error) {
	d.pending = append(d.pending, piece...)
	if d.message == nil {
		if len(d.pending) < headLen {
			return nil, nil
		}
		m, err := derive(d.key, d.pending[:saltLen], d.context)
		if err != nil {
			return nil, err
		}
		if subtle.ConstantTimeCompare(m.commitment, d.pending[saltLen:headLen]) != 1 {
			return nil, errRefused
		}
		d.message, d.pending = m, d.pending[headLen:]
	}
	var out []byte
	for len(d.pending) >= chunkLen+tagLen {
		opened, err := d.open(out, d.pending[:chunkLen+tagLen])
		if err != nil {
			return nil, err
		}
		out, d.pending = opened, d.pending[chunkLen+tagLen:]
	}
	return out, nil
}

func (d *decryptor) open(out, chunk []byte) ([]byte, error) {
	nonce, err := d.message.nonce()
	if err != nil {
		return nil, err
	}
	return d.message.aead.Open(out, nonce, chunk, nil)
}

func (d *decryptor) finish() ([]byte, error) {
	if d.message == nil {
		return nil, errRefused
	}
	return d.open(nil, d.pending)
}

type request struct {
	Operation          string
	Key, Context, Data []byte
	Cuts               []int
}

type answer struct {
	Data    []byte `json:"data"`
	Refused bool   `json:"refused"`
}

func run(r request) ([]byte, error) {
	var s stream = &decryptor{key: r.Key, context: r.Context}
	if r.Operation == "encrypt" {
		e, err := newEncryptor(r.Key, r.Context)
		if err != nil {
			return nil, err
		}
		s = e
	}
	out, rest := []byte{}, r.Data
	for _, cut := range append(r.Cuts, len(r.Data)) {
		piece := rest[:min(cut, len(rest))]
		rest = rest[len(piece):]
		more, err := s.update(piece)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	last, err := s.finish()
	return append(out, last...), err
}

func main() {
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	out := json.NewEncoder(os.Stdout)
	for {
		var r request
		if err := in.Decode(&r); err == io.EOF {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		data, err := run(r)
		if err := out.Encode(answer{Data: data, Refused: err != nil}); err != nil {
			log.Fatal(err)
		}
	}
}
