//! Makes a pool's private key and a certificate signing request.
//!
//! `cargo run --example keygen -- spacelift.key spacelift.csr` does what the documentation does with
//! `openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out spacelift.csr`.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use spacelift_worker_core::pool::PoolKey;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [key_path, csr_path] = paths.as_slice() else {
        return Err("usage: keygen KEY-FILE CSR-FILE".into());
    };
    let key = PoolKey::generate(4096)?;
    // Never over an existing key: whoever loses a pool's key loses the pool.
    let mut file = File::options().create_new(true).write(true).mode(0o600).open(key_path)?;
    file.write_all(key.to_pem()?.expose().as_bytes())?;
    std::fs::write(csr_path, key.csr("workers.spacelift.io")?)?;
    Ok(())
}
