//! How fast masking is, as a table: CPU time of one thread over a log as Terraform writes it, beside its rivals.
//!
//! `SLW_MASK_MIB` is the length of the log, 200 MiB where it is not set. Every write's output is taken and dropped, as a sink would. The rivals:
//! a copy of the bytes; the plain walk, which keeps the same promise without a filter; Python's `re` and Go's
//! `strings.Replacer`, which keep less of it.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use spacelift_worker_benches::masking::{PlainPatterns, PlainWalk, log, secrets};
use spacelift_worker_benches::{cpu_time, in_test_mode};
use spacelift_worker_core::mask::{Forms, MaskSettings, SecretSet, Secrets};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn main() {
    let length = if in_test_mode() { 100 * KIB } else { number("SLW_MASK_MIB", 200) * MIB };
    let tries = if in_test_mode() { 1 } else { number("SLW_MASK_TRIES", 3) };
    let mut table = Table { tries, copy: Duration::ZERO };
    let (five, fifty, many) = (secrets(5), secrets(50), secrets(500));
    let text = log(&fifty, length, false);
    table.head(text.len());
    table.copy =
        table.row("copy × 64 KiB", &text, 64 * KIB, None, |piece, out| out.extend_from_slice(piece));

    for values in [&five, &fifty, &many] {
        let text = log(values, length, false);
        let plain = table.plain_walk(&format!("plain walk, {}", values.len()), &text, &patterns(values));
        let name = format!("{} × 64 KiB", values.len());
        let took = table.masked(&name, &text, 64 * KIB, &of(values, raw()), Some(plain));
        if values.len() == 50 {
            let small = table.masked("50 × 4 KiB", &text, 4 * KIB, &of(values, raw()), Some(plain));
            let mut all_forms = raw();
            all_forms.forms = Forms::default();
            let all = table.masked("50, all forms × 4 KiB", &text, 4 * KIB, &of(values, all_forms), None);
            println!("| … of 50 × 4 KiB | | {:.2} × it | |", ratio(small, all));
            println!("| … of 50 × 64 KiB | | {:.2} × it | |", ratio(took, all));
        }
    }

    let mut all_on = MaskSettings::default();
    all_on.well_known = true;
    let mut with_short = fifty.clone();
    with_short.push("k7Q!".to_owned());
    let all = of(&with_short, all_on);
    let plain = table.plain_walk("plain walk, their forms", &text, &forms_of(&with_short));
    table.masked("defaults all on, 50 and one of 4 bytes × 64 KiB", &text, 64 * KIB, &all, Some(plain));
    table.masked("defaults all on, 50 × 64 KiB", &text, 64 * KIB, &of(&fifty, all_on), Some(plain));

    let mut terminal = raw();
    terminal.terminal = true;
    for (name, coloured) in [("plain log", false), ("coloured log", true)] {
        let text = log(&fifty, length, coloured);
        let off = table.masked(
            &format!("50, terminal mode off, {name}"),
            &text,
            64 * KIB,
            &of(&fifty, raw()),
            None,
        );
        let on = table.masked(
            &format!("50, terminal mode on, {name}"),
            &text,
            64 * KIB,
            &of(&fifty, terminal),
            None,
        );
        println!("| … of itself off | | {:.2} × it | |", ratio(off, on));
    }
    let name = "50, through a run's masker with commands × 64 KiB";
    let secrets = of(&fifty, raw());
    let mut masker = secrets.masker_with_commands();
    table.row(name, &text, 64 * KIB, None, |piece, out| masker.push(piece, out));

    adversaries(&table, if in_test_mode() { 50 * KIB } else { 8 * MIB });
    others(&text[..text.len().min(if in_test_mode() { text.len() } else { 20 * MIB })], &fifty);
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |number| number.parse().expect("a number"))
}

/// Values as they are, terminal mode off.
fn raw() -> MaskSettings {
    let mut settings = MaskSettings::default();
    (settings.forms, settings.terminal) = (Forms::none(), false);
    settings
}

fn of(values: &[String], settings: MaskSettings) -> Secrets {
    let mut set = SecretSet::with_settings(settings);
    values.iter().for_each(|value| set.add(value.as_bytes()).expect("a secret"));
    Secrets::new(set).expect("not too many")
}

fn patterns(values: &[String]) -> Vec<Vec<u8>> {
    values.iter().map(|value| value.as_bytes().to_vec()).collect()
}

/// All spellings of the values.
fn forms_of(values: &[String]) -> Vec<Vec<u8>> {
    let mut set = SecretSet::new();
    values.iter().for_each(|value| set.add(value.as_bytes()).expect("a secret"));
    set.spellings().map(<[u8]>::to_vec).collect()
}

fn ratio(base: Duration, took: Duration) -> f64 {
    base.as_secs_f64() / took.as_secs_f64()
}

struct Table {
    tries: usize,
    copy: Duration,
}

impl Table {
    fn head(&self, length: usize) {
        println!("A log of {} MiB; best of {} tries, CPU time.\n", length / MIB, self.tries);
        println!("| secrets × write | MB/s | × plain walk | × copy |\n| --- | --- | --- | --- |");
    }

