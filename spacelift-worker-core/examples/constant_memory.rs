//! How much memory sealing and opening take, whatever the length: fails above 8 MiB over what the process has at its start.
//!
//! `constant_memory stream BYTES` pushes zeros through a sealer into an unsealer, nothing touches the disk;
//! `constant_memory files BYTES FOLDER` seals a file with holes to another one and opens that into a third, and removes them.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use spacelift_worker_core::crypto::Sha256;
use spacelift_worker_core::envelope::{Context, workspace};
use spacelift_worker_core::files::{seal_file, unseal_file};
use spacelift_worker_core::pool::PoolKey;

const BOUND: u64 = 8 << 20;
const PIECE: usize = 256 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let start = memory("VmRSS:")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (key, context) = (PoolKey::generate(2048)?, Context::new([("purpose", "example")])?);
    let len = match arguments.as_slice() {
        ["stream", len] => stream(&key, &context, len.parse()?)?,
        ["files", len, folder] => files(&key, &context, len.parse()?, Path::new(folder))?,
        _ => return Err("usage: constant_memory stream BYTES | files BYTES FOLDER".into()),
    };
    let over = memory("VmHWM:")?.saturating_sub(start);
    println!("{len} bytes there and back, at most {} KiB of memory over the start", over / 1024);
    if over > BOUND { Err(format!("that is more than {} KiB", BOUND / 1024).into()) } else { Ok(()) }
}

/// A line of `/proc/self/status` (proc_pid_status(5)), in bytes.
fn memory(name: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

fn stream(key: &PoolKey, context: &Context, len: u64) -> Result<u64, Box<dyn Error>> {
    let mut sealer = workspace::sealer(key, context, Some(len))?;
    let mut unsealer = workspace::unsealer(&[key], context);
    let (mut sealed, mut opened) = (Vec::new(), Vec::new());
    let (mut expected, mut found) = (Sha256::new(), Sha256::new());
    let zeros = vec![0; PIECE];
    let (mut left, mut came) = (len, 0);
    while left > 0 {
        let piece = &zeros[..PIECE.min(usize::try_from(left)?)];
        left -= piece.len() as u64;
        expected.update(piece);
        sealer.update(piece, &mut sealed)?;
        unsealer.update(&sealed, &mut opened)?;
        found.update(&opened);
        came += opened.len() as u64;
        sealed.clear();
        opened.clear();
    }
    sealer.finish(&mut sealed)?;
    unsealer.update(&sealed, &mut opened)?;
    unsealer.finish(&mut opened)?;
    found.update(&opened);
    came += opened.len() as u64;
    if came != len || found.finish() != expected.finish() {
        return Err("another content came back".into());
    }
    Ok(came)
}

fn files(key: &PoolKey, context: &Context, len: u64, folder: &Path) -> Result<u64, Box<dyn Error>> {
    let [plain, sealed, opened] = ["plain", "sealed", "opened"].map(|name| folder.join(name));
    // All holes but for its last byte, which shows that the end came through.
    let mut file = File::options().write(true).create_new(true).open(&plain)?;
    file.seek(SeekFrom::Start(len.saturating_sub(1)))?;
    file.write_all(b"x")?;
    seal_file(&plain, &sealed, |len| workspace::sealer(key, context, Some(len)))?;
    let came = unseal_file(&sealed, &opened, workspace::unsealer(&[key], context))?;
    let same = digest(&plain)? == digest(&opened)?;
    for path in [&plain, &sealed, &opened] {
        fs::remove_file(path)?;
    }
    if same { Ok(came) } else { Err("another content came back".into()) }
}

fn digest(path: &Path) -> Result<[u8; 32], Box<dyn Error>> {
    let (mut file, mut digest) = (File::open(path)?, Sha256::new());
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(digest.finish()),
            len => digest.update(&piece[..len]),
        }
    }
}
