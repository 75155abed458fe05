//! From file to file, beside `cp` and age, each in a process of its own.
//!
//! Ours says itself what the call took, in a process that has sealed before, as one that embeds the library has: at its first
//! random byte the cryptography library tests its generator, which takes 30 ms once.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use spacelift_worker_benches::{Own, Pairs, Usage, context, median, memory_peak, memory_peak_reset, run};
use spacelift_worker_core::envelope::{seal, workspace};
use spacelift_worker_core::files::{seal_file, unseal_file};
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_core::secret::SecretText;

use super::{Bar, Table, Work, in_memory};

/// Seals or unseals one file and says how much memory it took, when this process was started for that.
pub(crate) fn as_child(arguments: &[String]) -> bool {
    let [verb, key, source, target] = arguments else { return false };
    if !["seal", "unseal"].contains(&verb.as_str()) {
        return false;
    }
    let key = fs::read_to_string(key).expect("the key");
    let key = PoolKey::from_pem(&SecretText::new(key)).expect("a key");
    let (source, target) = (Path::new(source), Path::new(target));
    seal(&key.public_key(), &context(), Some(&key), b"").expect("sealed");
    memory_peak_reset();
    let (before, usage) = (memory_peak(), Own::now());
    if verb == "seal" {
        seal_file(source, target, |len| workspace::sealer(&key, &context(), Some(len))).expect("sealed");
    } else {
        unseal_file(source, target, workspace::unsealer(&[&key], &context())).expect("opened");
    }
    let usage = usage.since();
    println!("{} {} {}", usage.wall, usage.cpu, memory_peak() - before);
    true
}

/// The files of one run.
struct Place {
    folder: tempfile::TempDir,
    age: bool,
}

impl Place {
    fn new(work: &Work) -> Self {
        let place = Self { folder: in_memory(), age: age_is_there() };
        let key = PoolKey::generate(work.bits).expect("a key").to_pem().expect("PEM");
        let options = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(place.at("key"));
        options.expect("a file").write_all(key.expose().as_bytes()).expect("written");
        let mut plain = fs::File::create(place.at("plain")).expect("a file");
        let block: Vec<u8> = (0..1_usize << 20).map(|at| (at * 31 % 251) as u8).collect();
        for _ in 0..work.file >> 20 {
            plain.write_all(&block).expect("written");
        }
        place.ours("seal", "plain", "sealed");
        if place.age {
            let (_, public) = run(Command::new("ssh-keygen").args(["-y", "-f"]).arg(place.at("key")));
            fs::write(place.at("key.pub"), public).expect("written");
            place.age("plain", "aged", &["-R", "key.pub"]);
        }
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command in the folder after `target` was removed.
    fn command(&self, command: &mut Command, target: &str) -> (Usage, String) {
        // There may be none
        let _ = fs::remove_file(self.at(target));
        run(command.current_dir(self.folder.path()))
    }

    fn ours(&self, verb: &str, source: &str, target: &str) -> Usage {
        self.ours_with_peak(verb, source, target).0
    }

    /// Ours, and the memory that it took over its start, in KiB.
    fn ours_with_peak(&self, verb: &str, source: &str, target: &str) -> (Usage, f64) {
        let program = std::env::current_exe().expect("this program");
        let (_, output) = self.command(Command::new(program).args([verb, "key", source, target]), target);
        let said: Vec<f64> = output.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        let [wall, cpu, peak] = <[f64; 3]>::try_from(said).expect("three numbers");
        (Usage { wall, cpu }, peak)
    }

    fn cp(&self, source: &str) -> Usage {
        self.command(Command::new("cp").args([source, "copy"]), "copy").0
    }

    fn age(&self, source: &str, target: &str, options: &[&str]) -> Usage {
        self.command(Command::new("age").args(options).args(["-o", target, source]), target).0
    }
}

fn age_is_there() -> bool {
    Command::new("age").arg("--version").output().is_ok_and(|output| output.status.success())
}

pub(crate) fn measure(work: &Work, table: &mut Table) {
    let place = Place::new(work);
    let size = work.file >> 20;
    // Seal: of the plain file, and cp of the plain file. Unseal: of the sealed file, and cp of it
    for (verb, source, cpu_bar, wall_bar) in [("seal", "plain", 1.35, 1.20), ("unseal", "sealed", 1.50, 1.15)]
    {
        let (mut cpu, mut wall, mut peak) = (Pairs::default(), Pairs::default(), 0.0_f64);
        for _ in 0..work.pairs {
            let (ours, memory) = place.ours_with_peak(verb, source, "ours");
            let rival = place.cp(source);
            cpu.push(ours.cpu, rival.cpu);
            wall.push(ours.wall, rival.wall);
            peak = peak.max(memory);
        }
        let seconds = |values: &[f64]| format!("{:.3} s", median(values));
        let row = |what: &str| format!("{verb} {size} MiB from file to file, {what}");
        table.row(
            &row("CPU, against cp"),
            seconds(&cpu.ours),
            seconds(&cpu.rival),
            cpu.ratio(),
            &Bar::AtMost(cpu_bar),
        );
        table.row(
            &row("wall, against cp"),
            seconds(&wall.ours),
            seconds(&wall.rival),
            wall.ratio(),
            &Bar::AtMost(wall_bar),
        );
        let mib = peak / 1024.0;
        table.row(
            &row("peak memory over start, MiB"),
            format!("{mib:.2} MiB"),
            "–".to_owned(),
            mib,
            &Bar::AtMost(8.0),
        );
        against_age(work, &place, table, verb);
    }
}

fn against_age(work: &Work, place: &Place, table: &mut Table, verb: &str) {
    let what = format!(
        "{verb} {} MiB from file to file, wall, times faster than age with the same key",
        work.file >> 20
    );
    if !place.age {
        return table.missing(&what, "install age");
    }
    let (source, aged, options, bar): (_, _, &[&str], _) = match verb {
        "seal" => ("plain", "plain", &["-R", "key.pub"], 1.5),
        _ => ("sealed", "aged", &["-d", "-i", "key"], 2.0),
    };
    let mut wall = Pairs::default();
    for _ in 0..work.pairs.div_ceil(2) {
        wall.push(place.ours(verb, source, "ours").wall, place.age(aged, "age", options).wall);
    }
    let seconds = |values: &[f64]| format!("{:.3} s", median(values));
    table.row(&what, seconds(&wall.ours), seconds(&wall.rival), 1.0 / wall.ratio(), &Bar::AtLeast(bar));
}
