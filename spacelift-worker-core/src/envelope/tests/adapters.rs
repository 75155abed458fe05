//! `Read` and `Write` over the push-style core.

use std::io::{Read, Write};

use super::*;

#[test]
fn the_reader_keeps_failing_and_never_reports_the_end_of_a_cut_file() {
    let bytes = sealed(2 * CHUNK_LEN);
    let mut reader = UnsealReader::new(workspace::unsealer(&[&POOL], &context()), &bytes[..bytes.len() - 1]);
    let mut buffer = vec![0; 1_000_000];
    let read = loop {
        match reader.read(&mut buffer) {
            Ok(0) => panic!("the cut file ended like a whole one"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(read.to_string(), UnsealError::Damaged.to_string());
    for _ in 0..3 {
        reader.read(&mut buffer).unwrap_err();
    }
}

#[test]
fn writer_and_reader_are_the_same_as_the_core() {
    let plain = pattern(600_000);
    let sealer = workspace::sealer(&POOL, &context(), None).unwrap();
    let mut writer = SealWriter::new(sealer, Vec::new());
    writer.write_all(&plain).unwrap();
    let bytes = writer.finish().unwrap();
    let mut out = Vec::new();
    UnsealReader::new(workspace::unsealer(&[&POOL], &context()), &bytes[..]).read_to_end(&mut out).unwrap();
    assert!(out == plain && open(&bytes).unwrap() == plain);
}

#[test]
fn a_writer_below_that_failed_once_makes_the_sealed_file_fail() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += 1;
            if self.0 == 2 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = SealWriter::new(workspace::sealer(&POOL, &context(), None).unwrap(), Full(0));
    writer.write_all(&pattern(100)).unwrap();
    for _ in 0..3 {
        let error = writer.write_all(&pattern(20_000)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
    assert_eq!(writer.finish().err().unwrap().kind(), std::io::ErrorKind::StorageFull);
}