    fn row(
        &self,
        name: &str,
        text: &[u8],
        write: usize,
        plain: Option<Duration>,
        mut push: impl FnMut(&[u8], &mut Vec<u8>),
    ) -> Duration {
        let mut out = Vec::with_capacity(2 * write);
        let took = cpu_time(self.tries, || {
            for piece in text.chunks(write) {
                out.clear();
                push(black_box(piece), &mut out);
                black_box(&out);
            }
        });
        let speed = text.len() as f64 / took.as_secs_f64() / 1e6;
        let times = plain.map_or(String::new(), |plain| format!("{:.1}", ratio(plain, took)));
        let copy = if self.copy.is_zero() { 1.0 } else { ratio(self.copy, took) };
        println!("| {name} | {speed:.0} | {times} | {copy:.2} |");
        took
    }

    fn masked(
        &self,
        name: &str,
        text: &[u8],
        write: usize,
        secrets: &Secrets,
        plain: Option<Duration>,
    ) -> Duration {
        let mut masker = secrets.masker();
        self.row(name, text, write, plain, |piece, out| masker.push(piece, out))
    }

    fn plain_walk(&self, name: &str, text: &[u8], patterns: &[Vec<u8>]) -> Duration {
        let patterns = PlainPatterns::new(patterns).expect("an automaton");
        let mut walk = PlainWalk::new(&patterns);
        self.row(name, text, 64 * KIB, None, |piece, out| walk.push(piece, out))
    }
}

/// Input that is made to be slow: twice the input may take twice the time, and twice the secret no more than before.
fn adversaries(table: &Table, length: usize) {
    println!("\n| adversary | ns a byte | twice the input | twice the secret |\n| --- | --- | --- | --- |");
    let secret = |length: usize| vec![["a".repeat(length - 1), "b".to_owned()].concat()];
    let run = vec![b'a'; 2 * length];
    let time = |text: &[u8], secrets: &Secrets, write: usize| {
        let mut out = Vec::with_capacity(2 * write);
        cpu_time(table.tries, || {
            let mut masker = secrets.masker();
            for piece in text.chunks(write) {
                out.clear();
                masker.push(black_box(piece), &mut out);
            }
            masker.finish(&mut out);
        })
    };
    let log = log(&secrets(50), 2 * length, false);
    let fifty = of(&secrets(50), raw());
    for (name, text, write, one, two) in [
        (
            "a…ab of 16 bytes on a run of a",
            &run,
            64 * KIB,
            of(&secret(16), raw()),
            Some(of(&secret(32), raw())),
        ),
        (
            "a…ab of 1,000 bytes on a run of a",
            &run,
            64 * KIB,
            of(&secret(1_000), raw()),
            Some(of(&secret(2_000), raw())),
        ),
        (
            "a…ab of 60,000 bytes on a run of a",
            &run,
            64 * KIB,
            of(&secret(60_000), raw()),
            Some(of(&secret(120_000), raw())),
        ),
        (
            "the same in all forms",
            &run,
            64 * KIB,
            of(&secret(1_000), MaskSettings::default()),
            Some(of(&secret(2_000), MaskSettings::default())),
        ),
        ("the same in 1-byte writes", &run, 1, of(&secret(1_000), raw()), Some(of(&secret(2_000), raw()))),
        ("50 secrets, 1-byte writes of a log", &log, 1, fifty, None),
    ] {
        let once = time(&text[..length], &one, write);
        let twice = time(text, &one, write);
        let longer = two.map_or(String::new(), |two| {
            format!("{:.2} ×", 1.0 / ratio(once, time(&text[..length], &two, write)))
        });
        let nanoseconds = once.as_nanos() as f64 / length as f64;
        println!("| {name} | {nanoseconds:.2} | {:.2} × | {longer} |", 1.0 / ratio(once, twice));
    }
}

/// What others have, over the same bytes in writes of 64 KiB.
fn others(text: &[u8], values: &[String]) {
    println!("\n| others, 50 × 64 KiB | MB/s |\n| --- | --- |");
    let folder = std::env::temp_dir().join(format!("slw-mask-table-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (log, list) = (folder.join("log"), folder.join("secrets"));
    std::fs::write(&log, text).expect("a file");
    std::fs::write(&list, values.join("\n")).expect("a file");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals");
    let go = here.join("mask.go").display().to_string();
    let python = here.join("mask.py").display().to_string();
    for (name, program, arguments) in
        [("Go's strings.Replacer", "go", vec!["run", &go]), ("Python's re", "python3", vec![&python])]
    {
        let run =
            Command::new(program).args(arguments).args([&log, &list]).env("GO111MODULE", "off").output();
        let answer = match run {
            Ok(output) if output.status.success() => {
                String::from_utf8_lossy(&output.stdout).trim().to_owned()
            }
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => format!("not measured: {error}"),
        };
        println!("| {name} | {answer} |");
    }
    let _ = std::fs::remove_dir_all(folder);
}
