//! Whole chunks encrypted and decrypted where they stand, as files need it: nothing is copied between reading and writing.

use super::chunks::Chunks;
use super::decrypt::ChunkDecryptor;
use super::encrypt::ChunkEncryptor;
use super::{Damaged, EncryptError, Encryptor, SEALED_CHUNK_LEN, TAG_LEN};

/// A chunk of full length as it stands in a ciphertext: 16 KiB of content, then its tag.
pub(crate) type SealedChunk = [u8; SEALED_CHUNK_LEN];

impl Chunks {
    /// Encrypts `content` where it stands and gives its tag.
    pub(super) fn seal_in_place(
        &self,
        number: u64,
        content: &mut [u8],
    ) -> Result<[u8; TAG_LEN], EncryptError> {
        let nonce = self.nonce(number).ok_or(EncryptError::TooLong)?;
        self.aead.seal_in_place(&nonce, content).map_err(EncryptError::Crypto)
    }

    /// Verifies a chunk and decrypts it where it stands; gives the length of its content.
    pub(super) fn open_in_place(&self, number: u64, chunk: &mut [u8]) -> Result<usize, Damaged> {
        let nonce = self.nonce(number).ok_or(Damaged)?;
        self.aead.open_in_place(&nonce, chunk).map_err(|_| Damaged)
    }
}

impl Encryptor {
    /// The prefix and the encryptor of chunks behind it; `None` when anything was encrypted before.
    pub(crate) fn into_chunks(self) -> Option<(Vec<u8>, ChunkEncryptor)> {
        (!self.prefix.is_empty()).then_some((self.prefix, self.inner))
    }
}

impl ChunkEncryptor {
    /// Encrypts whole chunks where they stand: 16 KiB of plaintext each, then room for a tag.
    pub(crate) fn seal_in_place(&mut self, batch: &mut [SealedChunk]) -> Result<(), EncryptError> {
        for chunk in batch {
            self.seal_one_in_place(chunk)?;
        }
        Ok(())
    }

    /// Encrypts the last chunk where it stands: less than 16 KiB of plaintext, then room for the tag.
    pub(crate) fn finish_in_place(mut self, chunk: &mut [u8]) -> Result<(), EncryptError> {
        self.seal_one_in_place(chunk)
    }

    fn seal_one_in_place(&mut self, chunk: &mut [u8]) -> Result<(), EncryptError> {
        self.step(|chunks, number| {
            let Some((content, room)) = chunk.split_last_chunk_mut::<TAG_LEN>() else { return Ok(()) };
            *room = chunks.seal_in_place(number, content)?;
            Ok(())
        })
    }
}

impl ChunkDecryptor {
    /// Verifies and decrypts whole chunks where they stand: 16 KiB of plaintext each, then what was the tag.
    pub(crate) fn open_in_place(&mut self, batch: &mut [SealedChunk]) -> Result<(), Damaged> {
        for chunk in batch {
            let number = self.number();
            self.chunks.open_in_place(number, chunk)?;
        }
        Ok(())
    }

    /// Verifies and decrypts what is left after the whole chunks, and with it the end of the message; gives the
    /// length of its plaintext.
    ///
    /// "The final chunk … MUST be shorter than 16 KiB."
    pub(crate) fn finish_in_place(mut self, last: &mut [u8]) -> Result<usize, Damaged> {
        if !(TAG_LEN..SEALED_CHUNK_LEN).contains(&last.len()) {
            return Err(Damaged);
        }
        let number = self.number();
        self.chunks.open_in_place(number, last)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CHUNK_LEN, PREFIX_LEN, SALT_LEN, sealed_len};
    use super::*;

    #[test]
    fn chunks_sealed_where_they_stand_are_the_chunks_of_a_stream() {
        for len in [0, 5, CHUNK_LEN, 2 * CHUNK_LEN + 7] {
            let plain: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let new = || Encryptor::with_salt(&[3; 32], b"ctx", [9; SALT_LEN]).unwrap();
            let mut stream = Vec::new();
            let mut encryptor = new();
            encryptor.update(&plain, &mut stream).unwrap();
            encryptor.finish(&mut stream).unwrap();

            let (mut placed, mut chunks) = new().into_chunks().unwrap();
            let (full, last) = plain.as_chunks::<CHUNK_LEN>();
            let mut batch: Vec<SealedChunk> = vec![[0; SEALED_CHUNK_LEN]; full.len()];
            for (to, from) in batch.iter_mut().zip(full) {
                to[..CHUNK_LEN].copy_from_slice(from);
            }
            chunks.seal_in_place(&mut batch).unwrap();
            placed.extend_from_slice(batch.as_flattened());
            let mut last = [last, &[0; TAG_LEN]].concat();
            chunks.finish_in_place(&mut last).unwrap();
            placed.extend(last);
            assert!(placed == stream);
            assert_eq!(Some(placed.len() as u64), sealed_len(len as u64));
        }
    }

    #[test]
    fn an_encryptor_that_was_used_gives_no_chunks() {
        let mut encryptor = Encryptor::new(&[1; 32], b"").unwrap();
        encryptor.update(b"", &mut Vec::new()).unwrap();
        assert!(encryptor.into_chunks().is_none());
    }

    fn sealed(len: usize) -> (Vec<u8>, Vec<u8>) {
        let plain: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let mut out = Vec::new();
        let mut encryptor = Encryptor::new(&[3; 32], b"ctx").unwrap();
        encryptor.update(&plain, &mut out).unwrap();
        encryptor.finish(&mut out).unwrap();
        (plain, out)
    }

    /// Decrypts where the chunks stand, as a file is.
    fn in_place(sealed: &[u8]) -> Result<Vec<u8>, Damaged> {
        let (prefix, body) = sealed.split_at(PREFIX_LEN);
        let mut chunks = ChunkDecryptor::new(&[3; 32], b"ctx", prefix)?;
        let (full, last) = body.as_chunks::<SEALED_CHUNK_LEN>();
        let (mut full, mut last) = (full.to_vec(), last.to_vec());
        chunks.open_in_place(&mut full)?;
        let len = chunks.finish_in_place(&mut last)?;
        let mut plain: Vec<u8> = full.iter().flat_map(|chunk| &chunk[..CHUNK_LEN]).copied().collect();
        plain.extend_from_slice(&last[..len]);
        Ok(plain)
    }

    #[test]
    fn chunks_opened_where_they_stand_are_those_of_the_stream() {
        for len in [0, 5, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 3 * CHUNK_LEN + 9] {
            let (plain, sealed) = sealed(len);
            assert!(in_place(&sealed) == Ok(plain));
        }
    }

    #[test]
    fn an_end_on_a_chunk_s_boundary_is_a_cut() {
        let (_, sealed) = sealed(2 * CHUNK_LEN);
        let whole_chunks = &sealed[..sealed.len() - TAG_LEN];
        assert_eq!(in_place(whole_chunks), Err(Damaged));
        assert_eq!(in_place(&whole_chunks[..whole_chunks.len() - 1]), Err(Damaged));
    }
}
