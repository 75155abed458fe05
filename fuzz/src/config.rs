//! Configurations: any pairs are parsed, each problem is one line, and none shows the token.

use spacelift_worker_core::config::{duration, parse};

/// `NAME=value` lines, and each value as a duration.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let pairs: Vec<(String, String)> = text
        .split('\n')
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (_, value) in &pairs {
        if let Ok(nanos) = duration::parse_nanos(value) {
            assert_eq!(duration::parse_nanos(&format!("{nanos}ns")), Ok(nanos));
        }
    }
    let parsed = parse(pairs.iter().cloned());
    let problems = parsed.problems.iter().map(ToString::to_string);
    let shown: Vec<String> = problems.chain(parsed.warnings.iter().map(ToString::to_string)).collect();
    assert!(shown.iter().all(|line| !line.contains('\n')), "{shown:?}");
    for (name, value) in pairs.iter().filter(|(name, value)| name == "SPACELIFT_TOKEN" && value.len() > 20) {
        let elsewhere = |(other, text): &(String, String)| {
            other.contains(value.as_str()) || (other != name && text.contains(value.as_str()))
        };
        assert!(pairs.iter().any(elsewhere) || !shown.iter().any(|line| line.contains(value.as_str())));
    }
}
