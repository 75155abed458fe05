//! Whatever the buffers, the bytes are the same.

use proptest::prelude::*;

use super::*;

/// Runs a stream over input and output cut at these lengths, again and again.
fn run<T: Transform>(
    transform: T,
    input: &[u8],
    cuts: &[usize],
    rooms: &[usize],
) -> Result<Vec<u8>, Failure> {
    let (mut stream, mut all, mut rest) = (Stream::new(transform), Vec::new(), input);
    let (mut cuts, mut rooms) = (cuts.iter().cycle(), rooms.iter().cycle());
    let mut status = SLW_OK;
    while !rest.is_empty() || status == SLW_MORE_OUTPUT {
        let piece = rest.get(..*cuts.next().unwrap()).unwrap_or(rest);
        let mut out = vec![0xa5; *rooms.next().unwrap()];
        let step = stream.update(piece, &mut out)?;
        assert!(step.status == SLW_OK && step.consumed == piece.len() || step.written == out.len());
        all.extend_from_slice(&out[..step.written]);
        rest = &rest[step.consumed..];
        status = step.status;
    }
    loop {
        let mut out = vec![0xa5; *rooms.next().unwrap()];
        let step = stream.finish(&mut out)?;
        all.extend_from_slice(&out[..step.written]);
        if step.status == SLW_OK {
            return Ok(all);
        }
    }
}

/// More than a chunk, but for Miri, which takes a millisecond for some bytes of AES.
const MUCH: usize = if cfg!(miri) { 200 } else { 20_000 };

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 64 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_input_and_output_gives_the_same_bytes(
        len in 0_usize..2 * MUCH,
        cuts in prop::collection::vec(1_usize..MUCH, 1..8),
        rooms in prop::collection::vec(1_usize..MUCH, 1..8),
    ) {
        let plain: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let key = [7; 32];
        let sealed = run(Encryptor::new(&key, b"ctx").unwrap(), &plain, &cuts, &rooms).ok().unwrap();
        let opened = run(Decryptor::new(&key, b"ctx"), &sealed, &rooms, &cuts).ok().unwrap();
        prop_assert!(opened == plain);
    }
}

#[test]
fn at_the_bound_one_call_is_enough_and_after_an_error_the_same_one_comes_again() {
    let key = [7; 32];
    let mut stream = Stream::new(Encryptor::new(&key, b"").unwrap());
    for input in [0, 1, MUCH, 2 * MUCH] {
        let mut out = vec![0; stream.bound(input)];
        let step = stream.update(&vec![1; input], &mut out).ok().unwrap();
        assert_eq!((step.status, step.consumed), (SLW_OK, input));
    }
    let mut stream = Stream::new(Decryptor::new(&key, b""));
    for _ in 0..3 {
        let mut out = [0xa5; 64];
        let failure = stream.update(&[9; 100], &mut out).err().unwrap();
        assert_eq!(failure.status, crate::status::SLW_ERR_UNSEAL);
        assert_eq!(stream.finish(&mut out).err().unwrap().status, failure.status);
        assert_eq!(out, [0xa5; 64]);
    }
}
